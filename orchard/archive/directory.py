"""A zip's central directory, in columns: what members there are, and where.

The directory stays in memory as it is in the file, one text of bytes. Beside it a member takes some dozen bytes in
columns of NumPy; its name, and whatever else its record says, is looked up where it is needed. So a million members
take the length of the directory and 45 MB more. It is read by ranges, and walked by its length, not by its declared
count, which desktop tools let wrap at 65,536. See APPNOTE.TXT 6.3.10, sections 4.3.12 and 4.5.
"""

from __future__ import annotations

import io
import struct
from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from orchard.archive.end_record import CENTRAL_SIGNATURE, LOCAL_SIGNATURE, EndRecord, find_end_record
from orchard.archive.errors import DamagedDirectoryError, MultiDiskArchiveError
from orchard.archive.records import (
    COLUMNS,
    IN_ZIP64,
    LOCAL_HEADER,
    MAX_DESCRIPTOR,
    MAX_LOCAL_EXTRA,
    Member,
    columns,
    member_at,
    zip64_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from orchard.archive.encoding import Naming
    from orchard.archive.sources.base import RangedSource

CHUNK = 1 << 16
"""How many members are looked at at once."""

BYTES_A_MEMBER = 64
"""What a member takes beside its record, in all that is kept of it; and what is made of it for a moment."""

_RANGE = 32 * 2**20
_WALK = struct.Struct("<4s24xHHH")  # signature, lengths of name, extra fields and comment
_DIGITAL_SIGNATURE = b"PK\x05\x05"
_NOWHERE = 2**61
"""Stands for every number above it: no file is so long, and sums of a few still fit into 64 bits."""


@dataclass(frozen=True)
class Directory:
    """All members, sorted by header offset.

    Attributes:
        raw: The directory as it is in the file.
        start: Where it starts in the file, which is where the last member has ended.
        places: Where in `raw` each member's record begins.
        headers: Where each local header is, in the file.
        compressed: Compressed sizes in bytes.
        sizes: Uncompressed sizes in bytes.
        name_lengths: Lengths of names in bytes.
    """

    raw: bytes
    start: int
    places: NDArray[np.int64]
    headers: NDArray[np.int64]
    compressed: NDArray[np.int64]
    sizes: NDArray[np.int64]
    name_lengths: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.places)

    def chunks(self) -> Iterator[tuple[slice, NDArray[np.void]]]:
        """All members, some at a time: which, and the fixed parts of their records."""
        for first in range(0, len(self), CHUNK):
            some = slice(first, first + CHUNK)
            yield some, columns(self.raw, self.places[some])

    def member(self, number: int, naming: Naming) -> Member:
        """One member, looked up."""
        (end,) = self.ends(np.array([number]))
        return member_at(self.raw, int(self.places[number]), naming, int(self.headers[number]), int(end))

    def name(self, number: int) -> bytes:
        """The name of one member, as it is in the file."""
        first = int(self.places[number]) + COLUMNS.itemsize
        return self.raw[first : first + int(self.name_lengths[number])]

    def least_ends(self, which: slice | NDArray[np.int64]) -> NDArray[np.int64]:
        """Before these offsets the bytes of some members cannot have ended."""
        least: NDArray[np.int64] = (
            self.headers[which] + LOCAL_HEADER.size + self.name_lengths[which] + self.compressed[which]
        )
        return least

    def ends(self, which: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where all bytes of some members have ended.

        That is the next header of any member, the directory, or as far as the longest local header allows.
        """
        after = which + 1
        bounds = np.where(after < len(self), self.headers[np.minimum(after, len(self) - 1)], self.start)
        return np.minimum(bounds, self.least_ends(which) + MAX_LOCAL_EXTRA + MAX_DESCRIPTOR)


def read_directory(source: RangedSource, check: Callable[[int, int], None]) -> Directory:
    """Read the central directory.

    Args:
        check: Called with the length of the directory in bytes and a number of members: with 0 members before the
            directory is read, and with all of them before they are looked at. Refuses what is too much.

    Returns:
        The directory; its numbers are plausible one by one, and not checked against each other.

    Raises:
        NotAZipError: There is no zip.
        TruncatedArchiveError: Its end is missing.
        DamagedDirectoryError: The directory contradicts itself or the file.
        MultiDiskArchiveError: The archive is split.
    """
    record = find_end_record(source)
    check(record.size, 0)
    raw = _read(source, record)
    places = _walk(source.uri, raw)
    check(record.size, len(places))
    count = record.entries
    # Counts of 16 bits wrap in some tools, and stop at the largest in others.
    wrapped = not record.is_zip64 and (len(places) & 0xFFFF == count or (count == 0xFFFF and len(places) > count))
    if len(places) != count and not wrapped:
        raise DamagedDirectoryError.at(source.uri, f"it declares {count:,} members and lists {len(places):,}")
    directory = _numbers(source.uri, raw, record.start, places)
    return _settle(source, record, directory)


def _read(source: RangedSource, record: EndRecord) -> bytes:
    """Fetch the directory, one range after the other, into one piece of memory."""
    buffer = io.BytesIO()
    for start in range(record.start, record.start + record.size, _RANGE):
        buffer.write(source.read(start, min(_RANGE, record.start + record.size - start)))
    return buffer.getvalue()  # which is no copy


def _walk(uri: str, raw: bytes) -> NDArray[np.int64]:
    """Where the records begin."""
    places = array("q")
    position, end = 0, len(raw)
    note, unpack, fixed = places.append, _WALK.unpack_from, COLUMNS.itemsize
    while position + fixed <= end:
        signature, name, extra, comment = unpack(raw, position)
        if signature != CENTRAL_SIGNATURE:
            break
        note(position)
        position += fixed + name + extra + comment
    if position > end:
        raise DamagedDirectoryError.at(uri, f"entry {len(places):,} of its list of members is cut off")
    if position < end and not _is_digital_signature(raw, position):
        raise DamagedDirectoryError.at(uri, f"entry {len(places) + 1:,} of its list of members is not valid")
    return np.frombuffer(places, np.int64) if places else np.empty(0, np.int64)


def _is_digital_signature(raw: bytes, position: int) -> bool:
    """Whether the rest of the directory is the signature that may end it (APPNOTE.TXT 6.3.10, section 4.3.13)."""
    if not raw.startswith(_DIGITAL_SIGNATURE, position):
        return False
    start = position + len(_DIGITAL_SIGNATURE) + 2
    return start + int.from_bytes(raw[start - 2 : start], "little") == len(raw)


def _numbers(uri: str, raw: bytes, start: int, places: NDArray[np.int64]) -> Directory:
    """Take the numbers out of the records that are needed again and again; of zip64, too."""
    headers, compressed, sizes = (np.empty(len(places), np.int64) for _ in range(3))
    name_lengths = np.empty(len(places), np.uint16)
    directory = Directory(raw, start, places, headers, compressed, sizes, name_lengths)
    for some, found in directory.chunks():
        headers[some], compressed[some], sizes[some] = found["offset"], found["compressed"], found["size"]
        name_lengths[some] = found["name_length"]
        elsewhere = np.flatnonzero((found["disk"] != 0) & (found["disk"] != 0xFFFF))
        if elsewhere.size:
            number, disk = some.start + int(elsewhere[0]) + 1, int(found["disk"][elsewhere[0]]) + 1
            raise MultiDiskArchiveError.at(uri, f"entry {number:,} is in part {disk}, and only this part is here")
        beyond = (found["offset"] == IN_ZIP64) | (found["compressed"] == IN_ZIP64) | (found["size"] == IN_ZIP64)
        for number in (np.flatnonzero(beyond) + some.start).tolist():
            numbers = zip64_of(raw, int(places[number]))
            if numbers is None:
                raise DamagedDirectoryError.at(uri, f"the zip64 sizes of entry {number + 1:,} are missing")
            sizes[number], compressed[number], headers[number] = (min(one, _NOWHERE) for one in numbers)
    return directory


def _settle(source: RangedSource, record: EndRecord, directory: Directory) -> Directory:
    """Turn what the directory says of the headers' places into where they are in the file, and sort by it."""
    headers = directory.headers
    shift = record.start - record.offset
    if shift < 0:
        cause = f"its list of members is said to start {-shift:,} bytes further than it does"
        raise DamagedDirectoryError.at(source.uri, cause)
    if shift and shift % 2**32 == 0 and not record.is_zip64:
        # macOS writes archives beyond 4 GB without zip64: offsets lose their upper half, but stay in order.
        headers[1:] += np.cumsum(headers[1:] < headers[:-1]) * 2**32
        shift = 0
    elif shift and source.read(0, min(4, source.size)) == LOCAL_SIGNATURE:
        # Otherwise the tail of a cut archive that stores another zip would be taken for the archive.
        cause = "it begins with members that its list does not name, as if it were cut short or two zips were joined"
        raise DamagedDirectoryError.at(source.uri, cause)
    headers += shift
    if len(headers) and int(headers.max()) >= record.start:
        raise DamagedDirectoryError.at(source.uri, "its list of members points outside of the file")
    if (headers[1:] >= headers[:-1]).all():
        return directory
    order = np.argsort(headers, kind="stable")
    names = ("places", "headers", "compressed", "sizes", "name_lengths")
    return replace(directory, **{name: getattr(directory, name)[order] for name in names})
