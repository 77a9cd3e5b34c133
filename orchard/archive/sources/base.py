"""Reading an archive by ranges, wherever it is.

A source is opened once, on the driver, which pins it: a version or an ETag in S3, the time of modification of a file.
Its `reference` is small and can be sent to other processes, which reopen the very same bytes without asking for them
again.
"""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import quote

from orchard.archive.errors import (
    SourceChangedError,
    SourceDeniedError,
    SourceError,
    SourceMissingError,
    SourceUnreachableError,
    TruncatedArchiveError,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class RangedSource(Protocol):
    """Bytes that can be read from anywhere in the middle."""

    @property
    def uri(self) -> str:
        """Where the bytes are; `s3://bucket/key` whichever of Hadoop's S3 schemes was asked for."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def read(self, start: int, length: int) -> bytes:
        """Read one range.

        Args:
            start: The first byte.
            length: How many bytes.

        Returns:
            Exactly `length` bytes.

        Raises:
            TruncatedArchiveError: There are fewer bytes than that.
            SourceError: The bytes have changed or cannot be had.
        """


class SourceFile(io.RawIOBase):
    """A source as a file for who asks for one; each read is one range."""

    def __init__(self, source: RangedSource) -> None:
        self._source = source
        self._place = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._source.size}[whence]
        return self._place

    def tell(self) -> int:
        """The place."""
        return self._place

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (any writable buffer)
        """Read one range, as long as the buffer if there is as much."""
        content = self._source.read(self._place, max(0, min(len(buffer), self._source.size - self._place)))
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)


class PinnedSource(RangedSource, Protocol):
    """A source that another process can reopen."""

    @property
    def reference(self) -> SourceReference:
        """What the other process needs."""


@dataclass(frozen=True, slots=True)
class SourceReference:
    """One state of an archive, small enough to send around.

    Attributes:
        uri: Where it is.
        size: In bytes.
        version_id: The object version in S3; None without versions and elsewhere.
        etag: The ETag in S3, or what stands for it elsewhere; without quotes.
    """

    uri: str
    size: int
    version_id: str | None = None
    etag: str | None = None

    def open(self, s3_client: S3Client | None = None) -> PinnedSource:
        """Open the archive without looking it up again; reading notices when it is not the same any more.

        Args:
            s3_client: A boto3 S3 client to use; made when needed otherwise.

        Returns:
            The source.
        """
        if is_s3(self.uri):
            from orchard.archive.sources.s3 import S3Source

            return S3Source(self, s3_client)
        path = local_path(self.uri)
        return ArrowSource(self) if path is None else FileSource(self, path)


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

    Returns:
        The source, pinned to what was found.

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
        raise SourceChangedError.at(uri, f"it is {source.reference.etag} now, and {etag} was asked for")
    return source


def check_range(uri: str, size: int, start: int, length: int) -> None:
    """Refuse a range that does not lie inside the archive.

    Raises:
        TruncatedArchiveError: It does not.
    """
    if start < 0 or length < 0 or start + length > size:
        cause = f"bytes {start:,} to {start + length:,} are asked for, and it has {size:,}"
        raise TruncatedArchiveError.at(uri, cause)


class FileSource:
    """A file of this machine, opened anew for each read."""

    def __init__(self, reference: SourceReference, path: Path) -> None:
        self.reference = reference
        self._path = path

    @classmethod
    def find(cls, path: Path) -> Self:
        """Pin a file by its size and time of modification.

        Raises:
            SourceError: It is not there, or not readable.
        """
        path = path.absolute()
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
        except OSError as error:
            raise _file_error(str(path), error) from error
        return cls(SourceReference(f"file://{path}", status.st_size, etag=_file_tag(status)), path)

    @property
    def uri(self) -> str:
        """The file as `file:///path`, not percent-encoded."""
        return self.reference.uri

    @property
    def size(self) -> int:
        """Its size in bytes when it was found."""
        return self.reference.size

    def read(self, start: int, length: int) -> bytes:
        """Read one range; see `RangedSource.read`."""
        check_range(self.uri, self.size, start, length)
        try:
            with self._path.open("rb") as file:
                if _file_tag(os.fstat(file.fileno())) != self.reference.etag:
                    raise SourceChangedError.at(self.uri, "the file was written to after it was inspected")
                file.seek(start)
                content = file.read(length)
        except OSError as error:
            raise _file_error(self.uri, error) from error
        if len(content) != length:
            raise TruncatedArchiveError.at(self.uri, f"it ended {length - len(content):,} bytes early")
        return content


class ArrowSource:
    """A file on any other file system, through `pyarrow.fs`."""

    def __init__(self, reference: SourceReference) -> None:
        self.reference = reference

    @classmethod
    def find(cls, uri: str) -> Self:
        """Pin a file by its size and time of modification.

        Raises:
            SourceError: There is no such file, or no such file system.
        """
        try:
            filesystem, path = arrow_filesystem(uri)
            info = filesystem.get_file_info(path)
        except (OSError, ValueError, NotImplementedError) as error:
            raise SourceUnreachableError.at(uri, str(error)) from error
        if not info.is_file:
            raise SourceMissingError.at(uri, "there is no such file")
        return cls(SourceReference(uri, info.size, etag=_arrow_tag(info)))

    @property
    def uri(self) -> str:
        """The URI as it was given."""
        return self.reference.uri

    @property
    def size(self) -> int:
        """Its size in bytes when it was found."""
        return self.reference.size

    def read(self, start: int, length: int) -> bytes:
        """Read one range; see `RangedSource.read`."""
        check_range(self.uri, self.size, start, length)
        try:
            filesystem, path = arrow_filesystem(self.uri)
            if _arrow_tag(filesystem.get_file_info(path)) != self.reference.etag:
                raise SourceChangedError.at(self.uri, "the file was written to after it was inspected")
            with filesystem.open_input_file(path) as file:
                content: bytes = file.read_at(length, start)
        except OSError as error:
            raise SourceUnreachableError.at(self.uri, str(error)) from error
        if len(content) != length:
            raise TruncatedArchiveError.at(self.uri, f"it ended {length - len(content):,} bytes early")
        return content


def is_s3(uri: str) -> bool:
    """Whether this is one of Hadoop's addresses of an object in S3."""
    return re.match(r"s3[an]?://", uri) is not None


def local_path(uri: str) -> Path | None:
    """The path of a `file:` URI or a plain path; None for any other URI."""
    if uri.startswith("file:"):
        return Path(uri.removeprefix("file://") if uri.startswith("file://") else uri.removeprefix("file:"))
    return None if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", uri) else Path(uri)


def arrow_filesystem(uri: str) -> tuple[Any, str]:
    """What `pyarrow.fs` makes of a URI: the file system, and the path in it."""
    from pyarrow import fs

    # Arrow decodes what it is given, and Hadoop's URIs are verbatim.
    filesystem, path = fs.FileSystem.from_uri(quote(uri, safe=":/@?&=,"))
    return filesystem, path


def _file_tag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


def _arrow_tag(info: Any) -> str:  # noqa: ANN401 (pyarrow ships no types)
    return f"{info.mtime_ns or 0:x}-{info.size or 0:x}"


def _file_error(name: str, error: OSError) -> SourceError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return SourceMissingError.at(name, "there is no such file")
    if isinstance(error, IsADirectoryError):
        return SourceMissingError.at(name, "it is a folder, not a zip")
    if isinstance(error, PermissionError):
        return SourceDeniedError.at(name, "you have no permission to read it")
    return SourceUnreachableError.at(name, error.strerror or str(error))
