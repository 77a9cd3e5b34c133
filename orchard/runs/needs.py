"""Which runs need the files of others: those that begin with an earlier run's results, which are never copied."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.layout import run_files
from orchard.pipeline.origin import NO_ORIGIN, Origin
from orchard.pipeline.values import Parsed
from orchard.runs.earlier import S3Files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from mypy_boto3_s3 import S3Client

_PARALLEL = 8
_LASTING = ("images", "features", "components")
"""What a run that is complete goes on to need; the features that another run knew, it has copied."""


@dataclass(frozen=True)
class _Planned(Parsed):
    """What a run's `plan.json` says of its origin."""

    origin: Origin = NO_ORIGIN


def needed_by(s3: S3Client, results_bucket: str, runs: Iterable[str]) -> dict[str, list[str]]:
    """Look for the runs that need the files of others.

    Args:
        runs: All that have results.

    Returns:
        Run → those of `runs` that need its files, in their order.
    """
    files, known = S3Files(s3), list(runs)

    def taken(run: str) -> set[str]:
        plan = _Planned.from_text(files.read_text(run_files(results_bucket, run).plan) or "")
        return {plan.origin.runs[what] for what in _LASTING if what in plan.origin.runs}

    found: dict[str, list[str]] = {}
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for run, origins in zip(known, pool.map(taken, known), strict=True):
            for origin in sorted(origins):
                found.setdefault(origin, []).append(run)
    return found


def still_needed(chosen: Collection[str], needed: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Of runs that somebody wants to delete those that runs need that stay.

    Args:
        needed: What `needed_by` gave.

    Returns:
        Run → the runs that stay and need it; of them some may be chosen, too, and stay since others need them.
    """
    kept: dict[str, list[str]] = {}
    going = set(chosen)
    while more := {run: who for run in going if (who := [one for one in needed.get(run, ()) if one not in going])}:
        kept |= more
        going -= more.keys()
    return kept
