"""Files spoilt at random: bytes, and numbers where they hurt most. The same seed spoils in the same way."""

import random
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.support.zips.hostile import METHODS, Entry, Forgery, build_zip

EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF,
            2**32, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1)  # fmt: skip

_ZIP_FIELDS = {  # signature → place and length of each number behind it
    b"PK\x03\x04": ((6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)),
    b"PK\x01\x02": (
        (4, 1), (5, 1), (8, 2), (10, 2), (12, 4), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (34, 2),
        (38, 4), (42, 4),
    ),
    b"PK\x05\x06": ((4, 2), (6, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
    b"PK\x06\x06": ((4, 8), (16, 4), (20, 4), (24, 8), (32, 8), (40, 8), (48, 8)),
    b"PK\x06\x07": ((4, 4), (8, 8), (16, 4)),
    b"PK\x07\x08": ((4, 4), (8, 4), (12, 4)),
}  # fmt: skip


def spoil_bytes(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Flip, cut, splice, double, overwrite; up to six times."""
    spoilt = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        here, there = sorted(rng.randint(0, len(spoilt)) for _ in range(2))
        match rng.randrange(7):
            case 0 if here < len(spoilt):
                spoilt[here] ^= 1 << rng.randrange(8)
            case 1:
                del spoilt[here : here + rng.randint(1, 40)]
            case 2:
                spoilt[here:here] = spoilt[there : there + rng.randint(1, 200)]
            case 3:
                spoilt[here:here] = rng.randbytes(rng.randint(1, 60))
            case 4:
                other = rng.choice(others)
                start = rng.randrange(len(other))
                spoilt[here:there] = other[start : start + rng.randint(1, len(other))]
            case 5:
                length = rng.choice([1, 2, 4, 8])
                number = rng.choice(EXTREMES) % 256**length
                spoilt[here : here + length] = number.to_bytes(length, rng.choice(["little", "big"]))
            case _:
                del spoilt[rng.randint(len(spoilt) // 2, len(spoilt)) :]
    return bytes(spoilt)


def spoil_zip(archive: bytes, rng: random.Random) -> bytes:
    """Overwrite numbers of a zip's records, up to four, by extreme ones or those of its neighbours."""
    spoilt = bytearray(archive)
    for _ in range(rng.randint(1, 4)):
        signature = rng.choice([one for one in _ZIP_FIELDS if one in spoilt])
        places = [place for place in range(len(spoilt)) if spoilt.startswith(signature, place)]
        offset, length = rng.choice(_ZIP_FIELDS[signature])
        place = rng.choice(places) + offset
        present = int.from_bytes(spoilt[place : place + length], "little")
        number = rng.choice(
            [*EXTREMES, present - 1, present + 1, present * 2, len(archive), rng.randrange(len(archive))]
        )
        spoilt[place : place + length] = (number % 256**length).to_bytes(length, "little")
    return bytes(spoilt)


def forge_zip(entries: Sequence[Entry], rng: random.Random) -> bytes:
    """A zip that is whole as a file, in which some members lie about themselves, repeat, or borrow others' bytes."""
    spoilt = list(entries)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(spoilt))
        spoilt[place] = replace(spoilt[place], **rng.choice(_LIES)(rng))
        if rng.random() < 0.2:
            spoilt.insert(rng.randrange(len(spoilt) + 1), rng.choice(spoilt))
    order = rng.sample(range(len(spoilt)), len(spoilt)) if rng.random() < 0.3 else ()
    around = {
        "zip64": rng.random() < 0.3,
        "prefix": rng.choice([b"", b"", b"MZ"]),
        "junk": rng.choice([b"", b"", b"\n"]),
    }
    return build_zip(spoilt, Forgery(**around, shuffled=order))


def _number(rng: random.Random) -> int:
    return rng.choice([number for number in EXTREMES if number < 2**32] + [rng.randrange(2000)])


_LIES: Sequence[Callable[[random.Random], dict[str, object]]] = (
    lambda rng: {"size": _number(rng)},
    lambda rng: {"compressed_size": _number(rng)},
    lambda rng: {"offset": _number(rng)},
    lambda rng: {"crc": _number(rng)},
    lambda rng: {"method": rng.choice([0, 99, 0xFFFF, *METHODS])},
    lambda rng: {"flags": rng.choice([0, 1, 8, 0x0800, 0xFFFF])},
    lambda rng: {"mode": rng.choice([0, 0o40755, 0o120777, 0o104755, 0xFFFF])},
    lambda rng: {"disk": rng.choice([0, 1, 0xFFFF])},
    lambda rng: {"dos": (rng.randrange(0x10000), rng.randrange(0x10000))},
    lambda rng: {"system": rng.randrange(256)},
    lambda rng: {"extra": rng.randbytes(rng.randrange(40))},
    lambda rng: {"extra": struct.pack("<HH", rng.choice([1, 0x5455, 0x7075]), rng.randrange(30)) + rng.randbytes(24)},
    lambda rng: {"local_extra": rng.randbytes(rng.randrange(40))},
    lambda rng: {"name": rng.randbytes(rng.randrange(20))},
    lambda rng: {"local_name": rng.randbytes(rng.randrange(20))},
    lambda rng: {"data": rng.randbytes(rng.randrange(60))},
    lambda rng: {"descriptor": True},
    lambda rng: {"has_header": False},
)


def mend_png(content: bytes) -> bytes:
    """Make the checksums of a PNG's chunks right, so that damage gets past them."""
    mended, place = bytearray(content), 8
    while place + 12 <= len(mended):
        end = place + 8 + int.from_bytes(mended[place : place + 4], "big")
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = zlib.crc32(mended[place + 4 : end]).to_bytes(4, "big")
        place = end + 4
    return bytes(mended)
