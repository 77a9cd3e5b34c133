"""Counting what files are made of: what only looks like a part is none."""

import struct
import tracemalloc
import zlib

import pytest
from PIL import Image

from orchard.features.parts import MAX_PARTS, MAX_SCANS, MAX_TEXT, MAX_VALUES, excess, is_in_passes, without_text
from tests.support.pictures.hostile import chunk, encoded, jpeg_of_scans, jpeg_with, png, whole_pictures

FLAT = Image.new("RGB", (16, 16), "red")
JPEG = encoded(FLAT, "JPEG")
SCANS = b"\xff\xda\x00\x02" * (MAX_SCANS + 1)


@pytest.mark.parametrize("content", whole_pictures())
def test_ordinary_pictures_have_nothing_too_many(content: bytes) -> None:
    assert excess(content) == ""


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(jpeg_of_scans(16, MAX_SCANS), id="as many scans as may be"),
        pytest.param(jpeg_with(0xE1, SCANS), id="scans within a segment, as of a thumbnail"),
        pytest.param(JPEG + b"\0\0" + SCANS, id="scans behind the end, as of a second picture"),
        pytest.param(JPEG[:-2] + b"\xff\x00\xff\xd0" * MAX_PARTS + JPEG[-2:], id="stuffed bytes and restart markers"),
        pytest.param(png(1, 1, *[chunk(b"IDAT", b"")] * (MAX_PARTS + 1)), id="pixels in many chunks"),
        pytest.param(b"GIF89a" + SCANS, id="neither JPEG nor PNG"),
        pytest.param(JPEG[:-2], id="cut before the end"),
        pytest.param(b"", id="empty"),
    ],
)
def test_what_is_no_part_of_its_own_is_not_counted(content: bytes) -> None:
    assert excess(content) == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (jpeg_of_scans(16, MAX_SCANS + 1), "more than 100 scans"),
        (JPEG[:-2] + SCANS, "more than 100 scans"),
        (jpeg_with(0xFE, *[b""] * MAX_PARTS), "more than 10,000 segments"),
        (b"\xff\xd8" + b"\xff\xe0\0\0" * MAX_PARTS, "more than 10,000 segments"),
        (png(1, 1, *[chunk(b"tEXt", b"")] * MAX_PARTS), "more than 10,000 chunks"),
    ],
    ids=["scans", "scans without an end", "segments", "segments of impossible length", "chunks"],
)
def test_too_many_parts_are_found_out(content: bytes, reason: str) -> None:
    assert excess(content) == reason


def tiff(*fields: tuple[int, int, int, int], order: str = "<", is_big: bool = False) -> bytes:
    """A TIFF that is one directory, of tag, type, count and value."""
    head = struct.pack(f"{order}HHHQ", 43, 8, 0, 16) if is_big else struct.pack(f"{order}HI", 42, 8)
    counted = struct.pack(order + ("Q" if is_big else "H"), len(fields))
    left = 32 if is_big and order == ">" else 0  # a value is at the left of its place
    values = (struct.pack(order + ("HHQQ" if is_big else "HHII"), *others, value << left) for *others, value in fields)
    return (b"II" if order == "<" else b"MM") + head + counted + b"".join(values)


SHORT, LONG, BYTE = 3, 4, 1
OFFSETS, WIDTH, LENGTH = 273, 322, 323


@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ([(OFFSETS, LONG, MAX_VALUES, 8)], ""),
        ([(OFFSETS, LONG, MAX_VALUES + 1, 8)], "more than 100,000 values in a field"),
        ([(700, BYTE, 10_000_000, 8)], ""),
        ([(WIDTH, LONG, 1, 4000), (LENGTH, LONG, 1, 4000)], ""),
        ([(WIDTH, LONG, 1, 30_000), (LENGTH, LONG, 1, 30_000)], "tiles of more than 16 megapixels"),
    ],
)
def test_a_tiff_is_counted_by_its_first_directory(
    fields: list[tuple[int, int, int, int]], reason: str, order: str, *, is_big: bool
) -> None:
    assert excess(tiff(*fields, order=order, is_big=is_big)) == reason


def test_a_tiff_that_is_cut_has_nothing_too_many() -> None:
    content = tiff((WIDTH, LONG, 1, 30_000), (LENGTH, LONG, 1, 30_000))
    assert {excess(content[:length]) for length in range(len(content))} == {""}


def test_texts_and_profiles_are_taken_out_of_a_png_and_nothing_else() -> None:
    pixels = b"\0\xff\0\0"
    texts = [
        chunk(b"tEXt", b"a\0b"),
        chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 9_000_000)),
        chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(b"x" * 6_000_000)),
        chunk(b"iCCP", b"a\0\0not packed"),
    ]
    kept = chunk(b"gAMA", b"\0\0\xb1\x8f")
    assert without_text(png(1, 1, *texts, kept, pixels=pixels, end=True)) == png(1, 1, kept, pixels=pixels, end=True)


@pytest.mark.parametrize(
    "texts",
    [
        [chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(MAX_TEXT + 1), 9))],
        [chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000), 9))],
        [chunk(b"iTXt", b"a\0\1\0en\0a\0" + zlib.compress(bytes(2_000_000), 9))] * 9,
    ],
    ids=["a text", "a profile", "many small ones"],
)
def test_texts_that_are_a_bomb_are_found_out_in_little_memory(texts: list[bytes]) -> None:
    content = png(1, 1, *texts)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than 16,000,000 bytes unpacked"):
            without_text(content)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (JPEG, False),
        (encoded(FLAT.convert("L"), "JPEG"), False),
        (jpeg_with(0xE1, b"\xff\xda\0\x08\1"), False),
        (JPEG.replace(b"\xff\xda\0\x0c\3", b"\xff\xda\0\x08\1"), True),
        (JPEG[:200], False),
        (b"\xff\xd8", False),
    ],
    ids=["colour", "grey", "a thumbnail's scan", "a component a scan", "cut", "only its start"],
)
def test_a_jpeg_comes_in_passes_if_its_first_scan_lacks_a_component(content: bytes, *, expected: bool) -> None:
    assert is_in_passes(content) is expected
