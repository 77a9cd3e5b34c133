"""Reading an archive from S3 by ranges, pinned to one version of the object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError

from orchard.archive.errors import SourceChangedError, SourceMissingError
from orchard.archive.sources.base import PinnedSource, SourceReference
from orchard.archive.sources.s3_refusals import Asked, check_restored, source_error
from orchard.aws import clients
from orchard.layout import ObjectAddress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

_READ_ATTEMPTS = 4
"""How often a range is asked for when its body breaks off: botocore retries requests, but not their bodies."""

_BROKEN_BODY = (HTTPClientError, IncompleteReadError)


class S3Source(PinnedSource):
    """One version of an object; every read is one GET that fails rather than return another version's bytes.

    Attributes:
        metadata: The object's user metadata, where it was found and not only reopened.
    """

    def __init__(
        self, reference: SourceReference, client: S3Client | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(reference)
        self.metadata = metadata or {}
        self._address = ObjectAddress.parse(reference.uri)
        self._client = client or clients.s3()

    @classmethod
    def find(cls, uri: str, *, version_id: str | None, etag: str | None, client: S3Client | None = None) -> Self:
        """Pin an object by one HEAD; see `orchard.archive.sources.open.open_source`."""
        address = _parse(uri)
        client = client or clients.s3()
        asked = Asked(address, _pin(SourceReference(address.uri, 0, version_id, etag)), client)
        try:
            found = client.head_object(Bucket=address.bucket, Key=address.key, **asked.pin)
        except (BotoCoreError, ClientError) as error:
            raise source_error(asked, error, missing=SourceMissingError) from error
        check_restored(asked, found)
        reference = SourceReference(
            address.uri, found["ContentLength"], found.get("VersionId"), found["ETag"].strip('"')
        )
        return cls(reference, client, found.get("Metadata"))

    def _read(self, start: int, length: int) -> bytes:
        asked = Asked(self._address, _pin(self.reference), self._client)
        request: dict[str, Any] = {
            "Bucket": self._address.bucket,
            "Key": self._address.key,
            "Range": f"bytes={start}-{start + length - 1}",
            **asked.pin,
        }
        attempt = 0
        while True:
            attempt += 1
            try:
                content: bytes = self._client.get_object(**request)["Body"].read()
                return content
            except (BotoCoreError, ClientError) as error:
                if attempt == _READ_ATTEMPTS or not isinstance(error, _BROKEN_BODY):
                    raise source_error(asked, error, missing=SourceChangedError) from error


def _parse(uri: str) -> ObjectAddress:
    try:
        return ObjectAddress.parse(uri)
    except ValueError as error:
        raise SourceMissingError.at(uri, "an address in S3 is s3://bucket/key") from error


def _pin(reference: SourceReference) -> dict[str, Any]:
    """The parameters that make S3 answer for this version only."""
    if reference.version_id and reference.version_id != "null":  # which can be overwritten, so it pins nothing
        return {"VersionId": reference.version_id}
    return {"IfMatch": f'"{reference.etag}"'} if reference.etag else {}
