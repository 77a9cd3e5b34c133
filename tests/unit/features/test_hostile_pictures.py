"""Pictures that no camera makes: converted, or rejected with a reason that a person understands."""

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from orchard.features.parts import MAX_PARTS, MAX_SCANS
from orchard.features.pixels import UndecodableImageError, decode
from tests.support.paths import ROOT
from tests.support.pictures.hostile import (
    PNG_SIGNATURE,
    arithmetic_jpeg,
    chunk,
    encoded,
    jpeg_of_scans,
    jpeg_of_size,
    jpeg_with,
    orientation,
    png,
    tiff_of_offsets,
    whole_pictures,
)
from tests.support.zips.fuzzing import run_fuzzing

RED = (255, 0, 0)
ROW = b"\0" + bytes(RED)
FLAT = Image.new("RGB", (16, 12), RED)
MANY_ORIENTATIONS = b"II*\0\x08\0\0\0\1\0\x12\1\3\0" + struct.pack("<II", 15_000_000, 26) + bytes(30_000_000)
BOMB = zlib.compress(b"x" * 50_000_000, 9)


def picture(content: bytes) -> tuple[int, ...]:
    """The one colour of a flat picture, to within JPEG's rounding."""
    pixels = decode(content).astype(int)
    assert np.ptp(pixels, axis=(0, 1)).max() <= 2
    return tuple(round(value) for value in pixels.mean(axis=(0, 1)))


def reason(content: bytes) -> str:
    with pytest.raises(UndecodableImageError) as caught:
        decode(content)
    return caught.value.reason


def itxt(text: bytes, *, packed: bool) -> bytes:
    return chunk(b"iTXt", b"Title\0" + bytes([packed, 0]) + b"\0\0" + (zlib.compress(text, 9) if packed else text))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(encoded(FLAT, "JPEG", quality=100, progressive=True), id="progressive JPEG"),
        pytest.param(jpeg_with(0xFE, *[b"ripe" * 16_000] * 100), id="JPEG, 6 MB of comments"),
        pytest.param(jpeg_with(0xE1, *[b"Exif\0\0" + b"\xff" * 60_000] * 50), id="JPEG, 3 MB of damaged EXIF"),
        pytest.param(jpeg_with(0xE2, *[b"ICC_PROFILE\0\1\1" + b"x" * 60_000] * 50), id="JPEG, 3 MB of damaged ICC"),
        pytest.param(jpeg_with(0xFE, *[b""] * 5_000), id="JPEG, thousands of segments"),
        pytest.param(encoded(FLAT, "JPEG", quality=100) + b"\0" * 1_000_000, id="JPEG, junk behind it"),
        pytest.param(encoded(FLAT, "MPO", quality=100, save_all=True, append_images=[FLAT]), id="two JPEGs in one"),
        pytest.param(
            encoded(Image.new("RGB", (4100, 4000), RED), "MPO", quality=100, save_all=True, append_images=[FLAT]),
            id="two JPEGs in one, of 16.4 megapixels",
        ),
        pytest.param(encoded(FLAT, save_all=True, append_images=[Image.new("RGB", (16, 12))]), id="animated PNG"),
        pytest.param(encoded(FLAT, icc_profile=b"x" * 500_000), id="PNG, damaged ICC"),
        pytest.param(png(1, 1, chunk(b"eXIf", b"II*\0" + b"\xff" * 9_000_000), pixels=ROW, end=True), id="PNG, EXIF"),
        pytest.param(png(1, 1, itxt(b"x" * 9_000_000, packed=False), pixels=ROW, end=True), id="PNG, 9 MB of text"),
        pytest.param(png(1, 1, itxt(b"x" * 9_000_000, packed=True), pixels=ROW, end=True), id="PNG, packed text"),
        pytest.param(png(1, 1, itxt(b"x" * 900_000, packed=True) * 60, pixels=ROW, end=True), id="PNG, 60 texts"),
        pytest.param(png(1, 1, pixels=ROW) + itxt(b"x" * 9_000_000, packed=True), id="PNG, text behind the pixels"),
        pytest.param(encoded(FLAT, icc_profile=b"x" * 2_000_000), id="PNG, large ICC"),
        pytest.param(png(1, 1, chunk(b"eXIf", MANY_ORIENTATIONS), pixels=ROW, end=True), id="PNG, EXIF of numbers"),
        pytest.param(png(1, 1, *[chunk(b"abCd", b"")] * 5_000, pixels=ROW, end=True), id="PNG, thousands of chunks"),
        pytest.param(png(1, 1, pixels=ROW), id="PNG, last chunk missing"),
        pytest.param(png(1, 1, pixels=ROW + b"\0" * 50_000_000, end=True), id="PNG, more pixels than declared"),
    ],
)
def test_what_is_odd_and_whole_is_converted(content: bytes) -> None:
    assert max(abs(value - red) for value, red in zip(picture(content), RED, strict=True)) <= 1


