"""What a file is told by its first bytes, whatever its name says."""

import pytest
from PIL import Image

from orchard.features.kinds import kind_of, why_unread
from tests.support.pictures.hostile import encoded, whole_pictures

FLAT = Image.new("RGB", (16, 16), "red")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        *(
            (encoded(FLAT, kind.upper().replace(" ", "")), kind)
            for kind in ("JPEG", "PNG", "GIF", "WebP", "BMP", "TIFF")
        ),
        *((encoded(FLAT, kind.upper().replace(" ", "")), kind) for kind in ("AVIF", "JPEG 2000")),
        (encoded(FLAT, "JPEG2000", no_jp2=True), "JPEG 2000"),
        (encoded(FLAT, "TIFF", big_tiff=True), "TIFF"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0avifmif1", ""),
        (b"BMW makes cars, not pictures", ""),
        (b"", ""),
    ],
)
def test_the_kind_of_a_picture(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


@pytest.mark.parametrize("content", whole_pictures())
def test_every_picture_that_is_read_has_a_kind(content: bytes) -> None:
    assert kind_of(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC, which is not read"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", "HEIC, which is not read"),
        (b"\0\0\0\x18ftypheic\0\0\0\0avifmif1", "HEIC, which is not read"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a camera's raw file, which is not read"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL, which is not read"),
        (b"8BPS\0\1", "Photoshop, which is not read"),
        (b"P6\n9 9\n255\n", "Netpbm, which is not read"),
        (encoded(FLAT, "ICO"), "a Windows icon, which is not read"),
        (encoded(FLAT, "TGA"), "TGA, which is not read"),
        (encoded(FLAT, "TGA", compression="tga_rle"), "TGA, which is not read"),
        (encoded(FLAT, "PCX"), "PCX, which is not read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript, which is not read"),
        (b"\0" * 128 + b"DICM", "DICOM, which is not read"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG, which is not read"),
        (b"data:image/jpeg;base64,/9j/4AAQ", "a picture as base64 text, which is not read"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "not an image: HTML"),
        (b"\xef\xbb\xbf\r\n<!-- saved --><HTML lang=fr>", "not an image: HTML"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "not an image: XML"),
        (b'{"message": "Not Found"}', "not an image: JSON"),
        (b"%PDF-1.7\n", "not an image: PDF"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "not an image: a Git LFS pointer (git lfs pull fetches the picture)",
        ),
        (
            b"../../.git/annex/objects/G9/0W/SHA256E-s1--a.jpg",
            "not an image: a git-annex pointer (git annex get fetches the picture)",
        ),
        (b"PK\x03\x04" + b"\0" * 100, "not an image: a zip"),
        (b"Rar!\x1a\x07\1\0", "not an image: an archive"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "not an image: a video"),
        (b"RIFF\1\2\3\4WAVEfmt ", "not an image: a sound"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X", "not an image: a macOS resource fork"),
        (b"\x93NUMPY\1\0", "not an image: NumPy"),
        (b"\0" * 1000, "not an image: it begins with zeros"),
        (b"label,file\nApple,1.jpg\n", "not an image: text"),
        ("Pêche, ".encode() * 200, "not an image: text"),  # the head ends within a letter
        ("Äpfel".encode("utf-16"), "not an image: text"),
        (bytes(range(200, 256)), "not an image"),
        (b"\0", "not an image"),
    ],
)
def test_what_is_not_read_is_named(content: bytes, reason: str) -> None:
    assert kind_of(content) == ""
    assert why_unread(content) == reason
