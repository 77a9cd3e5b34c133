"""What JPEG, PNG and TIFF files are made of, counted before a parser sees them.

A parser's work and memory grow with the number of these parts, not with the size of the file: a megabyte of empty ones
takes minutes or a gigabyte, and no picture has a need of them.
"""

from __future__ import annotations

import re
import struct
import zlib

from orchard.features.kinds import kind_of

MAX_SCANS = 100
"""Most scans of a JPEG: progressive ones have about ten. Each takes one pass over the whole picture, even when it is
empty, so that a megabyte of them would take hours. (libjpeg-turbo, `djpeg -maxscans`.)"""

MAX_PARTS = 10_000
"""Most segments of a JPEG, most chunks of a PNG that hold no pixels. EXIF and colour profiles of the largest files
take some hundred, a frame of an animation two."""

MAX_VALUES = 100_000
"""Most numbers in a field of a TIFF's first directory. The longest tell where each row or tile is; Pillow makes objects
of half a kilobyte from them."""

MAX_TILE = 16_000_000
"""Most pixels of a tile of a TIFF, which is unpacked whole however small the picture is."""

MAX_TEXT = 16_000_000
"""Most bytes that the packed texts and the colour profile of a PNG may have unpacked. A workflow of ComfyUI, which
is large as they go, has some two million."""

_PNG_HEAD = 8  # bytes of its signature

_MARKER = re.compile(rb"\xff+([^\x00\x01\xd0-\xd7\xff])")
"""A marker that begins a segment. After a 0xFF of the packed pixels comes zero, or a restart marker, which has none."""

_START_OF_SCAN = 0xDA
_SCAN = b"\xff\xda"
_NO_FRAMES = (0xC4, 0xC8, 0xCC)  # the other markers of these sixteen begin one
_LEAST_SEGMENT = 4  # bytes: the marker and the length
_END_OF_IMAGE = 0xD9

_PACKED = {
    b"tEXt": b"(?!)",
    b"zTXt": rb"[^\0]*\0.",
    b"iCCP": rb"[^\0]*\0.",
    b"iTXt": rb"[^\0]*\0[^\0].[^\0]*\0[^\0]*\0",
}
"""Chunk of a PNG with a text or profile → what comes before the packed part, if there is one."""

_AT_ONCE = 65_536  # bytes that are unpacked and forgotten


def excess(content: bytes) -> str:
    """What a JPEG, PNG or TIFF has too many of; empty when it has not, whatever state the file is in.

    Args:
        content: The file's bytes; of any other kind nothing is counted.
    """
    count = {"JPEG": _excess_of_jpeg, "PNG": _excess_of_png, "TIFF": _excess_of_tiff}.get(kind_of(content))
    return count(content) if count else ""


def is_in_passes(content: bytes) -> bool:
    """Whether a JPEG's first scan lacks some of its components, so that all scans are needed for its first pixels."""
    components, place = 0, 2
    for _ in range(MAX_PARTS):
        marker = _MARKER.search(content, place)
        if marker is None:
            return False
        place = marker.end()
        if marker[1][0] == _START_OF_SCAN:
            return content[place + 2 : place + 3] < bytes([components])
        if 0xC0 <= marker[1][0] <= 0xCF and marker[1][0] not in _NO_FRAMES:
            components = int.from_bytes(content[place + 7 : place + 8])
        place += max(int.from_bytes(content[place : place + 2], "big"), 2)
    return False


def without_text(content: bytes) -> bytes:
    """A PNG without its texts and its colour profile, none of which changes a pixel.

    Raises:
        ValueError: They are a bomb: they would unpack to more than `MAX_TEXT`.
    """
    kept, place, room = [content[:_PNG_HEAD]], _PNG_HEAD, MAX_TEXT
    while place < len(content):
        end = place + 12 + int.from_bytes(content[place : place + 4], "big")
        packed = _PACKED.get(content[place + 4 : place + 8])
        if packed is None:
            kept.append(content[place:end])
        elif found := re.match(packed, content[place + 8 : end - 4], re.DOTALL):
            room -= _unpacked_length(content[place + 8 + found.end() : end - 4], room)
        if room < 0:
            raise ValueError(f"its texts are more than {MAX_TEXT:,} bytes unpacked")
        place = end
    return b"".join(kept)


def _unpacked_length(data: bytes, most: int) -> int:
    """How long packed data is unpacked; of what is longer than `most`, more than that."""
    inflater, length = zlib.decompressobj(), 0
    try:
        while data and length <= most:
            length += len(inflater.decompress(data, _AT_ONCE))
            data = inflater.unconsumed_tail
    except zlib.error:
        pass  # as if it ended here
    return length


def _excess_of_jpeg(content: bytes) -> str:
    """From marker to marker until the end of the image (ITU-T T.81, annex B)."""
    if len(content) < MAX_PARTS * _LEAST_SEGMENT and content.count(_SCAN) <= MAX_SCANS:
        return ""  # a small picture, whatever it holds: the walk would take a twentieth of the decoding
    scans, place = 0, 2
    for _ in range(MAX_PARTS):
        marker = _MARKER.search(content, place)
        if marker is None or marker[1][0] == _END_OF_IMAGE:
            return ""
        scans += marker[1][0] == _START_OF_SCAN
        if scans > MAX_SCANS:
            return f"more than {MAX_SCANS} scans"
        length = int.from_bytes(content[marker.end() : marker.end() + 2], "big")
        place = marker.end() + max(length, 2)
    return f"more than {MAX_PARTS:,} segments"


def _excess_of_png(content: bytes) -> str:
    """From chunk to chunk (ISO/IEC 15948, section 5.3)."""
    parts, place = 0, _PNG_HEAD
    while place < len(content):
        parts += content[place + 4 : place + 8] != b"IDAT"
        if parts > MAX_PARTS:
            return f"more than {MAX_PARTS:,} chunks"
        place += 12 + int.from_bytes(content[place : place + 4], "big")
    return ""


_TEXT = {1, 2, 6, 7}  # bytes and letters stay what they are
_NUMBER_BYTES = {3: 2, 4: 4, 13: 4, 16: 8}
_TILE_WIDTH, _TILE_LENGTH = 322, 323


def _excess_of_tiff(content: bytes) -> str:
    """The first directory, field by field (TIFF 6.0, section 2; BigTIFF has wider ones)."""
    order = "<" if content[:1] == b"I" else ">"
    is_big = content[2:4] in (b"+\0", b"\0+")
    place, counter, field = (8, "Q", "HHQQ") if is_big else (4, "H", "HHII")
    size = struct.calcsize(f"={field}")
    tile = 1
    try:
        (start,) = struct.unpack_from(order + field[-1], content, place)
        (fields,) = struct.unpack_from(order + counter, content, start)
        first = start + struct.calcsize(f"={counter}")
        for place in range(first, min(first + fields * size, len(content) - size + 1), size):
            tag, kind, count, _ = struct.unpack_from(order + field, content, place)
            if kind not in _TEXT and count > MAX_VALUES:
                return f"more than {MAX_VALUES:,} values in a field"
            if tag in (_TILE_WIDTH, _TILE_LENGTH) and kind in _NUMBER_BYTES:
                number = content[place + size // 2 + 2 :][: _NUMBER_BYTES[kind]]
                tile *= int.from_bytes(number, "little" if order == "<" else "big")
    except (struct.error, OverflowError):
        return ""
    return f"tiles of more than {MAX_TILE // 1_000_000} megapixels" if tile > MAX_TILE else ""
