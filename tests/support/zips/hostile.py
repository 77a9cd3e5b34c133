"""Zips that no well-behaved tool writes, in which every field can be forged; and sources in memory."""

import bz2
import lzma
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from backports import zstd

from orchard.archive.errors import TruncatedArchiveError

LOCAL = struct.Struct("<4sHHHHHIIIHH")
CENTRAL = struct.Struct("<4sBBHHHHHIIIHHHHHII")
END = struct.Struct("<4sHHHHIIH")
END64 = struct.Struct("<4sQHHIIQQQQ")
LOCATOR = struct.Struct("<4sIQI")

NOON = ((2021 - 1980) << 9 | 6 << 5 | 15, 12 << 11)
"""DOS date and time of 2021-06-15 12:00:00."""


@dataclass(frozen=True)
class Entry:
    """One member; whatever is None is what an honest tool would write.

    Attributes:
        name: As bytes, or as text to be written as UTF-8 with its flag.
        content: Uncompressed.
        method: How the content is packed; one that `pack` does not know stores it as it is.
        data: The compressed bytes themselves.
        local_name, local_method, local_flags: What the local header says, if not what the directory says.
        offset: What the directory says about the header's place.
        descriptor: Write sizes and checksum after the data, and zeros before.
        has_header: False for a directory entry without any bytes of its own (with `offset`, it borrows another's).
    """

    name: str | bytes
    content: bytes = b""
    method: int = 8
    flags: int = 0
    data: bytes | None = None
    crc: int | None = None
    size: int | None = None
    compressed_size: int | None = None
    extra: bytes = b""
    local_extra: bytes = b""
    comment: bytes = b""
    system: int = 3
    mode: int = 0o100644
    attributes: int | None = None
    dos: tuple[int, int] = NOON
    disk: int = 0
    offset: int | None = None
    local_name: bytes | None = None
    local_method: int | None = None
    local_flags: int | None = None
    descriptor: bool = False
    has_header: bool = True

    @property
    def raw_name(self) -> bytes:
        return self.name if isinstance(self.name, bytes) else self.name.encode()

    @property
    def raw_flags(self) -> int:
        utf8 = 0x0800 if isinstance(self.name, str) and not self.name.isascii() else 0
        ends_itself = 0x0002 if self.method == 14 else 0
        return self.flags | ends_itself | utf8 | (0x0008 if self.descriptor else 0)

    @property
    def packed(self) -> bytes:
        if self.data is not None:
            return self.data
        return pack(self.method, self.content)

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Checksum, compressed size and size."""
        crc = zlib.crc32(self.content) if self.crc is None else self.crc
        compressed = len(self.packed) if self.compressed_size is None else self.compressed_size
        return crc, compressed, len(self.content) if self.size is None else self.size

    def local(self) -> bytes:
        """Local header, data and descriptor."""
        if not self.has_header:
            return b""
        name = self.raw_name if self.local_name is None else self.local_name
        method = self.method if self.local_method is None else self.local_method
        flags = self.raw_flags if self.local_flags is None else self.local_flags
        numbers = (0, 0, 0) if self.descriptor else tuple(min(number, 0xFFFFFFFF) for number in self.numbers)
        date, time = self.dos
        header = LOCAL.pack(b"PK\x03\x04", 20, flags, method, time, date, *numbers, len(name), len(self.local_extra))
        after = struct.pack("<4sIII", b"PK\x07\x08", *self.numbers) if self.descriptor else b""
        return header + name + self.local_extra + self.packed + after

    def central(self, offset: int) -> bytes:
        """The directory's entry."""
        attributes = self.mode << 16 if self.attributes is None else self.attributes
        date, time = self.dos
        head = CENTRAL.pack(
            b"PK\x01\x02", 20, self.system, 20, self.raw_flags, self.method, time, date, *self.numbers,
            len(self.raw_name), len(self.extra), len(self.comment), self.disk, 0, attributes,
            offset if self.offset is None else self.offset,
        )  # fmt: skip
        return head + self.raw_name + self.extra + self.comment


@dataclass(frozen=True)
class Forgery:
    """What is written around the members; whatever is None is what an honest tool would write."""

    prefix: bytes = b""
    comment: bytes = b""
    junk: bytes = b""
    zip64: bool = False
    zip64_extension: bytes = b""
    count: int | None = None
    here: int | None = None
    disk: int = 0
    disks: int = 1
    directory_size: int | None = None
    directory_offset: int | None = None
    directory_tail: bytes = b""
    shuffled: Sequence[int] = field(default=())


def build_zip(entries: Iterable[Entry], forgery: Forgery = Forgery()) -> bytes:
    """Write a zip, honestly but for what the entries and the forgery say."""
    entries = list(entries)
    body, offsets = bytearray(), []
    for entry in entries:
        offsets.append(len(body))
        body += entry.local()
    order = forgery.shuffled or range(len(entries))
    directory = b"".join(entries[index].central(offsets[index]) for index in order) + forgery.directory_tail
    offset = len(body) if forgery.directory_offset is None else forgery.directory_offset
    size = len(directory) if forgery.directory_size is None else forgery.directory_size
    count = len(entries) if forgery.count is None else forgery.count
    here = count if forgery.here is None else forgery.here
    end = end_records(count, here, size, offset, forgery, len(body) + len(directory))
    return forgery.prefix + bytes(body) + directory + end + forgery.junk


