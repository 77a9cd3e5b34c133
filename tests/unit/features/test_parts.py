"""Counting what files are made of: what only looks like a part is none."""

import pytest
from PIL import Image

from orchard.features.parts import MAX_PARTS, MAX_SCANS, excess, kind_of
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


def test_the_kind_is_told_by_content() -> None:
    assert [kind_of(content) for content in (JPEG, encoded(FLAT), encoded(FLAT, "GIF"), b"")] == ["JPEG", "PNG", "", ""]
