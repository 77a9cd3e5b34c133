"""Whether what is uploaded starts runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchard import aws
from orchard.doctor.checks import Check, ok
from orchard.kinds import Kind, kind_of
from orchard.shown import shown

if TYPE_CHECKING:
    from boto3.session import Session

    from orchard.stack import Stack

_SEEN = 1000  # objects of one answer to ListObjectsV2


def uploads(session: Session, stack: Stack) -> Check:
    """Look at what lies in the input bucket: of single pictures, which start nothing, nobody is told by mail."""
    s3 = session.client("s3", config=aws.client_config())
    listed = s3.list_objects_v2(Bucket=stack.input_bucket, MaxKeys=_SEEN)
    keys = [one["Key"] for one in listed.get("Contents", [])]
    idle = [key for key in keys if kind_of(key) is Kind.OTHER]
    seen = f"the first {len(keys):,} objects" if listed.get("IsTruncated") else f"{len(keys):,} objects"
    if not idle:
        return ok("Uploads", f"{seen}, of which each has started a run" if keys else "nothing was uploaded yet")
    example = shown(idle[0])
    return ok("Uploads", f"{seen}, of which {len(idle):,} are no archive and start nothing, {example} say: zip them")
