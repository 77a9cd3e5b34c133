"""A zip of any number of tiny pictures, each another one, in the layout of Fruits-360: a million in seconds."""

from __future__ import annotations

import shutil
import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME_LENGTH = 70
"""Of every name, in bytes: a long list is what is to be read."""

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sBBHHHHHIIIHHHHHII")
_ENDS = struct.Struct("<4sQHHIIQQQQ4sIQI4sHHHHIIH")
_IN_ZIP64 = 0xFFFFFFFF
_AT_ONCE = 100_000

LISTED_BYTES = _CENTRAL.size + NAME_LENGTH
"""Of a member in the list."""

_CLASSES = 131
_COLOURS = 1 << 24
_BITMAP = struct.pack("<2sIHHI IiiHHIIiiII", b"BM", 58, 0, 0, 54, 40, 1, 1, 1, 24, 0, 4, 2835, 2835, 0, 0)
"""The head of a picture of one pixel (BITMAPFILEHEADER and BITMAPINFOHEADER), whose blue, green, red and a byte of
padding follow."""


def many_members(path: Path, count: int) -> Path:
    """Write such a zip, stored, with the end of zip64, unless it is there.

    Args:
        path: The zip; its name says how many are in it.
        count: How many pictures, at most 16,777,216: of one pixel there are no more.
    """
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part, directory = path.with_suffix(".part"), path.with_suffix(".directory")
    with part.open("wb") as file, directory.open("w+b") as listed:
        offset = 0
        for first in range(0, count, _AT_ONCE):
            body, records = bytearray(), bytearray()
            for name, content in _pictures(first, min(first + _AT_ONCE, count)):
                place = offset + len(body)
                sizes = (zlib.crc32(content), len(content), len(content), len(name))
                body += _LOCAL.pack(b"PK\x03\x04", 20, 0, 0, 0, 33, *sizes, 0) + name + content
                more = (0, 0, 0, 0, 0o100644 << 16, place)
                records += _CENTRAL.pack(b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 33, *sizes, *more) + name
            offset += len(body)
            file.write(body)
            listed.write(records)
        start, size = file.tell(), listed.tell()
        listed.seek(0)
        shutil.copyfileobj(listed, file)
        record = (b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
        locator = (b"PK\x06\x07", 0, start + size, 1)
        file.write(_ENDS.pack(*record, *locator, b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, *[_IN_ZIP64] * 2, 0))
    directory.unlink()
    part.rename(path)
    return path


def _pictures(first: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    for number in range(first, end):
        folder = f"fruits-360/{'Test' if number % 4 == 3 else 'Training'}/Fruit {number % _CLASSES}/"
        name = f"{folder}{number:0{NAME_LENGTH - len(folder) - 4}}.bmp"
        yield name.encode(), _BITMAP + struct.pack("<I", number * 0x9E3779 % _COLOURS)
