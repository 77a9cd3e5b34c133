import io
import re
import struct
import warnings
import zipfile
import zlib
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps, JpegImagePlugin

from orchard.features.pixels import INCOMPLETE, REDUCED, Pixels, UndecodableImageError, decode
from tests.support.pictures.drawn import CLASSES, draw_fruit
from tests.support.pictures.realdata import SAMPLE_ZIP, needs_real_data

RED = (220, 40, 30)


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def flat(mode: str, colour: float | tuple[int, ...]) -> Image.Image:
    return Image.new(mode, (10, 8), colour)


def grey16(value: float, dtype: str = "<u2") -> Image.Image:
    return Image.fromarray(np.full((8, 10), value, dtype))


def quarters() -> Image.Image:
    """A picture that tells all eight orientations apart, wider than high."""
    image = Image.new("RGB", (60, 40), "white")
    image.paste(RED, (0, 0, 30, 20))
    image.paste((20, 40, 200), (30, 0, 60, 20))
    image.paste((30, 180, 60), (0, 20, 30, 40))
    return image


def plainly(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC))


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def png_of_size(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """The header of a PNG, and no pixels: whoever tries to decode it finds it truncated."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunk(*c) for c in chunks) + chunk(b"IDAT", zlib.compress(b""))


# --- what is decoded ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(100, 100), (224, 224), (640, 480), (37, 501), (1, 1)])
@pytest.mark.parametrize("options", [{"quality": 75}, {"quality": 95, "subsampling": 0}, {"progressive": True}])
def test_an_ordinary_jpeg_is_exactly_what_plain_pillow_makes_of_it(
    size: tuple[int, int], options: dict[str, Any]
) -> None:
    noise = np.random.default_rng(sum(size)).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise), "JPEG", **options)

    assert np.array_equal(decode(content), plainly(Image.open(io.BytesIO(content))))


def test_a_large_transparent_picture_is_laid_on_white_to_its_last_row() -> None:
    """It is converted some rows at a time: of these, the last begin with row 1,000."""
    image = Image.new("RGBA", (1000, 1001), (0, 0, 0, 0))
    image.paste((255, 0, 0, 51), (0, 990, 1000, 1001))
    pixels = decode(encoded(image), side=1001)
    assert pixels[:980].min() == 255
    assert pixels[995:, 5:-5].reshape(-1, 3).min(axis=0).tolist() == [255, 204, 204]
    assert pixels[995:, 5:-5].reshape(-1, 3).max(axis=0).tolist() == [255, 204, 204]


@needs_real_data
def test_real_pictures_are_exactly_what_plain_pillow_makes_of_them() -> None:
    with zipfile.ZipFile(SAMPLE_ZIP) as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")][::97]
        assert names
        for name in names:
            content = archive.read(name)
            assert np.array_equal(decode(content), plainly(Image.open(io.BytesIO(content)))), name


def test_the_result_is_rgb_bytes_of_the_side_asked_for() -> None:
    pixels = decode(draw_fruit("Banana", 1), side=96)

    assert (pixels.shape, pixels.dtype) == ((96, 96, 3), np.dtype(np.uint8))


@pytest.mark.parametrize(
    ("content", "colour"),
    [
        pytest.param(encoded(flat("RGB", RED), "JPEG", quality=100), RED, id="JPEG"),
        pytest.param(encoded(flat("RGB", RED)), RED, id="PNG, whatever its name says"),
        pytest.param(encoded(flat("RGB", RED), "BMP"), RED, id="BMP"),
        pytest.param(encoded(flat("RGB", RED), "GIF"), RED, id="GIF"),
        pytest.param(encoded(flat("RGB", RED), "WEBP", lossless=True), RED, id="WebP"),
        pytest.param(encoded(flat("RGB", RED), "TIFF"), RED, id="TIFF"),
        pytest.param(encoded(flat("RGB", RED), "AVIF", quality=100, subsampling="4:4:4"), RED, id="AVIF"),
        pytest.param(encoded(flat("RGB", RED), "JPEG2000"), RED, id="JPEG 2000"),
        pytest.param(
            encoded(flat("RGB", RED), "TIFF", save_all=True, append_images=[flat("RGB", "blue")]),
            RED,
            id="TIFF of pages",
        ),
        pytest.param(encoded(flat("CMYK", (0, 255, 255, 0)), "TIFF"), (255, 0, 0), id="CMYK TIFF"),
        pytest.param(encoded(flat("RGBA", (0, 0, 0, 0)), "TIFF"), (255, 255, 255), id="TIFF, transparent"),
        pytest.param(encoded(flat("RGB", RED).quantize(4), "TIFF"), RED, id="TIFF with a palette"),
        pytest.param(
            encoded(flat("RGB", RED), "GIF", save_all=True, append_images=[flat("RGB", "blue")]), RED, id="animated GIF"
        ),
        pytest.param(encoded(Image.new("RGB", (1, 1), RED)), RED, id="1 x 1"),
        pytest.param(encoded(flat("L", 77), "JPEG"), (77, 77, 77), id="grey JPEG"),
        pytest.param(encoded(flat("CMYK", (0, 255, 255, 0)), "JPEG", quality=100), (255, 0, 0), id="CMYK JPEG"),
        pytest.param(encoded(flat("1", 1)), (255, 255, 255), id="1 bit, white"),
        pytest.param(encoded(flat("1", 0)), (0, 0, 0), id="1 bit, black"),
        pytest.param(encoded(flat("RGB", RED).quantize(4)), RED, id="palette"),
        pytest.param(encoded(flat("YCbCr", (128, 128, 128)), "TIFF"), (128, 128, 128), id="YCbCr TIFF"),
        pytest.param(encoded(grey16(65_535)), (255, 255, 255), id="16-bit grey, white"),
        pytest.param(encoded(grey16(128 * 257)), (128, 128, 128), id="16-bit grey, middle"),
        pytest.param(encoded(grey16(257)), (1, 1, 1), id="16-bit grey, almost black"),
        pytest.param(encoded(grey16(128 * 257), "TIFF"), (128, 128, 128), id="16-bit grey TIFF"),
        pytest.param(encoded(grey16(128 * 257, ">u2"), "TIFF"), (128, 128, 128), id="16-bit grey TIFF, big-endian"),
        pytest.param(encoded(flat("RGBA", (255, 0, 0, 51))), (255, 204, 204), id="a fifth of red, on white"),
        pytest.param(encoded(flat("RGBA", (0, 0, 0, 0))), (255, 255, 255), id="transparent is white, not black"),
        pytest.param(encoded(flat("LA", (0, 51))), (204, 204, 204), id="transparent grey"),
        pytest.param(
            encoded(flat("RGB", RED).quantize(4), transparency=0), (255, 255, 255), id="transparent palette entry"
        ),
        pytest.param(encoded(flat("RGB", RED), transparency=RED), (255, 255, 255), id="transparent RGB colour"),
        pytest.param(encoded(flat("L", 9), transparency=9), (255, 255, 255), id="transparent grey value"),
        pytest.param(
            encoded(flat("RGBA", (0, 0, 0, 0)), "WEBP", lossless=True), (255, 255, 255), id="transparent WebP"
        ),
    ],
)
def test_every_kind_of_picture_becomes_rgb(content: bytes, colour: tuple[int, int, int]) -> None:
    pixels = decode(content).astype(int)

    assert np.abs(pixels - colour).max() <= 2


@pytest.mark.parametrize(("value", "grey"), [(0, 0), (128, 0), (129, 1), (250, 1), (65_300, 254), (65_535, 255)])
def test_16_bit_grey_is_divided_by_257_and_rounded(value: int, grey: int) -> None:
    assert np.unique(decode(encoded(grey16(value)))).tolist() == [grey]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF"])
def test_a_picture_is_turned_upright(orientation: int, image_format: str) -> None:
    content = encoded(quarters(), image_format, exif=oriented(orientation))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))

    assert np.array_equal(decode(content), plainly(upright))
    assert upright.size == ((60, 40) if orientation < 5 else (40, 60))


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x09"]
)
def test_damaged_exif_does_not_lose_the_picture(exif: bytes) -> None:
    content = encoded(quarters(), "JPEG", exif=exif)

    assert np.array_equal(decode(content), decode(encoded(quarters(), "JPEG")))


def test_an_orientation_that_does_not_exist_is_none() -> None:
    assert np.array_equal(decode(encoded(quarters(), "JPEG", exif=oriented(42))), decode(encoded(quarters(), "JPEG")))


def test_a_picture_just_below_the_limits_is_decoded() -> None:
    assert decode(encoded(Image.new("1", (65_535, 3), 1))).min() == 255


# --- what is not taken as it is, and counted --------------------------------------------------------------------


def rings(width: int, height: int) -> Image.Image:
    return Image.radial_gradient("L").resize((width, height)).convert("RGB")


@pytest.mark.parametrize(
    ("size", "options", "fraction"),
    [((7072, 7070), {}, 1), ((8160, 6144), {}, 2), ((7072, 7072), {"progressive": True}, 2), ((14_400, 14_400), {}, 4)],
)
def test_a_jpeg_that_is_too_large_is_decoded_at_the_largest_fraction_that_is_not(
    size: tuple[int, int], options: dict[str, Any], fraction: int
) -> None:
    content = encoded(rings(*size), "JPEG", **options)
    seen: Counter[str] = Counter()
    pixels = decode(content, seen=seen)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        plain = JpegImagePlugin.JpegImageFile(io.BytesIO(content))
    plain.draft("RGB", (size[0] // fraction, size[1] // fraction))
    assert plain.size == (size[0] // fraction, size[1] // fraction)
    assert np.array_equal(pixels, plainly(plain))
    assert seen == ({REDUCED: 1} if fraction > 1 else {})
    assert np.abs(pixels.astype(int) - plainly(rings(224, 224))).mean() < 2


def noise(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (80, 80, 3), dtype=np.uint8)).convert(mode)


@pytest.mark.parametrize(
    ("image", "image_format"),
    [
        (noise(), "JPEG"),
        (noise("L"), "JPEG"),
        (noise(), "PNG"),
        (noise("RGBA"), "PNG"),
        (noise("P"), "PNG"),
        (noise("P"), "GIF"),
        (Image.fromarray(np.random.default_rng(3).integers(0, 65_536, (80, 80), dtype=np.uint16)), "PNG"),
    ],
)
def test_the_rest_of_a_picture_that_is_cut_short_is_grey_if_it_is_kept(image: Image.Image, image_format: str) -> None:
    content = encoded(image, image_format, interlace=0)  # of GIF: row after row
    seen: Counter[str] = Counter()
    pixels = decode(content[: len(content) // 2], 80, keep_truncated=True, seen=seen)
    assert seen == {INCOMPLETE: 1}
    assert np.abs(pixels[:30].astype(int) - decode(content, 80)[:30]).max() <= 2
    assert np.abs(pixels[-30:].astype(int) - 128).max() <= 30  # as near as a palette comes
    with pytest.raises(UndecodableImageError, match="truncated"):
        decode(content[: len(content) // 2], 80, seen=seen)
    assert seen == {INCOMPLETE: 1}


def test_a_progressive_picture_that_is_cut_short_is_all_there_and_coarse() -> None:
    content = encoded(rings(200, 200), "JPEG", progressive=True)
    pixels = decode(content[: len(content) * 2 // 3], keep_truncated=True)
    assert np.abs(pixels.astype(int) - decode(content)).mean() < 20


@pytest.mark.parametrize(
    "content", [draw_fruit("Kiwi", 3)[:300], encoded(noise(), "PNG")[:60], encoded(noise())[:45], b"abc"]
)
def test_what_has_no_pixels_is_rejected_though_cut_pictures_are_kept(content: bytes) -> None:
    seen: Counter[str] = Counter()
    with pytest.raises(UndecodableImageError) as strict:
        decode(content)
    with pytest.raises(UndecodableImageError) as lenient:
        decode(content, keep_truncated=True, seen=seen)
    assert lenient.value.reason == strict.value.reason
    assert not seen
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


# --- what is rejected, and why -----------------------------------------------------------------------------------

JPEG = draw_fruit("Kiwi", 3)
PNG = draw_fruit("Kiwi", 3, image_format="PNG")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "empty file", id="0 bytes"),
        pytest.param(b"<html><body>404</body></html>", "not an image: HTML", id="HTML"),
        pytest.param(b"\0" * 1000, "not an image: it begins with zeros", id="zeros"),
        pytest.param(
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "PostScript, which is not read",
            id="EPS runs programs",
        ),
        pytest.param(encoded(flat("RGB", RED), "PPM"), "Netpbm, which is not read", id="a format that is not accepted"),
        pytest.param(JPEG[:3], "damaged JPEG: the header cannot be read", id="JPEG, 3 bytes"),
        pytest.param(JPEG[:100], "truncated JPEG", id="JPEG, header cut"),
        pytest.param(JPEG[: len(JPEG) // 2], "truncated JPEG", id="JPEG, half"),
        pytest.param(JPEG[:-1], "truncated JPEG", id="JPEG, last byte missing"),
        pytest.param(PNG[:20], "truncated PNG", id="PNG, header cut"),
        pytest.param(PNG[: len(PNG) // 2], "truncated PNG", id="PNG, half"),
        pytest.param(encoded(flat("RGB", RED), "GIF")[:-6], "truncated GIF", id="GIF, end missing"),
        pytest.param(png_of_size(8_000, 8_000), "8000x8000 is above the limit of 50 megapixels", id="64 megapixels"),
        pytest.param(png_of_size(10_000, 10_000), "10000x10000 is above the limit of 50 megapixels", id="Pillow warns"),
        pytest.param(
            png_of_size(30_000, 30_000), "900 megapixels is above the limit of 50 megapixels", id="Pillow refuses"
        ),
        pytest.param(png_of_size(1, 50_000_000), "1x50000000 is above the limit of 65535 pixels a side", id="high"),
        pytest.param(png_of_size(65_536, 1), "65536x1 is above the limit of 65535 pixels a side", id="wide"),
        pytest.param(
            encoded(Image.fromarray(np.zeros((4, 4), "i4")), "TIFF"),
            "pixels of kind I have no defined colour",
            id="int32",
        ),
        pytest.param(
            encoded(Image.fromarray(np.zeros((4, 4), "f4")), "TIFF"),
            "pixels of kind F have no defined colour",
            id="float",
        ),
        pytest.param(encoded(Image.new("LAB", (4, 4)), "TIFF"), "pixels of kind LAB have no defined colour", id="Lab"),
    ],
)
def test_what_cannot_be_decoded_is_rejected_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(UndecodableImageError) as caught:
        decode(content)

    assert caught.value.reason == reason


def test_a_text_that_unpacks_to_gigabytes_is_not_unpacked() -> None:
    bomb = png_of_size(1, 1, (b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * 100_000_000, 9)))

    with pytest.raises(UndecodableImageError, match="damaged PNG"):
        decode(bomb)


def _damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """Files with a few bytes changed, and perhaps cut."""
    change = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    return st.builds(
        lambda changes, end: _changed(content, changes)[:end],
        st.lists(change, min_size=1, max_size=8),
        st.integers(1, len(content)),
    )


def _changed(content: bytes, changes: list[tuple[int, int]]) -> bytes:
    damaged = bytearray(content)
    for position, value in changes:
        damaged[position] = value
    return bytes(damaged)


_SMALL = Image.open(io.BytesIO(draw_fruit("Plum 2", 5, side=24)))
_WHOLE = [encoded(_SMALL, f) for f in ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")] + [
    encoded(_SMALL, "JPEG", exif=oriented(6)),
    encoded(_SMALL.convert("RGBA"), "PNG"),
]


@settings(max_examples=400)
@given(st.one_of(st.binary(max_size=300), *(_damaged(content) for content in _WHOLE)))
def test_damage_of_any_kind_gives_a_picture_or_one_short_reason(content: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            pixels = decode(content)
        except UndecodableImageError as error:
            reason = error.reason
        else:
            reason = "none"
            assert (pixels.shape, pixels.dtype) == ((224, 224, 3), np.dtype(np.uint8))
    assert reason
    assert "\n" not in reason
    assert not re.search(r"\b0x[0-9a-f]{4,}", reason)  # a memory address: no two runs would give the same file


def test_every_drawn_class_decodes_differently() -> None:
    assert len({decode(draw_fruit(label, 0)).tobytes() for label in CLASSES}) == len(CLASSES)
