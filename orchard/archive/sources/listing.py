"""A list of files that are no zip's, as a directory: what is under a prefix of S3, or in a folder.

It has the columns and the records of a zip's directory, so that all that judges, counts and cuts a zip does the same
with it. Its offsets are those of a zip that would hold these files as they are.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import stat
import struct
from array import array
from typing import TYPE_CHECKING

import numpy as np

from orchard.archive.directory import Directory
from orchard.archive.errors import DamagedDirectoryError
from orchard.archive.records import ETAG_EXTRA, IN_ZIP64, LOCAL_HEADER, TIMESTAMP_EXTRA, ZIP64_EXTRA
from orchard.archive.sources.base import Pinned, SourceReference

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE_MODE = stat.S_IFREG | 0o644

_RECORD = struct.Struct("<4sBBHHHHHIIIHHHHHII")
_EXTRA = struct.Struct("<HH")
_UNIX, _UTF8 = 3, 0x0800
_HEADER = "key,size,etag,modified"


class Entries:
    """A directory in the making."""

    def __init__(self) -> None:
        self._raw = io.BytesIO()
        self._places, self._sizes, self._lengths = array("q"), array("q"), array("H")
        self._modes: list[int] = []

    def __len__(self) -> int:
        return len(self._places)

    @property
    def raw_bytes(self) -> int:
        """How long the directory is so far."""
        return self._raw.tell()

    def add(self, name: bytes, size: int, modified: int, etag: str = "", mode: int = FILE_MODE) -> None:
        """Add a file.

        Args:
            name: Its path, UTF-8.
            size: In bytes.
            modified: When it was last modified, seconds since 1970.
            etag: Its ETag in S3.
            mode: Its Unix mode.
        """
        self._places.append(self._raw.tell())
        self._sizes.append(size)
        self._lengths.append(len(name))
        extra = b""
        if 0 <= modified < 2**31:
            extra += _EXTRA.pack(TIMESTAMP_EXTRA, 5) + b"\x01" + modified.to_bytes(4, "little")
        if etag:
            extra += _EXTRA.pack(ETAG_EXTRA, len(etag)) + etag.encode()
        short = size
        if size >= IN_ZIP64:
            short, extra = IN_ZIP64, extra + _EXTRA.pack(ZIP64_EXTRA, 16) + struct.pack("<QQ", size, size)
        fixed = (b"PK\x01\x02", 20, _UNIX, 20, _UTF8, 0, 0, 0, 0, short, short, len(name), len(extra), 0, 0, 0)
        self._raw.write(_RECORD.pack(*fixed, mode << 16, 0) + name + extra)

    def directory(self) -> Directory:
        """All that was added, in its order."""
        sizes, lengths = np.array(self._sizes, np.int64), np.array(self._lengths, np.uint16)
        ends = np.cumsum(sizes + lengths + LOCAL_HEADER.size)
        headers = ends - (sizes + lengths + LOCAL_HEADER.size)
        places = np.array(self._places, np.int64)
        return Directory(
            self._raw.getvalue(), int(ends[-1]) if len(ends) else 0, places, headers, sizes, sizes, lengths
        )


class Listing(Pinned):
    """What was under a prefix when it was looked at, which pins it.

    Attributes:
        reference: The prefix; its ETag is the digest of the list, its size that of all objects.
        directory: The objects.
        text: The list as a file: a CSV of key, size, ETag and time, compressed by gzip.
    """

    def __init__(self, uri: str, entries: Entries, text: bytes) -> None:
        self.directory = entries.directory()
        self.text = text
        total = int(self.directory.sizes.sum())
        super().__init__(SourceReference(uri, total, etag=hashlib.sha256(text).hexdigest()))

    @classmethod
    def read(cls, uri: str, text: bytes) -> Listing:
        """The same from its file.

        Raises:
            DamagedDirectoryError: It is not what `ListingText` wrote.
        """
        entries = Entries()
        try:
            with gzip.open(io.BytesIO(text), "rt", encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    entries.add(row["key"].encode(), int(row["size"]), int(row["modified"]), row["etag"])
        except (OSError, EOFError, KeyError, ValueError) as error:
            raise DamagedDirectoryError.at(uri, f"the list of what was there cannot be read: {error}") from error
        return cls(uri, entries, text)


class ListingText:
    """The file of a listing in the making."""

    def __init__(self) -> None:
        self._sink = io.BytesIO()
        self._packed = gzip.GzipFile(fileobj=self._sink, mode="wb", compresslevel=1, mtime=0)
        self._packed.write(f"{_HEADER}\n".encode())

    @property
    def length(self) -> int:
        """How long it is so far, more or less."""
        return self._sink.tell()

    def add(self, rows: Iterable[tuple[str, int, str, int]]) -> None:
        """Add some objects: key below the prefix, size, ETag, seconds since 1970."""
        buffer = io.StringIO()
        csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
        self._packed.write(buffer.getvalue().encode())

    def done(self) -> bytes:
        """All of it."""
        self._packed.close()
        return self._sink.getvalue()
