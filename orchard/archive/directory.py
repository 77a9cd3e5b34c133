"""A zip's central directory: what members there are, and where.

Read with one ranged read and walked by its length, not by its declared count, which desktop tools let wrap at 65,536.
The walk is one pass of `struct`. See APPNOTE.TXT 6.3.10, sections 4.3.12 and 4.5.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchard.archive.end_record import CENTRAL_SIGNATURE, LOCAL_SIGNATURE, EndRecord, find_end_record
from orchard.archive.errors import ArchiveBombError, DamagedDirectoryError, MultiDiskArchiveError

if TYPE_CHECKING:
    from orchard.archive.source import RangedSource

STORED = 0
DEFLATED = 8
ENCRYPTED_FLAG = 0x0001
UTF8_FLAG = 0x0800

LOCAL_HEADER = struct.Struct("<4sHHHHHIIIHH")
"""Signature, version, flags, method, time, date, CRC, compressed size, size, lengths of name and extra."""

_CENTRAL = struct.Struct("<4sBBHHHHHIIIHHHHHII")
_EXTRA = struct.Struct("<HH")
_DIGITAL_SIGNATURE = b"PK\x05\x05"
_ZIP64_EXTRA = 0x0001
_TIMESTAMP_EXTRA = 0x5455
_UNICODE_PATH_EXTRA = 0x7075
_IN_ZIP64 = 0xFFFFFFFF
_UNIX_HOSTS = (3, 19)  # Unix and macOS
_DOS_EPOCH = datetime(1980, 1, 1, tzinfo=UTC)
_MAX_LOCAL_EXTRA = 0xFFFF
_MAX_DESCRIPTOR = 24


@dataclass(frozen=True, slots=True)
class Member:
    r"""One entry of the central directory.

    Attributes:
        path: The name, decoded; bytes that cannot be decoded are shown as `\\xNN`.
        name: The name's bytes, as the local header repeats them.
        name_fault: What is wrong with the name's bytes; empty when nothing is.
        header_offset: Where its local header is, in the file.
        end_offset: Where all its bytes have ended: the next header of any member, the directory, or as far as the
            longest local header allows.
        compressed_size: In bytes.
        size: In bytes, uncompressed.
        crc32: Of the uncompressed bytes.
        method: How it is compressed.
        flags: The general purpose bits.
        modified: When it was last modified; the time zone is only known when the archive has extended timestamps,
            otherwise the time is taken as UTC, and 1980-01-01 stands for one that does not exist.
        create_system: The system that made the entry (0 DOS and Windows, 3 Unix, …).
        external_attributes: What that system says about the file.
    """

    path: str
    name: bytes
    name_fault: str
    header_offset: int
    end_offset: int
    compressed_size: int
    size: int
    crc32: int
    method: int
    flags: int
    modified: datetime
    create_system: int
    external_attributes: int

    @property
    def mode(self) -> int:
        """The Unix mode; 0 when the archive does not say."""
        return self.external_attributes >> 16

    @property
    def least_end_offset(self) -> int:
        """Before this offset its bytes cannot have ended."""
        return self.header_offset + LOCAL_HEADER.size + len(self.name) + self.compressed_size


@dataclass(frozen=True, slots=True)
class Directory:
    """All members, sorted by header offset, and where the directory itself starts."""

    members: tuple[Member, ...]
    start: int


_Row = tuple[int, str, bytes, str, int, int, int, int, int, datetime, int, int]


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
    offsets = _offsets(source, record, [row[0] for row in rows])
    order = sorted(range(len(rows)), key=offsets.__getitem__)
    members = []
    for place, index in enumerate(order):
        _, path, name, fault, compressed, size, crc, method, flags, modified, system, attributes = rows[index]
        here = offsets[index]
        bound = offsets[order[place + 1]] if place + 1 < len(order) else record.start
        reach = here + LOCAL_HEADER.size + len(name) + _MAX_LOCAL_EXTRA + compressed + _MAX_DESCRIPTOR
        end = min(bound, reach)
        members.append(
            Member(path, name, fault, here, end, compressed, size, crc, method, flags, modified, system, attributes)
        )
    return Directory(tuple(members), record.start)


def _rows(uri: str, directory: bytes, max_entries: int) -> list[_Row]:
    """Walk the directory by its length."""
    rows: list[_Row] = []
    position, end = 0, len(directory)
    while position < end:
        if directory.startswith(_DIGITAL_SIGNATURE, position):
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
        path, fault = _decode(name, flags, system, extras.get(_UNICODE_PATH_EXTRA, b""))
        if size == _IN_ZIP64 or compressed == _IN_ZIP64 or offset == _IN_ZIP64:
            numbers = _zip64_numbers([size, compressed, offset], extras.get(_ZIP64_EXTRA, b""))
            if numbers is None:
                raise DamagedDirectoryError.at(uri, f"the zip64 sizes of {path!r} are missing")
            size, compressed, offset = numbers
        if disk not in (0, 0xFFFF):
            raise MultiDiskArchiveError.at(uri, f"{path!r} is in part {disk + 1}, and only this part is here")
        modified = _modified(date, time, extras.get(_TIMESTAMP_EXTRA, b""))
        rows.append((offset, path, name, fault, compressed, size, crc, method, flags, modified, system, attributes))
    return rows


def _offsets(source: RangedSource, record: EndRecord, stated: list[int]) -> list[int]:
    """Where the local headers are in the file, from where the directory says they are."""
    shift = record.start - record.offset
    if shift < 0:
        cause = f"its list of members is said to start {-shift:,} bytes further than it does"
        raise DamagedDirectoryError.at(source.uri, cause)
    if shift and shift % 2**32 == 0 and not record.is_zip64:
        # macOS writes archives beyond 4 GB without zip64: offsets lose their upper half, but stay in order.
        offsets = _unwrapped(stated)
    else:
        offsets = [offset + shift for offset in stated]
        if shift and source.read(0, min(4, source.size)) == LOCAL_SIGNATURE:
            # Otherwise the tail of a cut archive that stores another zip would be taken for the archive.
            cause = (
                "it begins with members that its list does not name, as if it were cut short or two zips were joined"
            )
            raise DamagedDirectoryError.at(source.uri, cause)
    if any(not 0 <= offset < record.start for offset in offsets):
        raise DamagedDirectoryError.at(source.uri, "its list of members points outside of the file")
    return offsets


def _unwrapped(stated: list[int]) -> list[int]:
    """Offsets in order of which only the lower 32 bits were kept, whole again."""
    offsets, last, upper = [], 0, 0
    for offset in stated:
        upper += 2**32 if offset < last else 0
        last = offset
        offsets.append(upper + offset)
    return offsets


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


def _decode(name: bytes, flags: int, system: int, unicode_path: bytes) -> tuple[str, str]:
    """The path, and what is wrong with the name's bytes.

    Names are UTF-8 when flagged, and by the unicode-path extra field when its CRC shows that it was written for this
    name. Otherwise cp437, except from Unix and macOS, where tools store the file system's own bytes (macOS never sets
    the flag): there, whatever is UTF-8 is read as UTF-8, as Info-ZIP's unzip does.
    """
    if not unicode_path and name.isascii():
        return name.decode("ascii"), ""
    if unicode_path[:1] == b"\x01" and unicode_path[1:5] == zlib.crc32(name).to_bytes(4, "little"):
        name, flags = unicode_path[5:], flags | UTF8_FLAG
    try:
        if flags & UTF8_FLAG or system in _UNIX_HOSTS:
            return name.decode("utf-8"), ""
    except UnicodeDecodeError:
        if flags & UTF8_FLAG:
            return name.decode("utf-8", "backslashreplace"), "its name is not valid UTF-8"
    return name.decode("cp437"), ""


def _modified(date: int, time: int, timestamp: bytes) -> datetime:
    """The time of modification, from the extended timestamp if there is one, else from DOS date and time."""
    if len(timestamp) >= 5 and timestamp[0] & 1:
        return datetime.fromtimestamp(int.from_bytes(timestamp[1:5], "little", signed=True), UTC)
    try:
        hour, minute, second = time >> 11, time >> 5 & 0x3F, (time & 0x1F) * 2
        return datetime(1980 + (date >> 9), date >> 5 & 0x0F, date & 0x1F, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return _DOS_EPOCH
