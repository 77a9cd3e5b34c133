"""A zip's central directory: what members there are, and where.

Read with one ranged read and walked by its length, not by its declared count, which desktop tools let wrap at 65,536.
The walk is one pass of `struct`. See APPNOTE.TXT 6.3.10, sections 4.3.12 and 4.5.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING

from orchard.archive.encoding import find_encoding
from orchard.archive.end_record import CENTRAL_SIGNATURE, LOCAL_SIGNATURE, EndRecord, find_end_record
from orchard.archive.errors import ArchiveBombError, DamagedDirectoryError, MultiDiskArchiveError

if TYPE_CHECKING:
    from orchard.archive.sources.base import RangedSource

ENCRYPTED_FLAG = 0x0001

LOCAL_HEADER = struct.Struct("<4sHHHHHIIIHH")
"""Signature, version, flags, method, time, date, CRC, compressed size, size, lengths of name and extra."""

_CENTRAL = struct.Struct("<4sBBHHHHHIIIHHHHHII")
_EXTRA = struct.Struct("<HH")
_DIGITAL_SIGNATURE = b"PK\x05\x05"
_ZIP64_EXTRA = 0x0001
_TIMESTAMP_EXTRA = 0x5455
_UNICODE_PATH_EXTRA = 0x7075
_IN_ZIP64 = 0xFFFFFFFF
_DOS_EPOCH = datetime(1980, 1, 1, tzinfo=UTC)
_MAX_LOCAL_EXTRA = 0xFFFF
_MAX_DESCRIPTOR = 24


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of the central directory.

    Attributes:
        name: The name's bytes, as the local header repeats them.
        unicode_name: What replaces them, from the unicode-path extra field; empty when nothing does.
        encoding: How these bytes become the path.
        name_fault: What is wrong with the name's bytes; empty when nothing is.
        header_offset: Where its local header is, in the file.
        end_offset: Where all its bytes have ended: the next header of any member, the directory, or as far as the
            longest local header allows.
        compressed_size: In bytes.
        size: In bytes, uncompressed.
        crc32: Of the uncompressed bytes.
        method: How it is compressed.
        flags: The general purpose bits.
        mode: The Unix mode; 0 when the archive does not say.
        modified: When it was last modified; the time zone is only known when the archive has extended timestamps,
            otherwise the time is taken as UTC, and 1980-01-01 stands for one that does not exist.
    """

    name: bytes
    unicode_name: bytes
    encoding: str
    name_fault: str
    header_offset: int
    end_offset: int
    compressed_size: int
    size: int
    crc32: int
    method: int
    flags: int
    mode: int
    modified: datetime

    @property
    def path(self) -> str:
        r"""The name, decoded; bytes that cannot be decoded are shown as `\xNN`.

        Decoded anew each time: one pear in it makes a text take four bytes a letter, and there are many members.
        """
        return (self.unicode_name or self.name).decode(self.encoding, "backslashreplace")

    @property
    def least_end_offset(self) -> int:
        """Before this offset its bytes cannot have ended."""
        return self.header_offset + LOCAL_HEADER.size + len(self.name) + self.compressed_size


@dataclass(frozen=True, slots=True)
class Directory:
    """All members, sorted by header offset, and where the directory itself starts."""

    members: tuple[Member, ...]
    start: int


_Row = tuple[int, bytes, bytes, str, str, int, int, int, int, int, int, datetime]
"""What an entry says: the offset of its header first, then a member's attributes but for its end."""


def read_directory(source: RangedSource, *, max_bytes: int, max_entries: int) -> Directory:
    """Read the central directory.

    Args:
        source: The archive.
        max_bytes: Refuse a longer directory before reading it.
        max_entries: Refuse to walk past this many members.

    Returns:
        The directory; its numbers are plausible one by one, and not checked against each other.

    Raises:
        NotAZipError: There is no zip.
        TruncatedArchiveError: Its end is missing.
        DamagedDirectoryError: The directory contradicts itself or the file.
        MultiDiskArchiveError: The archive is split.
        ArchiveBombError: The directory is beyond the limits.
    """
    record = find_end_record(source)
    if record.size > max_bytes:
        cause = f"the list of its members takes {record.size:,} bytes, and at most {max_bytes:,} are read"
        raise ArchiveBombError.at(source.uri, cause)
    rows = _rows(source.uri, source.read(record.start, record.size), max_entries)
    count = record.entries
    # Counts of 16 bits wrap in some tools, and stop at the largest in others.
    wrapped = not record.is_zip64 and (len(rows) & 0xFFFF == count or (count == 0xFFFF and len(rows) > count))
    if len(rows) != count and not wrapped:
        raise DamagedDirectoryError.at(source.uri, f"it declares {count:,} members and lists {len(rows):,}")
    shift = _settle(source, record, rows)
    members: list[Member] = []
    bound = record.start
    while rows:  # each row is freed before the next member is made: a long directory is not in memory twice
        stated, name, unicode_name, encoding, fault, compressed, size, crc, method, flags, mode, modified = rows.pop()
        here = stated + shift
        end = min(bound, here + LOCAL_HEADER.size + len(name) + _MAX_LOCAL_EXTRA + compressed + _MAX_DESCRIPTOR)
        naming = (name, unicode_name, encoding, fault)
        members.append(Member(*naming, here, end, compressed, size, crc, method, flags, mode, modified))
        bound = here
    members.reverse()
    return Directory(tuple(members), record.start)


