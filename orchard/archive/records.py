"""One record of a zip's central directory, by itself and in columns (APPNOTE.TXT 6.3.10, sections 4.3.12 and 4.5)."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orchard.archive.encoding import Naming

ENCRYPTED_FLAG = 0x0001

LOCAL_HEADER = struct.Struct("<4sHHHHHIIIHH")
"""Signature, version, flags, method, time, date, CRC, compressed size, size, lengths of name and extra."""

COLUMNS = np.dtype(
    [
        ("signature", "<u4"), ("version", "u1"), ("system", "u1"), ("needed", "<u2"), ("flags", "<u2"),
        ("method", "<u2"), ("time", "<u2"), ("date", "<u2"), ("crc32", "<u4"), ("compressed", "<u4"), ("size", "<u4"),
        ("name_length", "<u2"), ("extra_length", "<u2"), ("comment_length", "<u2"), ("disk", "<u2"),
        ("internal", "<u2"), ("attributes", "<u4"), ("offset", "<u4"),
    ]
)  # fmt: skip
"""The fixed part of a record, without padding; the name, the extra fields and a comment follow it."""

IN_ZIP64 = 0xFFFFFFFF
"""Stands for a number that is in the zip64 extra field."""

MAX_LOCAL_EXTRA = 0xFFFF
MAX_DESCRIPTOR = 24

_RECORD = struct.Struct("<4sBBHHHHHIIIHHHHHII")
_EXTRA = struct.Struct("<HH")
ZIP64_EXTRA = 0x0001
TIMESTAMP_EXTRA = 0x5455
ETAG_EXTRA = 0x4F45
"""Of our own, in lists of what is under a prefix; it means nothing in a zip."""

_UNICODE_PATH_EXTRA = 0x7075
_DOS_EPOCH = datetime(1980, 1, 1, tzinfo=UTC)


class Member(NamedTuple):
    r"""One entry of the directory.

    Attributes:
        name: The name's bytes, as the local header repeats them.
        path: The name, decoded, its folders parted by `/`; bytes that cannot be decoded are shown as `\xNN`.
        name_fault: What is wrong with the name's bytes; empty when nothing is.
        is_guess: Whether the path is what they are in cp437, for want of a better word.
        header_offset: Where its local header is, in the file.
        end_offset: Where all its bytes have ended.
        compressed_size: In bytes.
        size: In bytes, uncompressed.
        crc32: Of the uncompressed bytes.
        method: How it is compressed.
        flags: The general purpose bits.
        mode: The Unix mode; 0 when the archive does not say.
        dos: Date and time, as DOS has them.
        timestamp: The extended timestamp; empty when there is none.
        etag: The ETag of an object under a prefix.
    """

    name: bytes
    path: str
    name_fault: str
    is_guess: bool
    header_offset: int
    end_offset: int
    compressed_size: int
    size: int
    crc32: int
    method: int
    flags: int
    mode: int
    dos: tuple[int, int]
    timestamp: bytes
    etag: str

    @property
    def modified(self) -> datetime:
        """When it was last modified.

        The time zone is only known when the archive has extended timestamps, otherwise the time is taken as UTC, and
        1980-01-01 stands for one that does not exist.
        """
        if len(self.timestamp) >= 5 and self.timestamp[0] & 1:
            return datetime.fromtimestamp(int.from_bytes(self.timestamp[1:5], "little", signed=True), UTC)
        date, time = self.dos
        try:
            hour, minute, second = time >> 11, time >> 5 & 0x3F, (time & 0x1F) * 2
            return datetime(1980 + (date >> 9), date >> 5 & 0x0F, date & 0x1F, hour, minute, second, tzinfo=UTC)
        except ValueError:
            return _DOS_EPOCH


def columns(raw: bytes, places: NDArray[np.int64]) -> NDArray[np.void]:
    """The fixed parts of some records; they are copied, so not of too many at once.

    Args:
        places: Where in it each record begins.
    """
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(raw, np.uint8), COLUMNS.itemsize)
    return windows[places].view(COLUMNS)[:, 0]


def member_at(raw: bytes, place: int, naming: Naming, header_offset: int = 0, end_offset: int = 0) -> Member:
    """One record, whose zip64 numbers are there if it needs them.

    Args:
        raw: The directory, or a part of it.
        place: Where in it the record begins.
        header_offset: Where the member begins in the file.
        end_offset: Where it ends there.
    """
    (
        _, _, system, _, flags, method, time, date, crc, compressed, size,
        name_length, extra_length, _, _, _, attributes, offset,
    ) = _RECORD.unpack_from(raw, place)  # fmt: skip
    place += _RECORD.size
    name = raw[place : place + name_length]
    extras = _extras(raw, place + name_length, place + name_length + extra_length) if extra_length else {}
    if size == IN_ZIP64 or compressed == IN_ZIP64:
        size, compressed, _ = zip64_numbers((size, compressed, offset), extras.get(ZIP64_EXTRA, b"")) or (0, 0, 0)
    path, fault, is_guess = naming.decode(name, flags, system, extras.get(_UNICODE_PATH_EXTRA, b""))
    return Member(
        name, path, fault, is_guess, header_offset, end_offset, compressed, size, crc, method, flags, attributes >> 16,
        (date, time), extras.get(TIMESTAMP_EXTRA, b""),
        extras.get(ETAG_EXTRA, b"").decode(errors="replace"),
    )  # fmt: skip


def zip64_of(raw: bytes, place: int) -> tuple[int, int, int] | None:
    """Size, compressed size and offset of a record whose zip64 extra field has some of them; None if it lacks one."""
    *_, compressed, size, name_length, extra_length, _, _, _, _, offset = _RECORD.unpack_from(raw, place)
    first = place + _RECORD.size + name_length
    extras = _extras(raw, first, first + extra_length)
    return zip64_numbers((size, compressed, offset), extras.get(ZIP64_EXTRA, b""))


def etag_at(raw: bytes, place: int) -> bytes:
    """The ETag of a record that is of an object under a prefix; empty in a zip's."""
    *_, name_length, extra_length, _, _, _, _, _ = _RECORD.unpack_from(raw, place)
    first = place + _RECORD.size + name_length
    return _extras(raw, first, first + extra_length).get(ETAG_EXTRA, b"")


def zip64_numbers(numbers: tuple[int, int, int], extra: bytes) -> tuple[int, int, int] | None:
    """Replace the numbers that did not fit into 32 bits, in their order; None when the extra field lacks one."""
    found, position = [], 0
    for number in numbers:
        if number != IN_ZIP64:
            found.append(number)
            continue
        if position + 8 > len(extra):
            return None
        found.append(int.from_bytes(extra[position : position + 8], "little"))
        position += 8
    return found[0], found[1], found[2]


def _extras(raw: bytes, position: int, end: int) -> dict[int, bytes]:
    """The extra fields by their id, the first of each; what cannot be cut into fields is padding and left out."""
    extras: dict[int, bytes] = {}
    while position + _EXTRA.size <= end:
        kind, length = _EXTRA.unpack_from(raw, position)
        position += _EXTRA.size
        if position + length > end:
            break
        extras.setdefault(kind, raw[position : position + length])
        position += length
    return extras
