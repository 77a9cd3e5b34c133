"""Results that are no longer there, and when they went: a note in the results bucket, which outlives them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from orchard.aws.errors import is_absent, is_denied
from orchard.layout import deletion_note, run_prefix

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Deleted:
    """Results that were deleted.

    Attributes:
        time: When `orchard clean` deleted them; None if nobody noted it.
    """

    time: datetime | None


def note_deletion(s3: S3Client, bucket: str, runs: Iterable[str], time: datetime) -> None:
    """Note that the results of runs are about to be deleted."""
    for run in runs:
        note = json.dumps({"run": run, "deleted": time.isoformat()})
        s3.put_object(Bucket=bucket, Key=deletion_note(run), Body=note.encode(), ContentType="application/json")


def find_deletion(s3: S3Client, bucket: str, run: str) -> Deleted | None:
    """Look for what a run has left.

    Returns:
        A `Deleted` if nothing is left; None if there is something, or if that cannot be asked.
    """
    try:
        if s3.list_objects_v2(Bucket=bucket, Prefix=run_prefix(run), MaxKeys=1).get("Contents"):
            return None
        return Deleted(_noted(s3, bucket, run))
    except ClientError as error:
        if is_denied(error) or is_absent(error):
            return None
        raise


def _noted(s3: S3Client, bucket: str, run: str) -> datetime | None:
    try:
        note = json.loads(s3.get_object(Bucket=bucket, Key=deletion_note(run))["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None
    return datetime.fromisoformat(note["deleted"])
