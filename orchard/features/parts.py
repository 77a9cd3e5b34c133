"""What JPEG and PNG files are made of, counted before a parser sees them.

A parser's work and memory grow with the number of these parts, not with the size of the file: a megabyte of empty ones
takes minutes or a gigabyte, and no picture has a need of them.
"""

from __future__ import annotations

import re

MAX_SCANS = 100
"""Most scans of a JPEG: progressive ones have about ten. Each takes one pass over the whole picture, even when it is
empty, so that a megabyte of them would take hours. (libjpeg-turbo, `djpeg -maxscans`.)"""

MAX_PARTS = 10_000
"""Most segments of a JPEG, most chunks of a PNG that hold no pixels. EXIF and colour profiles of the largest files
take some hundred, a frame of an animation two."""

_JPEG_SIGNATURE = b"\xff\xd8\xff"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_MARKER = re.compile(rb"\xff+([^\x00\x01\xd0-\xd7\xff])")
"""A marker that begins a segment. After a 0xFF of the packed pixels comes zero, or a restart marker, which has none."""

_START_OF_SCAN = 0xDA
_SCAN = b"\xff\xda"
_LEAST_SEGMENT = 4  # bytes: the marker and the length
_END_OF_IMAGE = 0xD9


def kind_of(content: bytes) -> str:
    """JPEG or PNG, by the file's first bytes; empty for anything else."""
    if content.startswith(_JPEG_SIGNATURE):
        return "JPEG"
    return "PNG" if content.startswith(_PNG_SIGNATURE) else ""


def excess(content: bytes) -> str:
    """What a JPEG or PNG has too many of; empty when it has not, whatever state the file is in.

    Args:
        content: The file's bytes; of any other kind nothing is counted.
    """
    kind = kind_of(content)
    if kind == "JPEG":
        return _excess_of_jpeg(content)
    return _excess_of_png(content) if kind == "PNG" else ""


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
    parts, place = 0, len(_PNG_SIGNATURE)
    while place < len(content):
        parts += content[place + 4 : place + 8] != b"IDAT"
        if parts > MAX_PARTS:
            return f"more than {MAX_PARTS:,} chunks"
        place += 12 + int.from_bytes(content[place : place + 4], "big")
    return ""