def _rows(uri: str, directory: bytes, max_entries: int) -> list[_Row]:
    """Walk the directory by its length."""
    rows: list[_Row] = []
    position, end = 0, len(directory)
    while position < end:
        if _is_digital_signature(directory, position):
            break
        if position + _CENTRAL.size > end or not directory.startswith(CENTRAL_SIGNATURE, position):
            raise DamagedDirectoryError.at(uri, f"entry {len(rows) + 1:,} of its list of members is not one")
        if len(rows) == max_entries:
            raise ArchiveBombError.at(uri, f"it has more than {max_entries:,} members")
        (
            _, _, system, _, flags, method, time, date, crc, compressed, size,
            name_length, extra_length, comment_length, disk, _, attributes, offset,
        ) = _CENTRAL.unpack_from(directory, position)  # fmt: skip
        position += _CENTRAL.size
        following = position + name_length + extra_length + comment_length
        if following > end:
            raise DamagedDirectoryError.at(uri, f"entry {len(rows) + 1:,} of its list of members is cut off")
        name = directory[position : position + name_length]
        extras = _extras(directory, position + name_length, position + name_length + extra_length)
        position = following
        naming = find_encoding(name, flags, system, extras.get(_UNICODE_PATH_EXTRA, b""))
        if size == _IN_ZIP64 or compressed == _IN_ZIP64 or offset == _IN_ZIP64:
            numbers = _zip64_numbers([size, compressed, offset], extras.get(_ZIP64_EXTRA, b""))
            if numbers is None:
                raise DamagedDirectoryError.at(uri, f"the zip64 sizes of entry {len(rows) + 1:,} are missing")
            size, compressed, offset = numbers
        if disk not in (0, 0xFFFF):
            raise MultiDiskArchiveError.at(
                uri, f"entry {len(rows) + 1:,} is in part {disk + 1}, and only this part is here"
            )
        modified = _modified(date, time, extras.get(_TIMESTAMP_EXTRA, b""))
        rows.append((offset, name, *naming, compressed, size, crc, method, flags, attributes >> 16, modified))
    return rows


def _is_digital_signature(directory: bytes, position: int) -> bool:
    """Whether the rest of the directory is the signature that may end it (APPNOTE.TXT 6.3.10, section 4.3.13)."""
    if not directory.startswith(_DIGITAL_SIGNATURE, position):
        return False
    start = position + len(_DIGITAL_SIGNATURE) + 2
    return start + int.from_bytes(directory[start - 2 : start], "little") == len(directory)


def _settle(source: RangedSource, record: EndRecord, rows: list[_Row]) -> int:
    """Sort the rows by where the directory says that their headers are.

    Returns:
        What to add to that to get where they are in the file.
    """
    shift = record.start - record.offset
    if shift < 0:
        cause = f"its list of members is said to start {-shift:,} bytes further than it does"
        raise DamagedDirectoryError.at(source.uri, cause)
    if shift and shift % 2**32 == 0 and not record.is_zip64:
        # macOS writes archives beyond 4 GB without zip64: offsets lose their upper half, but stay in order.
        _unwrap(rows)
        shift = 0
    elif shift and source.read(0, min(4, source.size)) == LOCAL_SIGNATURE:
        # Otherwise the tail of a cut archive that stores another zip would be taken for the archive.
        cause = "it begins with members that its list does not name, as if it were cut short or two zips were joined"
        raise DamagedDirectoryError.at(source.uri, cause)
    rows.sort(key=itemgetter(0))
    if rows and rows[-1][0] + shift >= record.start:
        raise DamagedDirectoryError.at(source.uri, "its list of members points outside of the file")
    return shift


def _unwrap(rows: list[_Row]) -> None:
    """Restore offsets in order of which only the lower 32 bits were kept."""
    last = upper = 0
    for place, row in enumerate(rows):
        upper += 2**32 if row[0] < last else 0
        last = row[0]
        rows[place] = (upper + last, *row[1:])


def _extras(directory: bytes, position: int, end: int) -> dict[int, bytes]:
    """The extra fields by their id, the first of each; what cannot be cut into fields is padding and left out."""
    extras: dict[int, bytes] = {}
    while position + _EXTRA.size <= end:
        kind, length = _EXTRA.unpack_from(directory, position)
        position += _EXTRA.size
        if position + length > end:
            break
        extras.setdefault(kind, directory[position : position + length])
        position += length
    return extras


def _zip64_numbers(numbers: list[int], extra: bytes) -> list[int] | None:
    """Replace the numbers that did not fit into 32 bits, in their order; None when the extra field lacks one."""
    position = 0
    for index, number in enumerate(numbers):
        if number == _IN_ZIP64:
            if position + 8 > len(extra):
                return None
            numbers[index] = int.from_bytes(extra[position : position + 8], "little")
            position += 8
    return numbers


def _modified(date: int, time: int, timestamp: bytes) -> datetime:
    """The time of modification, from the extended timestamp if there is one, else from DOS date and time."""
    if len(timestamp) >= 5 and timestamp[0] & 1:
        return datetime.fromtimestamp(int.from_bytes(timestamp[1:5], "little", signed=True), UTC)
    try:
        hour, minute, second = time >> 11, time >> 5 & 0x3F, (time & 0x1F) * 2
        return datetime(1980 + (date >> 9), date >> 5 & 0x0F, date & 0x1F, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return _DOS_EPOCH
