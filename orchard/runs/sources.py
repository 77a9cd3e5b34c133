"""Which sources a deployment may read, and from where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from orchard.archive.collection import find_source
from orchard.archive.errors import SourceDeniedError
from orchard.errors import command_line
from orchard.layout import ObjectAddress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_s3 import S3Client

    from orchard.archive.checks import Limits
    from orchard.archive.collection import Source


@dataclass(frozen=True)
class Readable:
    """What the sources of a request may be.

    Attributes:
        input_bucket: The bucket that the request is in.
        others: The buckets that the stack's `SourceBuckets` names.
    """

    input_bucket: str
    others: tuple[str, ...]
    region: str
    s3: S3Client
    _regions: dict[str, str] = field(default_factory=dict)  # by bucket: a thousand sources may be in one

    def find(self, uri: str, limits: Limits) -> Source:
        """Find a source; see `find_source`.

        Raises:
            SourceDeniedError: It is in a bucket that this deployment may not read, or in another region.
        """
        bucket = ObjectAddress.parse(uri).bucket
        if bucket != self.input_bucket:
            self._check(uri, bucket)
        return find_source(uri, limits, self.s3)

    def _check(self, uri: str, bucket: str) -> None:
        if bucket not in self.others:
            cause = f"runs read the bucket {bucket} only when the stack's parameter SourceBuckets names it"
            raise SourceDeniedError.at(uri, cause, naming([*self.others, bucket]))
        if bucket not in self._regions:
            self._regions[bucket] = region_of(self.s3, bucket)
        where = self._regions[bucket]
        if where and where != self.region:
            cause = f"the bucket {bucket} is in {where}, and the stack in {self.region}: nodes reach S3 of their region"
            recursive = ["--recursive"] if uri.endswith("/") else []
            copy = ["aws", "s3", "cp", *recursive, uri, f"s3://{self.input_bucket}/sources/"]
            raise SourceDeniedError.at(uri, cause, command_line(copy))


def region_of(s3: S3Client, bucket: str) -> str:
    """The region of a bucket, which S3 names even to those who may not read it; "" if it names none."""
    try:
        answer: Any = s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        answer = error.response
    return str(answer["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-bucket-region", ""))


def naming(buckets: Sequence[str]) -> str:
    """The command that lets runs read buckets beside the input bucket."""
    return f"sam deploy --parameter-overrides SourceBuckets={','.join(buckets)}"
