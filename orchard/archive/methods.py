"""How members are compressed, and what unpacks them.

The numbers are those of APPNOTE.TXT 6.3.10, section 4.4.5. Libraries are imported when a member needs them: an archive
is judged where there are none.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STORED, DEFLATED, DEFLATE64, BZIP2, LZMA, XZ = 0, 8, 9, 12, 14, 95
ZSTANDARD = (20, 93)  # the first was its number for a while

_NAMES = {
    1: "shrink", 2: "reduce", 3: "reduce", 4: "reduce", 5: "reduce", 6: "implode", 10: "IBM TERSE", 16: "IBM CMPSC",
    18: "IBM TERSE", 19: "LZ77", 94: "MP3", 96: "JPEG", 97: "WavPack", 98: "PPMd", 99: "AES",
}  # fmt: skip
"""Of those that are not read, for the message only."""

_END_MARKED = 0x0002  # flag of LZMA: the data say themselves where they end
_LEAST_DICTIONARY = 4096
_MOST_MEMORY = 192 << 20
"""What xz may ask for: its highest level takes 65 MiB, the dictionary of 7-Zip's 64."""

_CHUNK = 1 << 16
_MOST_STREAMS = 10_000
"""Of a member, one after the other: packers that use several cores write some, and empty ones are meant for harm."""

_AT_ONCE = 512
"""Bytes that Deflate64 is given at a time, since it cannot be told how much may come out: of these at most 16 MB."""


class _Unpacker(Protocol):
    """What bz2, lzma and compression.zstd have."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class UnpackingError(Exception):
    """What is wrong with packed data, in a few words."""


def unsupported_method(method: int) -> str:
    """Why a compression method cannot be read; empty for those that can."""
    if method in _UNPACK:
        return ""
    return f"compressed by {_NAMES.get(method, 'a method that has no name')}, method {method}"


def unpack(method: int, flags: int, data: memoryview, size: int) -> bytes:
    """Unpack a member, and no more of it than it should have.

    Args:
        flags: The general purpose bits of its header.
        data: The packed bytes, all of them.
        size: How many bytes should come out.

    Returns:
        The first bytes that come out: more than `size` of them if more would come than should.

    Raises:
        UnpackingError: The method is not read, or the data are damaged or end too early.
    """
    if reason := unsupported_method(method):
        raise UnpackingError(reason)
    try:
        content, is_complete = _UNPACK[method](data, flags, size)
    except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError) as error:
        raise UnpackingError("its compressed data is damaged") from error
    if len(content) <= size and not is_complete:
        raise UnpackingError("its compressed data is cut short")
    return content


def _stored(data: memoryview, _: int, size: int) -> tuple[bytes, bool]:
    return bytes(data[: size + 1]), True


def _deflated(data: memoryview, _: int, size: int) -> tuple[bytes, bool]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content = inflater.decompress(data, size + 1)
    return content, inflater.eof


def _deflated_64(data: memoryview, _: int, size: int) -> tuple[bytes, bool]:
    from inflate64 import Inflater

    inflater, content = Inflater(), bytearray()
    for start in range(0, len(data), _AT_ONCE):
        content += inflater.inflate(data[start : start + _AT_ONCE])
        if inflater.eof or len(content) > size:
            break
    return bytes(content), inflater.eof


def _by(streams: Iterable[_Unpacker], data: memoryview, size: int) -> tuple[bytes, bool]:
    """By a library that can be told how much may come out, and unpacks one stream: the next begins where one ends.

    Args:
        streams: Unpacks the first, the second, and so on, as many as there may be.
    """
    content, position = bytearray(), 0
    for unpacker in streams:
        while not unpacker.eof and len(content) <= size:
            chunk = data[position : position + _CHUNK] if unpacker.needs_input else b""
            if unpacker.needs_input and not chunk:
                return bytes(content), False
            position += len(chunk)
            content += unpacker.decompress(chunk, size + 1 - len(content))  # type: ignore[arg-type]
        position -= len(unpacker.unused_data)
        if position == len(data) or len(content) >= size:
            break
    return bytes(content), unpacker.eof


def _bzipped(data: memoryview, _: int, size: int) -> tuple[bytes, bool]:
    return _by((bz2.BZ2Decompressor() for _ in range(_MOST_STREAMS)), data, size)


def _lzma(data: memoryview, flags: int, size: int) -> tuple[bytes, bool]:
    """LZMA as a zip has it (APPNOTE.TXT, section 5.8): its header is rewritten as that of an .lzma file.

    The dictionary that it asks for may have four gigabytes; it has no use for more than comes out.
    """
    length = int.from_bytes(data[2:4], "little")
    if length != 5 or len(data) < 9:
        raise EOFError
    dictionary = max(_LEAST_DICTIONARY, min(int.from_bytes(data[5:9], "little"), size + 1))
    end = b"\xff" * 8 if flags & _END_MARKED else size.to_bytes(8, "little")
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    unpacker.decompress(bytes(data[4:5]) + dictionary.to_bytes(4, "little") + end, 0)
    content, is_complete = (b"", True) if unpacker.eof else _by([unpacker], data[9:], size)
    return content, is_complete or len(content) == size


def _xz(data: memoryview, _: int, size: int) -> tuple[bytes, bool]:
    streams = (lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY) for _ in range(_MOST_STREAMS))
    return _by(streams, data, size)


def _zstandard(data: memoryview, _: int, size: int) -> tuple[bytes, bool]:
    from backports.zstd import ZstdDecompressor, ZstdError

    try:
        return _by((ZstdDecompressor() for _ in range(_MOST_STREAMS)), data, size)
    except ZstdError as error:
        raise ValueError from error


_UNPACK: dict[int, Callable[[memoryview, int, int], tuple[bytes, bool]]] = {
    STORED: _stored,
    DEFLATED: _deflated,
    DEFLATE64: _deflated_64,
    BZIP2: _bzipped,
    LZMA: _lzma,
    XZ: _xz,
    **dict.fromkeys(ZSTANDARD, _zstandard),
}
"""Method → packed data, flags and size to what comes out, and whether the data have come to their end."""
