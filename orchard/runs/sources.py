"""Which sources a deployment may read, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.archive.collection import find_source
from orchard.archive.errors import SourceDeniedError
from orchard.layout import ObjectAddress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from orchard.archive.checks import Limits
    from orchard.archive.collection import Source


@dataclass(frozen=True)
class Readable:
    """What the sources of a request may be.

    Attributes:
        input_bucket: The bucket that the request is in.
        region: The region of the stack.
        s3: The S3 client.
    """

    input_bucket: str
    region: str
    s3: S3Client

    def find(self, uri: str, limits: Limits) -> Source:
        """Find a source; see `find_source`.

        Raises:
            SourceDeniedError: It is in a bucket that this deployment may not read.
        """
        bucket = ObjectAddress.parse(uri).bucket
        if bucket != self.input_bucket:
            cause = f"{bucket} is not the input bucket, and runs read no other"
            raise SourceDeniedError.at(uri, cause, f"aws s3 cp {uri} s3://{self.input_bucket}/sources/")
        return find_source(uri, limits, self.s3)
