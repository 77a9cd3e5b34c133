"""Finding where a zip's central directory is: the end record, and its zip64 form.

The end record closes a zip, before a comment of at most 64 KB that may hold anything, another end record's signature
included; junk may follow it, and a self-extractor's program may precede the whole, so that offsets are relative to
somewhere inside the file. Hence: every signature in the tail is a candidate, a candidate counts when a directory of
its declared size ends right before it, and of those that count, the last one with members wins. (APPNOTE.TXT 6.3.10,
sections 4.3.14 to 4.3.16.)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.archive.errors import (
    ArchiveRefusedError,
    DamagedDirectoryError,
    GitPointerError,
    MultiDiskArchiveError,
    NotAZipError,
    TruncatedArchiveError,
)
from orchard.pipeline.kinds import NOT_FETCHED, is_pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchard.archive.sources.base import RangedSource

LOCAL_SIGNATURE = b"PK\x03\x04"
CENTRAL_SIGNATURE = b"PK\x01\x02"
_END_SIGNATURE = b"PK\x05\x06"
_SPLIT_SIGNATURE = b"PK\x07\x08"
_LOCATOR_SIGNATURE = b"PK\x06\x07"
_END64_SIGNATURE = b"PK\x06\x06"

_END = struct.Struct(
    "<4sHHHHIIH"
)  # signature, disk, directory's disk, members here, members, size, offset, comment length
_LOCATOR = struct.Struct("<4sIQI")  # signature, record's disk, record's offset, disks
_END64 = struct.Struct(
    "<4sQHHIIQQQQ"
)  # signature, length, versions, disk, directory's disk, members here, members, size, offset

_OTHER_KINDS = {
    b"<!doctype html": "a web page, perhaps of a download that failed",
    b"<html": "a web page, perhaps of a download that failed",
    b"\x1f\x8b": "a gzip file, perhaps a .tar.gz",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"rar!": "a RAR archive",
}

_MAX_COMMENT = 0xFFFF
_MAX_LOOKS = 8
"""How many candidates may cost a read of their own: a tail full of forged end records must not cost thousands."""


@dataclass(frozen=True, slots=True)
class EndRecord:
    """Where the central directory is.

    Attributes:
        entries: How many members it declares; modulo 65,536 unless `is_zip64`.
        start: Its first byte, in the file.
        size: Its length in bytes.
        offset: Where it says that it starts; less than `start` when something precedes the archive.
        is_zip64: Whether the numbers come from a zip64 record.
        is_split: Whether it belongs to an archive of several files.
        is_last: Whether nothing follows it and its comment.
    """

    entries: int
    start: int
    size: int
    offset: int
    is_zip64: bool
    is_split: bool
    is_last: bool


def find_end_record(source: RangedSource) -> EndRecord:
    """Find the end record of a zip.

    Returns:
        The record; what it says about the directory's place is checked, what is in the directory is not.

    Raises:
        NotAZipError: There is none, and the file does not begin as a zip does.
        TruncatedArchiveError: There is none, though the file begins as a zip does.
        DamagedDirectoryError: There is one, but no directory where it says.
        MultiDiskArchiveError: The file is one part of a split zip.
    """
    tail = _Tail(source)
    candidates = list(tail.records())
    if not candidates:
        raise _no_record(source, tail)
    record = min(candidates, key=lambda candidate: (candidate.size == 0, not candidate.is_last))
    if record.is_split:
        raise MultiDiskArchiveError.at(source.uri, "it is split into several parts, and only this one is here")
    return record


class _Tail:
    """The last bytes of an archive, where the end record must be."""

    def __init__(self, source: RangedSource) -> None:
        length = min(source.size, _MAX_COMMENT + _END.size + _LOCATOR.size + _END64.size)
        self._source = source
        self._base = source.size - length
        self._bytes = source.read(self._base, length)
        self._looks = 0
        self.saw_whole_record = False
        self.saw_cut_record = False

    def records(self) -> Iterator[EndRecord]:
        """Every end record with a directory before it, the last one first."""
        position = self._bytes.rfind(_END_SIGNATURE)
        while position >= 0:
            record = self._record(position)
            if record is not None:
                yield record
            position = self._bytes.rfind(_END_SIGNATURE, 0, position + len(_END_SIGNATURE) - 1)

    def _record(self, position: int) -> EndRecord | None:
        if position + _END.size > len(self._bytes):
            self.saw_cut_record = True
            return None
        _, disk, first, here, entries, size, offset, comment = _END.unpack_from(self._bytes, position)
        after = len(self._bytes) - position - _END.size - comment
        if after < 0:
            self.saw_cut_record = True
            return None
        self.saw_whole_record = True
        end = self._base + position
        disks = 1
        zip64 = self._zip64(end)
        if zip64 is not None:
            end, disk, first, here, entries, size, offset, disks = zip64
        start = end - size
        if start < 0 or (entries and not size) or (size and self._peek(start, 4) != CENTRAL_SIGNATURE):
            return None
        is_split = disk > 0 or first > 0 or here != entries or disks > 1
        return EndRecord(entries, start, size, offset, zip64 is not None, is_split, is_last=after == 0)

    def _zip64(self, end: int) -> tuple[int, int, int, int, int, int, int, int] | None:
        """The zip64 record that belongs to the end record at `end`: its place, then its numbers."""
        locator = self._peek(end - _LOCATOR.size, _LOCATOR.size)
        if not locator.startswith(_LOCATOR_SIGNATURE):
            return None
        _, _, stated, disks = _LOCATOR.unpack(locator)
        # The record is right before its locator, unless it is extended; the stated place is wrong after a prefix.
        for place in (end - _LOCATOR.size - _END64.size, stated):
            record = self._peek(place, _END64.size)
            if record.startswith(_END64_SIGNATURE):
                _, _, _, _, disk, first, here, entries, size, offset = _END64.unpack(record)
                return place, disk, first, here, entries, size, offset, disks
        return None

    def _peek(self, start: int, length: int) -> bytes:
        """A few bytes anywhere before the end; empty when they are not there, or after too many looks."""
        if start < 0 or start + length > self._source.size:
            return b""
        if start >= self._base:
            return self._bytes[start - self._base : start - self._base + length]
        self._looks += 1
        return self._source.read(start, length) if self._looks <= _MAX_LOOKS else b""


def _no_record(source: RangedSource, tail: _Tail) -> ArchiveRefusedError:
    """Why there is no end record."""
    if source.size == 0:
        return NotAZipError.at(source.uri, "it is empty")
    head = source.read(0, min(64, source.size))
    if is_pointer(head):
        return GitPointerError.at(source.uri, NOT_FETCHED)
    if head.startswith(_SPLIT_SIGNATURE):
        return MultiDiskArchiveError.at(source.uri, "it begins as the first part of several")
    if tail.saw_whole_record:
        return DamagedDirectoryError.at(source.uri, "its end record points to a directory that is not there")
    if tail.saw_cut_record or LOCAL_SIGNATURE.startswith(head[:4]):
        return TruncatedArchiveError.at(source.uri, "the list of its members, which comes last, is missing or cut off")
    kind = next((kind for magic, kind in _OTHER_KINDS.items() if head.lstrip().lower().startswith(magic)), "")
    return NotAZipError.at(source.uri, f"it looks like {kind}" if kind else "no zip's end record is in it")