def end_records(count: int, here: int, size: int, offset: int, forgery: Forgery, place: int | None = None) -> bytes:
    """What closes a zip; `place` is where its directory ends, from where the archive starts."""
    end, disk = b"", forgery.disk
    if forgery.zip64:
        place = offset + size if place is None else place
        length = END64.size - 12 + len(forgery.zip64_extension)
        end += END64.pack(b"PK\x06\x06", length, 45, 45, disk, 0, here, count, size, offset)
        end += forgery.zip64_extension + LOCATOR.pack(b"PK\x06\x07", 0, place, forgery.disks)
        count = here = disk = 0xFFFF
        size = offset = 0xFFFFFFFF
    first = 0xFFFF if forgery.zip64 else 0
    end += END.pack(b"PK\x05\x06", disk, first, here & 0xFFFF, count & 0xFFFF, size, offset, len(forgery.comment))
    return end + forgery.comment


def uniform_zip(count: int, *, zip64: bool = True, declared: int | None = None) -> bytes:
    """Very many empty pictures, quickly; with `declared`, the count that the end record has."""
    header = LOCAL.pack(b"PK\x03\x04", 20, 0, 0, *NOON, 0, 0, 0, 10, 0)
    names = [b"%06d.jpg" % number for number in range(count)]
    body = b"".join(header + name for name in names)
    central = CENTRAL.pack(b"PK\x01\x02", 20, 3, 20, 0, 0, *NOON, 0, 0, 0, 10, 0, 0, 0, 0, 0o100644 << 16, 0)[:-4]
    length = len(header) + 10
    directory = b"".join(
        central + (number * length).to_bytes(4, "little") + name for number, name in enumerate(names)
    )  # fmt: skip
    count = count if declared is None else declared
    return body + directory + end_records(count, count, len(directory), len(body), Forgery(zip64=zip64))


def deflate(content: bytes) -> bytes:
    """A raw deflate stream."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflater.compress(content) + deflater.flush()


def pack(method: int, content: bytes) -> bytes:
    """The content as members of zips have it that are compressed so."""
    match method:
        case 8:
            return deflate(content)
        case 9:  # without repetitions, in which the two differ; inflate64 packs those of 256 to 258 bytes wrongly
            deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
            return deflater.compress(content) + deflater.flush()
        case 12:
            return bz2.compress(content)
        case 14:  # the properties of the first filter, and its data with their own end
            alone = lzma.compress(content, lzma.FORMAT_ALONE)
            return b"\x09\x04\5\0" + alone[:5] + alone[13:]
        case 20 | 93:
            return zstd.compress(content)
        case 95:
            return lzma.compress(content)
    return content


METHODS = {8: "deflate", 9: "deflate64", 12: "bzip2", 14: "LZMA", 20: "Zstandard, early", 93: "Zstandard", 95: "xz"}
"""Those that `pack` knows."""


def extra_field(kind: int, data: bytes) -> bytes:
    """One extra field."""
    return struct.pack("<HH", kind, len(data)) + data


def zip64_extra(*numbers: int) -> bytes:
    """The zip64 extra field with these numbers of eight bytes."""
    return extra_field(0x0001, struct.pack(f"<{len(numbers)}Q", *numbers))


def full_overlap_bomb(members: int, kernel: bytes) -> bytes:
    """Many members of one size, all of them the very same bytes of the file."""
    first = Entry("0.jpg", kernel)
    others = [Entry("0.jpg", kernel, has_header=False, offset=0) for _ in range(members - 1)]
    return build_zip([first, *others])


def quoted_overlap_bomb(members: int, kernel: bytes, *, zip64: bool = False) -> bytes:
    """Members that each quote the next one's local header in a stored block and go on into its data (Fifield 2019)."""
    packed, content, size = deflate(kernel), kernel, len(deflate(kernel))
    locals_: list[bytes] = []
    entries: list[Entry] = []
    for number in range(members - 1, -1, -1):
        name = f"{number:04}.jpg"
        quoted = locals_[-1] if locals_ else b""
        if quoted:
            block = struct.pack("<BHH", 0, len(quoted), len(quoted) ^ 0xFFFF)
            content, size = quoted + content, size + len(block) + len(quoted)
        else:
            block = b""
        header = LOCAL.pack(b"PK\x03\x04", 20, 0, 8, 0, 33, zlib.crc32(content), size, len(content), len(name), 0)
        locals_.append(header + name.encode())
        entries.append(Entry(name, content, compressed_size=size, has_header=False, data=block))
    body, placed = bytearray(), []
    for entry, header in zip(reversed(entries), reversed(locals_), strict=True):
        placed.append((entry, len(body)))
        body += header + entry.packed
    body += packed
    directory = b"".join(entry.central(offset) for entry, offset in placed)
    return bytes(body) + directory + end_records(members, members, len(directory), len(body), Forgery(zip64=zip64))


@dataclass
class BytesSource:
    """An archive in memory, which remembers what was read of it."""

    content: bytes
    uri: str = "file:///tmp/fruits.zip"
    reads: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, start: int, length: int) -> bytes:
        if start < 0 or length < 0 or start + length > len(self.content):
            raise TruncatedArchiveError.at(self.uri, f"bytes {start} to {start + length} are not there")
        self.reads.append((start, length))
        return self.content[start : start + length]


@dataclass
class SparseSource:
    """A huge archive of which only some pieces are not zeros: offset → bytes."""

    pieces: dict[int, bytes]
    size: int
    uri: str = "file:///tmp/huge.zip"

    def read(self, start: int, length: int) -> bytes:
        content = bytearray(length)
        for offset, piece in self.pieces.items():
            first, last = max(offset, start), min(offset + len(piece), start + length)
            if first < last:
                content[first - start : last - start] = piece[first - offset : last - offset]
        return bytes(content)
