"""Reading an archive from S3 by ranges, pinned to one version of the object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from orchard.archive.errors import SourceChangedError, SourceMissingError, TruncatedArchiveError
from orchard.archive.sources.base import SourceReference, check_range
from orchard.archive.sources.s3_refusals import Asked, check_restored, source_error
from orchard.layout import ObjectAddress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

_READ_ATTEMPTS = 4
"""How often a range is asked for when its body breaks off: botocore retries requests, but not their bodies."""


class S3Source:
    """One version of an object; every read is one GET that fails rather than return another version's bytes.

    Attributes:
        metadata: The object's user metadata, where it was found and not only reopened.
    """

    def __init__(
        self, reference: SourceReference, client: S3Client | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        self.reference = reference
        self.metadata = metadata or {}
        self._address = ObjectAddress.parse(reference.uri)
        self._client = client

    @classmethod
    def find(cls, uri: str, *, version_id: str | None, etag: str | None, client: S3Client | None = None) -> Self:
        """Pin an object by one HEAD; see `orchard.archive.sources.base.open_source`."""
        address = _parse(uri)
        client = client or _client_of_process()
        asked = Asked(address, _pin(SourceReference(address.uri, 0, version_id, etag)), client)
        try:
            found = client.head_object(Bucket=address.bucket, Key=address.key, **asked.pin)
        except Exception as error:
            mapped = source_error(asked, error, missing=SourceMissingError)
            if mapped is None:
                raise
            raise mapped from error
        check_restored(asked, found)
        reference = SourceReference(
            address.uri, found["ContentLength"], found.get("VersionId"), found["ETag"].strip('"')
        )
        return cls(reference, client, found.get("Metadata"))

    @property
    def uri(self) -> str:
        """The object as `s3://bucket/key`."""
        return self._address.uri

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.reference.size

    def read(self, start: int, length: int) -> bytes:
        """Read one range with one GET; see `orchard.archive.sources.base.RangedSource.read`."""
        check_range(self.uri, self.size, start, length)
        if length == 0:
            return b""
        self._client = self._client or _client_of_process()
        asked = Asked(self._address, _pin(self.reference), self._client)
        request: dict[str, Any] = {
            "Bucket": self._address.bucket,
            "Key": self._address.key,
            "Range": f"bytes={start}-{start + length - 1}",
            **asked.pin,
        }
        for attempt in range(1, _READ_ATTEMPTS + 1):
            try:
                content: bytes = self._client.get_object(**request)["Body"].read()
                break
            except Exception as error:
                mapped = source_error(asked, error, missing=SourceChangedError)
                if mapped is None:
                    raise
                if attempt == _READ_ATTEMPTS or not _is_broken_body(error):
                    raise mapped from error
        if len(content) != length:
            raise TruncatedArchiveError.at(self.uri, f"{length:,} bytes were asked for, and {len(content):,} came")
        return content


def _parse(uri: str) -> ObjectAddress:
    try:
        return ObjectAddress.parse(uri)
    except ValueError as error:
        raise SourceMissingError.at(uri, "an address in S3 is s3://bucket/key") from error


def _client_of_process() -> S3Client:
    from orchard.aws import clients

    return clients.s3()


def _pin(reference: SourceReference) -> dict[str, Any]:
    """The parameters that make S3 answer for this version only."""
    if (
        reference.version_id and reference.version_id != "null"
    ):  # the null version can be overwritten, so it pins nothing
        return {"VersionId": reference.version_id}
    return {"IfMatch": f'"{reference.etag}"'} if reference.etag else {}


def _is_broken_body(error: Exception) -> bool:
    from botocore import exceptions

    return isinstance(
        error, exceptions.HTTPClientError | exceptions.IncompleteReadError | exceptions.ResponseStreamingError
    )
