"""What is not to be deleted, since somebody needs it: objects that requests name, and runs with which others begin.

A request names objects of the bucket in which it is, and its run may read them yet. What a run takes of an earlier one
is never copied.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchard.archive.request import read_request
from orchard.errors import ArchiveError
from orchard.layout import ObjectAddress, run_files
from orchard.pipeline.kinds import SOURCES_FOLDER
from orchard.pipeline.origin import NO_ORIGIN, Origin
from orchard.pipeline.values import Parsed
from orchard.runs.earlier import S3Files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from mypy_boto3_s3 import S3Client

_PARALLEL = 8


@dataclass(frozen=True)
class Named:
    """What requests name.

    Attributes:
        by_run: The run of each request → the keys of zips, and prefixes.
    """

    by_run: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def owners(self, key: str) -> tuple[str, ...]:
        """The runs to which an object belongs that lies where it starts none of its own."""
        return self.needed_by(key, self.by_run) if key.startswith(SOURCES_FOLDER) else ()

    def needed_by(self, key: str, runs: Collection[str]) -> tuple[str, ...]:
        """Those of some runs whose requests name an object, or a prefix that it is under."""
        names = {key, "", *(key[: place + 1] for place, char in enumerate(key) if char == "/")}
        return tuple(run for run in runs if not names.isdisjoint(self.by_run.get(run, ())))


def names_in(s3: S3Client, bucket: str, requests: Mapping[str, tuple[str, str]]) -> Named:
    """Read requests.

    Args:
        bucket: The bucket in which they are.
        requests: The run of each → its key and version.
    """
    return Named({run: _names(s3, bucket, key, version) for run, (key, version) in requests.items()})


def _names(s3: S3Client, bucket: str, key: str, version: str) -> frozenset[str]:
    """What one request names of its bucket; nothing where it is no request, which has been refused."""
    content = s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read()
    try:
        request = read_request(ObjectAddress(bucket, key).uri, content)
    except ArchiveError:
        return frozenset()
    found = map(ObjectAddress.parse, request.sources)
    return frozenset(one.key for one in found if one.bucket == bucket)


_LASTING = ("images", "features", "components")
"""What a run that is complete goes on to need; the features that another run knew, it has copied by then."""


@dataclass(frozen=True)
class _Planned(Parsed):
    """What a run's `plan.json` says of its origin."""

    origin: Origin = NO_ORIGIN


def dependents(
    s3: S3Client, results_bucket: str, runs: Iterable[str], going_on: Collection[str] = ()
) -> dict[str, list[str]]:
    """Look for the runs that need the files of others.

    Args:
        runs: All that have results.
        going_on: Those that go on.

    Returns:
        Run → those of `runs` that need its files, in their order.
    """
    files, known = S3Files(s3), list(runs)

    def taken(run: str) -> set[str]:
        plan = _Planned.from_text(files.read_text(run_files(results_bucket, run).plan) or "")
        return {name for what, name in plan.origin.runs.items() if what in _LASTING or run in going_on}

    found: dict[str, list[str]] = {}
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for run, origins in zip(known, pool.map(taken, known), strict=True):
            for origin in sorted(origins):
                found.setdefault(origin, []).append(run)
    return found


def still_needed(chosen: Collection[str], needed: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Of runs that somebody wants to delete those that runs need that stay.

    Args:
        needed: What `dependents` gave.

    Returns:
        Run → the runs that stay and need it; of them some may be chosen, too, and stay since others need them.
    """
    kept: dict[str, list[str]] = {}
    going = set(chosen)
    while more := {run: who for run in going if (who := [one for one in needed.get(run, ()) if one not in going])}:
        kept |= more
        going -= more.keys()
    return kept
