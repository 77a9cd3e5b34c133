"""The run in one JSON: what was counted, how long it took, with what it was made, what it should cost on AWS."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import orchard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchard.jobs.stages import StageRecord
    from orchard.layout import RunFiles

_LIBRARIES = ("numpy", "onnxruntime", "pillow", "pyarrow", "tensorflow-cpu")


def summarise(run: RunFiles, records: Sequence[StageRecord], plan: dict[str, Any] | None) -> dict[str, Any]:
    """What `summary.json` holds.

    Args:
        run: The run's files; the last segment of their base is the run's id.
        records: The records of all three stages, in order.
        plan: What `plan.json` holds; None for jobs that were run alone, which have no cost either.
    """
    facts: dict[str, Any] = {key: value for record in records for key, value in record.facts.items()}
    counts = {key: value for record in records for key, value in record.counts.items()}
    stages = {record.stage: {"seconds": record.seconds} for record in records}
    seconds = stages["featurize"]["seconds"]
    stages["featurize"]["images_per_second"] = round(counts["images"] / seconds, 1) if seconds else 0.0
    return {
        "run_id": run.base.rstrip("/").rsplit("/", 1)[-1],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "archive": facts["archive"],
        "ignored": facts["ignored"],
        "counts": {**counts, "classes": facts["classes"]},
        "stages": stages,
        "engine": facts["engine"],
        "model": facts["model"],
        "parameters": facts["parameters"],
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

    found = {"orchard": orchard.__version__, "spark": pyspark.__version__, "python": platform.python_version()}
    if plan is not None and "release" in plan:
        found["release"] = plan["release"]
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
