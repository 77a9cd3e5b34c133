"""Delete what runs have left in S3: outputs, logs, uploads. All versions of an object go, or the object stays.

What there is, is read from the buckets, not from Step Functions: executions are forgotten after 90 days, files are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from orchard import layout
from orchard.archive.request import MOST_BYTES
from orchard.errors import OrchardError, UsageError, shown
from orchard.pipeline.input import run_of_object
from orchard.pipeline.kinds import Kind, kind_of
from orchard.runs.in_use import Named, names_in
from orchard.runs.listing import the_one

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

    from orchard.aws.stack import Stack
    from orchard.runs.started import Identity

_BATCH = 1000  # keys of one DeleteObjects (API model)
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Version:
    """One version of an object, or the marker of its deletion.

    Attributes:
        id: The version's id; `null` in a bucket that keeps none.
        size: Bytes; 0 for a marker.
        etag: Its ETag, without quotes; "" of a marker.
    """

    key: str
    id: str
    size: int
    modified: datetime
    etag: str = ""


@dataclass(frozen=True)
class RunObjects:
    """What one run has left of one kind.

    Attributes:
        versions: Every version of every object.
    """

    run: str
    versions: tuple[Version, ...]

    @property
    def size(self) -> int:
        return sum(version.size for version in self.versions)

    @property
    def modified(self) -> datetime:
        """When the last of it was written."""
        return max(version.modified for version in self.versions)


@dataclass(frozen=True)
class StoredRuns:
    """All that there is of one kind.

    Attributes:
        thing: The kind: `outputs`, `logs` or `uploads`.
        runs: By run, the run that was written last first. What several requests name is each one's.
        markers: Deletion markers, which belong to no run.
        named: What the requests name that are there.
    """

    thing: str
    bucket: str
    runs: tuple[RunObjects, ...]
    markers: tuple[Version, ...]
    named: Named = field(default_factory=Named)


def gather(s3: S3Client, stack: Stack, thing: str, started: Mapping[Identity, str] | None = None) -> StoredRuns:
    """Find all that there is of one kind.

    Args:
        thing: `outputs`, `logs` or `uploads`.
        started: The runs that uploads have started, for an input bucket that is not the stack's own
            (`orchard.runs.started.runs_by_archive`): what else is there is not the stack's to delete, markers included.
    """
    if thing == "uploads":
        return _uploads(s3, stack, started or {})
    prefix = layout.RUNS_PREFIX if thing == "outputs" else layout.LOGS_PREFIX
    found = list(_versions(s3, stack.results_bucket, prefix))
    if thing == "outputs":
        found += _versions(s3, stack.results_bucket, layout.INDEX_PREFIX)

    def run_of(one: Version) -> str:
        if one.key.startswith(layout.INDEX_PREFIX):
            return one.key.rpartition("/")[2]
        return one.key.removeprefix(prefix).split("/", 1)[0]

    return _stored_runs(thing, stack.results_bucket, found, lambda one: (run_of(one),))


def _uploads(s3: S3Client, stack: Stack, started: Mapping[Identity, str]) -> StoredRuns:
    bucket, own = stack.input_bucket, stack.owns_input_bucket
    found = list(_versions(s3, bucket, ""))

    def run_of(one: Version) -> str | None:
        return run_of_object(bucket, one.key, one.id) if own else started.get((one.key, _told_apart_by(one)))

    asked = [one for one, _ in found if kind_of(one.key) is Kind.REQUEST and 0 < one.size <= MOST_BYTES]
    named = names_in(s3, bucket, {run: (one.key, one.id) for one in asked if (run := run_of(one))})

    def runs_of(one: Version) -> tuple[str, ...]:
        return named.owners(one.key) or tuple(filter(None, [run_of(one)]))

    stored = _stored_runs(thing="uploads", bucket=bucket, found=found, runs_of=runs_of)
    return replace(stored, named=named, markers=stored.markers if own else ())


def choose(
    stored: StoredRuns, names: Sequence[str], older_than: timedelta | None, everything: bool, now: datetime
) -> tuple[RunObjects, ...]:
    """Choose what somebody named.

    Args:
        names: Ids of runs, or beginnings that no other run's id has; none for all runs.
        older_than: Only what was written last at least so long ago; None for any age.
        everything: Whether all runs may be meant.

    Raises:
        UsageError: Nothing was named, or a run that is not there.
    """
    if not names and older_than is None and not everything:
        raise UsageError("Name what to delete", "choose runs, or --older-than 30d, or --all")
    if names and everything:
        raise UsageError("Name runs or use --all, not both", "--all is every run")
    by_run = {objects.run: objects for objects in stored.runs}
    chosen = (
        [by_run[run] for run in dict.fromkeys(the_one(name, by_run, f"run with {stored.thing}") for name in names)]
        if names
        else by_run.values()
    )
    return tuple(objects for objects in chosen if older_than is None or now - objects.modified >= older_than)


def to_delete(stored: StoredRuns, chosen: Collection[RunObjects], going_on: Collection[str] = ()) -> list[Version]:
    """The versions that go: those chosen, and the deletion markers of objects of which nothing else is left.

    What another run has, too, stays; so does what the request of a run names that goes on.

    Args:
        going_on: The runs that go on, or are about to start.
    """
    runs = {objects.run for objects in chosen}
    others = {(one.key, one.id) for objects in stored.runs if objects.run not in runs for one in objects.versions}
    ours = dict.fromkeys(version for objects in chosen for version in objects.versions)
    needed = {one.key for one in ours if stored.named.needed_by(one.key, going_on)}
    going = [one for one in ours if (one.key, one.id) not in others and one.key not in needed]
    ids = {(version.key, version.id) for version in going}
    staying = {one.key for objects in stored.runs for one in objects.versions if (one.key, one.id) not in ids}
    gone = {version.key for version in going} - staying
    return going + [marker for marker in stored.markers if marker.key in gone]


def delete(s3: S3Client, bucket: str, versions: Sequence[Version], progress: Callable[[int], None]) -> None:
    """Delete versions for good.

    Args:
        progress: Called with the number that were deleted since the last call.

    Raises:
        OrchardError: S3 has refused to delete some of them; the others are gone.
    """
    for start in range(0, len(versions), _BATCH):
        batch = versions[start : start + _BATCH]
        answer = s3.delete_objects(
            Bucket=bucket,
            Delete={"Objects": [{"Key": one.key, "VersionId": one.id} for one in batch], "Quiet": True},
        )
        if refused := answer.get("Errors", []):
            first = refused[0]
            where = shown(layout.ObjectAddress(bucket, first.get("Key", "")).uri)
            cause = f"{where}: {first.get('Message') or first.get('Code', '')}"
            raise OrchardError(f"S3 did not delete {len(refused):,} objects", cause)
        progress(len(batch))


def age(text: str) -> timedelta:
    """Read an age, as `12h`, `30d` or `8w`.

    Raises:
        UsageError: It is none.
    """
    match = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    if match is None:
        raise UsageError(f"{text!r} is not an age", "write it like 12h, 30d or 8w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _told_apart_by(version: Version) -> str:
    return version.etag if version.id == "null" else version.id


def _stored_runs(
    thing: str, bucket: str, found: Iterable[tuple[Version, bool]], runs_of: Callable[[Version], Iterable[str]]
) -> StoredRuns:
    by_run: dict[str, list[Version]] = {}
    markers = []
    for version, is_marker in found:
        if is_marker:
            markers.append(version)
            continue
        for run in runs_of(version):
            by_run.setdefault(run, []).append(version)
    runs = [RunObjects(run, tuple(versions)) for run, versions in by_run.items()]
    return StoredRuns(
        thing, bucket, tuple(sorted(runs, key=lambda objects: objects.modified, reverse=True)), tuple(markers)
    )


def _versions(s3: S3Client, bucket: str, prefix: str) -> Iterator[tuple[Version, bool]]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for one in page.get("Versions", []):
            yield Version(one["Key"], one["VersionId"], one["Size"], one["LastModified"], one["ETag"].strip('"')), False
        for marker in page.get("DeleteMarkers", []):
            yield Version(marker["Key"], marker["VersionId"], 0, marker["LastModified"]), True