def test_an_arithmetic_jpeg_is_converted() -> None:
    assert picture(arithmetic_jpeg()) == (128, 128, 128)


def test_a_picture_on_its_side_is_turned_before_it_is_squeezed() -> None:
    half = Image.new("RGB", (40, 20), "white")
    half.paste(RED, (0, 0, 20, 20))
    pixels = decode(encoded(half, exif=orientation(6)))
    assert tuple(pixels[0, 100]) == RED
    assert tuple(pixels[223, 100]) == (255, 255, 255)


def test_transparency_is_laid_on_white_in_bands_as_it_would_be_at_once() -> None:
    """Large enough for several bands, of which the last is not full."""
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (1100, 2000, 4), dtype=np.uint8))
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image)
    expected = paper.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
    assert np.array_equal(decode(encoded(image, compress_level=1)), np.asarray(expected))


WHOLE_PNG = encoded(FLAT)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "empty file", id="0 bytes"),
        pytest.param(b"\0", "not an image", id="1 byte"),
        pytest.param(b"<!DOCTYPE html><html>404</html>", "not an image: HTML", id="HTML named .jpg"),
        pytest.param(b"PK\x03\x04" + b"\0" * 100, "not an image: a zip", id="zip named .jpg"),
        pytest.param(jpeg_of_size(65_500, 65_500), "65500x65500 is above the limit of 3200", id="JPEG of 4 gigapixels"),
        pytest.param(
            jpeg_of_size(12_000, 12_000, progressive=True), "12000x12000 is above the limit of a", id="progressive JPEG"
        ),
        pytest.param(
            jpeg_of_size(12_000, 12_000).replace(b"\xff\xda\0\x0c\3", b"\xff\xda\0\x08\1"),
            "above the limit of a JPEG that comes in passes",
            id="JPEG of a component a scan",
        ),
        pytest.param(png(30_000, 30_000, pixels=b"\0"), "900 megapixels is above", id="PNG of 30,000 x 30,000"),
        pytest.param(png(2**31 - 1, 2**31 - 1), "megapixels is above the limit", id="PNG of 2^31 x 2^31"),
        pytest.param(png(0, 5), "header cannot be read", id="PNG without width"),
        pytest.param(encoded(Image.new("L", (6001, 4000)), "WEBP"), "above the limit of 24 mega", id="large WebP"),
        pytest.param(encoded(Image.new("L", (6001, 4000)), "AVIF"), "above the limit of 24 mega", id="large AVIF"),
        pytest.param(encoded(Image.new("L", (4001, 4000)), "JPEG2000"), "limit of 16 mega", id="large JPEG 2000"),
        pytest.param(encoded(Image.new("L", (7072, 7071)), "GIF"), "above the limit of 50 mega", id="large GIF"),
        pytest.param(tiff_of_offsets(200_000), "more than 100,000 values in a field", id="TIFF of strips"),
        pytest.param(jpeg_of_scans(16, MAX_SCANS + 1), "more than 100 scans", id="JPEG of scans"),
        pytest.param(jpeg_with(0xEF, *[b""] * MAX_PARTS), "more than 10,000 segments", id="JPEG of empty segments"),
        pytest.param(
            png(1, 1, *[chunk(b"abCd", b"")] * MAX_PARTS), "more than 10,000 chunks", id="PNG of empty chunks"
        ),
        pytest.param(png(1, 1, itxt(b"x" * 50_000_000, packed=True), pixels=ROW), "damaged PNG", id="PNG, iTXt bomb"),
        pytest.param(png(1, 1, chunk(b"iCCP", b"p\0\0" + BOMB), pixels=ROW), "damaged PNG", id="PNG, iCCP bomb"),
        pytest.param(png(1, 1, chunk(b"zTXt", b"t\0\0" + BOMB), pixels=ROW), "damaged PNG", id="PNG, zTXt bomb"),
        pytest.param(png(1, 1, chunk(b"tEXt", b"t\0x", crc=1), pixels=ROW), "damaged PNG", id="PNG, wrong checksum"),
        pytest.param(png(9, 9, pixels=ROW, end=True), "PNG", id="PNG, fewer pixels than declared"),
        pytest.param(WHOLE_PNG.replace(b"IDAT", b"IDAX"), "PNG", id="PNG, pixels renamed"),
        pytest.param(PNG_SIGNATURE, "PNG", id="PNG, only its signature"),
        pytest.param(png(1, 1, depth=3, pixels=ROW), "damaged PNG", id="PNG of 3 bits"),
        pytest.param(
            png(1, 1, depth=8, colour=3, pixels=b"\0\1", end=True),
            "parts contradict each other",
            id="PNG, palette missing",
        ),
    ],
)
def test_what_is_hostile_is_rejected_with_the_reason(content: bytes, words: str) -> None:
    assert words in reason(content)


