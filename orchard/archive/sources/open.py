"""Which kind of source an address is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchard.archive.errors import SourceChangedError
from orchard.archive.sources.base import PinnedSource, SourceReference, is_s3, local_path
from orchard.archive.sources.files import ArrowSource, FileSource

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def open_source(
    uri: str, *, version_id: str | None = None, etag: str | None = None, s3_client: S3Client | None = None
) -> PinnedSource:
    """Find an archive and pin it.

    Args:
        uri: `s3://`, `s3a://` or `s3n://bucket/key`, the key verbatim; `file:/path` or `file:///path`, not
            percent-encoded; a plain path; or any other URI that `pyarrow.fs` knows (`hdfs://`, say).
        version_id: The object version that it must be, in S3.
        etag: The ETag that it must have.
        s3_client: A boto3 S3 client to use; made when needed otherwise.

    Raises:
        SourceMissingError: There is nothing at that address.
        SourceDeniedError: Reading is not allowed.
        SourceChangedError: It has another ETag.
        SourceUnreachableError: The store cannot be reached.
    """
    if is_s3(uri):
        from orchard.archive.sources.s3 import S3Source

        return S3Source.find(uri, version_id=version_id, etag=etag, client=s3_client)
    path = local_path(uri)
    source = ArrowSource.find(uri) if path is None else FileSource.find(path)
    if etag is not None and etag != source.reference.etag:
        raise SourceChangedError.at(uri, f"it is {source.reference.etag} now, but {etag} was requested")
    return source


def reopen(reference: SourceReference, s3_client: S3Client | None = None) -> PinnedSource:
    """Open an archive without looking it up again; reading notices when it is not the same any more.

    Args:
        s3_client: A boto3 S3 client to use; made when needed otherwise.
    """
    if is_s3(reference.uri):
        from orchard.archive.sources.s3 import S3Source

        return S3Source(reference, s3_client)
    path = local_path(reference.uri)
    return ArrowSource(reference) if path is None else FileSource(reference, path)
