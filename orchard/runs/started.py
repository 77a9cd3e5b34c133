"""Which run an object has started, where the object alone does not tell.

In a bucket of the stack's own every version has a run, whose id is made from it. A bucket that serves others, too,
holds objects that are none of ours; and one that keeps no versions gives its objects no name of their own, so that only
the event of an upload, which has a sequencer, tells uploads of the same bytes apart.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING

from orchard.errors import RunFailedError, UsageError
from orchard.layout import run_id
from orchard.pipeline.input import ArchiveVersion, GivenArchive
from orchard.runs.listing import list_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mypy_boto3_stepfunctions import SFNClient

_LATEST = 50  # runs among which that of an upload is looked for
_PAUSE = 2.0

Identity = tuple[str, str]
"""What tells one object of a bucket from another: its key, and its version, or without versions its ETag."""


def identity(archive: ArchiveVersion) -> Identity:
    """What distinguishes an archive from others of its bucket."""
    return archive.key, archive.version_id or archive.etag


def archive_of(sfn: SFNClient, execution_arn: str) -> ArchiveVersion | None:
    """The archive that an execution is about; None if its input does not say."""
    try:
        return GivenArchive.from_text(sfn.describe_execution(executionArn=execution_arn).get("input", "")).version()
    except UsageError:
        return None


def runs_by_archive(sfn: SFNClient, state_machine_arn: str, bucket: str) -> dict[Identity, str]:
    """The runs that Step Functions still knows, by what they are about.

    Args:
        bucket: Only those of its archives.

    Returns:
        The id of the latest run of each.
    """
    found: dict[Identity, str] = {}
    for run in list_runs(sfn, state_machine_arn):
        archive = archive_of(sfn, run.arn)
        if archive is not None and archive.bucket == bucket:
            found.setdefault(identity(archive), run.id)
    return found


def latest_of(sfn: SFNClient, state_machine_arn: str, bucket: str, key: str) -> list[tuple[str, str]]:
    """Of the latest runs those that may be about a key, by their names.

    Returns:
        Id and ARN of each, the newest first.
    """
    name = run_id(bucket, key, version_id="any").rpartition("-")[0]
    runs = islice(list_runs(sfn, state_machine_arn), _LATEST)
    return [(run.id, run.arn) for run in runs if run.id.rpartition("-")[0] == name]


def await_run(
    sfn: SFNClient,
    state_machine_arn: str,
    archive: ArchiveVersion,
    before: Collection[str],
    patience: float,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Wait for the run of an upload that has no version.

    Args:
        before: The ids of runs that were there before.
        patience: How long to wait, seconds.

    Returns:
        Its id.

    Raises:
        RunFailedError: None has started.
    """
    waited = 0.0
    while waited <= patience:
        for run, arn in latest_of(sfn, state_machine_arn, archive.bucket, archive.key):
            if run not in before and (found := archive_of(sfn, arn)) and identity(found) == identity(archive):
                return run
        sleep(_PAUSE)
        waited += _PAUSE
    cause = f"no event of {archive.bucket} has reached the pipeline within {patience:.0f} seconds"
    raise RunFailedError("The upload started no run", cause, "orchard doctor")
