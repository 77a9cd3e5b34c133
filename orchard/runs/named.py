"""What requests name of the bucket in which they are: it is not to be deleted while their runs may read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchard.archive.request import read_request
from orchard.errors import ArchiveError
from orchard.layout import ObjectAddress
from orchard.pipeline.kinds import SOURCES_FOLDER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mypy_boto3_s3 import S3Client


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
