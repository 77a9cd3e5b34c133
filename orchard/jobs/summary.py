"""The run in one JSON: what was counted, how long it took, with what it was made, what it should cost on AWS."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from orchard.layout import RunFiles
from orchard.pipeline.origin import NO_ORIGIN
from orchard.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchard.jobs.stages import StageRecord
    from orchard.pipeline.origin import Origin

_LIBRARIES = ("numpy", "onnxruntime", "pillow", "pyarrow", "tensorflow-cpu")


def summarise(
    run: RunFiles, records: Sequence[StageRecord], plan: dict[str, Any] | None, origin: Origin = NO_ORIGIN
) -> dict[str, Any]:
    """What `summary.json` holds.

    Args:
        run: The run's files, whose name is the run's id.
        records: The records of all three stages, in order, whoever has done them.
        plan: What `plan.json` holds; None for jobs that were run alone, which have no cost either.
        origin: The earlier runs whose files it uses; what their stages took is no part of this run.
    """
    facts: dict[str, Any] = {key: value for record in records for key, value in record.facts.items()}
    counts = {key: value for record in records for key, value in record.counts.items()}
    stages = {record.stage: {"seconds": record.seconds} for record in records if record.stage in origin.stages}
    named = dict(origin.runs)
    known = facts.get("known", {}) if "featurize" in stages else {}
    if known:
        named["known"] = RunFiles(known["run"]).name
    if featurize := stages.get("featurize"):
        seconds = featurize["seconds"]
        computed = counts["images"] - known.get("features", 0) - known.get("rejected", 0)
        featurize["images_per_second"] = round(computed / seconds, 1) if seconds else 0.0
    return {
        "run_id": run.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "origin": named,
        "known": known.get("features", 0),
        "saved": (plan or {}).get("saved"),
        "archive": facts["archive"],
        "ignored": facts["ignored"],
        "duplicates": facts.get("duplicates"),  # None of an unzip stage that did not look for them
        "counts": {**counts, "classes": facts["classes"]},
        "stages": stages,
        "engine": facts["engine"],
        "model": facts["model"],
        "parameters": facts["parameters"],
        **({"predictions": facts["predictions"]} if "predictions" in facts else {}),
        "versions": _versions(plan),
        "cost": _cost(plan),
    }


def _cost(plan: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the plan expects: while a stage works, nobody knows what the cluster will have cost."""
    if plan is None or not isinstance(plan.get("estimate"), dict):
        return None
    return {**plan["estimate"], "charged": plan.get("charged", True)}


def _versions(plan: dict[str, Any] | None) -> dict[str, str]:
    import pyspark

    found = {"orchard": __version__, "spark": pyspark.__version__, "python": platform.python_version()}
    if plan is not None and "release" in plan:
        found["release"] = plan["release"]
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