@pytest.mark.parametrize("number", range(len(whole_pictures())))
def test_a_picture_cut_anywhere_is_converted_or_rejected(number: int) -> None:
    content = whole_pictures()[number]
    for length in range(0, len(content), max(1, len(content) // 60)):
        try:
            assert decode(content[:length]).shape == (224, 224, 3)
        except UndecodableImageError as error:
            assert error.reason  # noqa: PT017 (not the only outcome)


def test_memory_that_runs_out_is_not_blamed_on_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    assert reason(WHOLE_PNG) == "decoding it takes more memory than there is"


def test_spoilt_pictures_neither_crash_nor_hang_nor_take_memory() -> None:
    printed = run_fuzzing("pictures", 500)
    assert "'decoded'" in printed
    assert "truncated" in printed


CHILD = """
import json, sys
from pathlib import Path
from orchard.features.pixels import decode
from tests.support.limited import peak_mb
content = Path(sys.argv[1]).read_bytes()
print(json.dumps([decode(content).shape, peak_mb()]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit_mb", "draw"),
    [
        pytest.param(300, lambda image: encoded(image, "JPEG"), id="JPEG"),
        pytest.param(500, lambda image: encoded(image, "JPEG", exif=orientation(6)), id="JPEG on its side"),
        pytest.param(500, lambda image: encoded(image.convert("CMYK"), "JPEG", exif=orientation(5)), id="CMYK JPEG"),
        pytest.param(
            500, lambda image: encoded(image.convert("RGBA"), exif=orientation(8), compress_level=1), id="RGBA PNG"
        ),
        pytest.param(
            500, lambda image: encoded(image.convert("P"), exif=orientation(8), transparency=0), id="PNG with a palette"
        ),
        pytest.param(500, lambda image: encoded(image.convert("CMYK"), "TIFF", compression="tiff_lzw"), id="TIFF"),
        pytest.param(350, lambda image: encoded(image, "GIF"), id="GIF"),
        pytest.param(500, lambda image: encoded(image.resize((6000, 4000)), "WEBP", method=0), id="WebP"),
        pytest.param(500, lambda image: encoded(image.resize((6000, 4000)), "AVIF", speed=10), id="AVIF"),
        pytest.param(
            500, lambda image: encoded(image.resize((4000, 4000)).convert("RGBA"), "JPEG2000"), id="JPEG 2000"
        ),
        pytest.param(300, lambda image: encoded(image.resize((16_320, 12_240)), "JPEG"), id="JPEG of 200 megapixels"),
        pytest.param(
            500, lambda image: encoded(image, "JPEG", progressive=True, subsampling=0), id="progressive JPEG, 4:4:4"
        ),
        pytest.param(
            500, lambda image: encoded(image.resize((11_000, 11_000)), "JPEG", progressive=True), id="progressive, 121"
        ),
    ],
)
def test_the_largest_pictures_take_less_than_half_a_gigabyte(
    limit_mb: int, draw: Callable[[Image.Image], bytes], tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(draw(Image.new("RGB", (7070, 7070), RED)))
    command = [sys.executable, "-c", CHILD, str(tmp_path / "large")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    shape, megabytes = json.loads(done.stdout)
    assert shape == [224, 224, 3]
    assert megabytes < limit_mb
