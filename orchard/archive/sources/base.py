"""Reading an archive by ranges, wherever it is.

A source is opened once, on the driver, which pins it: a version or an ETag in S3, the time of modification of a file.
Its `reference` is small and can be sent to other processes, which reopen the very same bytes without asking for them
again.
"""

from __future__ import annotations

import io
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from orchard.archive.errors import TruncatedArchiveError


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

        Returns:
            Exactly `length` bytes.

        Raises:
            TruncatedArchiveError: There are fewer bytes than that.
            SourceError: The bytes have changed or cannot be had.
        """


@dataclass(frozen=True, slots=True)
class SourceReference:
    """One state of an archive, small enough to send around.

    Attributes:
        size: In bytes.
        version_id: The object version in S3; None without versions and elsewhere.
        etag: The ETag in S3, or what stands for it elsewhere; without quotes.
    """

    uri: str
    size: int
    version_id: str | None = None
    etag: str | None = None


class Pinned:
    """What another process can read again as it was, by its `reference`."""

    def __init__(self, reference: SourceReference) -> None:
        self.reference = reference

    @property
    def uri(self) -> str:
        """Where the bytes are, as `reference` has it."""
        return self.reference.uri

    @property
    def size(self) -> int:
        """How many bytes there were when it was found."""
        return self.reference.size


class PinnedSource(Pinned, ABC):
    """A source that another process can reopen, by its `reference`."""

    def read(self, start: int, length: int) -> bytes:
        """Read one range; see `RangedSource.read`."""
        if start < 0 or length < 0 or start + length > self.size:
            cause = f"bytes {start:,} to {start + length:,} were requested, but it has {self.size:,}"
            raise TruncatedArchiveError.at(self.uri, cause)
        content = self._read(start, length) if length else b""
        if len(content) != length:
            raise TruncatedArchiveError.at(self.uri, f"{length:,} bytes were requested, but {len(content):,} came")
        return content

    @abstractmethod
    def _read(self, start: int, length: int) -> bytes:
        """Read a range that lies inside the archive and is not empty."""


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


def is_s3(uri: str) -> bool:
    """Whether this is one of Hadoop's addresses of an object in S3."""
    return re.match(r"s3[an]?://", uri) is not None


def local_path(uri: str) -> Path | None:
    """The path of a `file:` URI or a plain path; None for any other URI."""
    if uri.startswith("file:"):
        return Path(uri.removeprefix("file://") if uri.startswith("file://") else uri.removeprefix("file:"))
    return None if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", uri) else Path(uri)
