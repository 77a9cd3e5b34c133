"""Pictures of every kind, and those that no camera makes."""

import io
import struct
import zlib
from collections.abc import Iterable

import numpy as np
from PIL import Image, PngImagePlugin

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    """A picture as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def orientation(number: int) -> Image.Exif:
    """EXIF that says how the camera was held."""
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


def chunk(name: bytes, data: bytes, *, crc: int | None = None) -> bytes:
    """One chunk of a PNG."""
    crc = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)


def png(
    width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 2, pixels: bytes = b"", end: bool = False
) -> bytes:
    """A PNG from its parts: whatever the chunks are, after the header; without pixels it is truncated."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return PNG_SIGNATURE + header + b"".join(chunks) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"") * end


def segments(content: bytes) -> Iterable[tuple[int, int]]:
    """Marker and place of each segment of a JPEG, up to its first scan."""
    place = 2
    while content[place] == 0xFF:
        yield content[place + 1], place
        if content[place + 1] == 0xDA:
            return
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")


def jpeg_of_size(width: int, height: int, *, progressive: bool = False) -> bytes:
    """A small JPEG whose header declares another size."""
    content = bytearray(encoded(Image.new("RGB", (16, 16), "red"), "JPEG", progressive=progressive))
    (place,) = (place for marker, place in segments(content) if marker in (0xC0, 0xC2))
    content[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def tiff_of_offsets(strips: int) -> bytes:
    """A small TIFF with far more strips than rows, all of which are said to lie at its beginning."""
    content = encoded(Image.new("L", (16, 16)), "TIFF")
    field = content.index(struct.pack("<HH", 273, 4))
    return (
        content[:field] + struct.pack("<HHII", 273, 4, strips, len(content)) + content[field + 12 :] + bytes(4 * strips)
    )


def jpeg_with(marker: int, *data: bytes) -> bytes:
    """A small red JPEG with these segments before its first."""
    content = encoded(Image.new("RGB", (16, 16), "red"), "JPEG", quality=100)
    extra = b"".join(bytes([0xFF, marker]) + struct.pack(">H", len(one) + 2) + one for one in data)
    return content[:2] + extra + content[2:]


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """A progressive JPEG whose last scan, which refines nothing, is repeated: each takes a pass over all pixels."""
    content = encoded(Image.new("L", (side, side), 100), "JPEG", progressive=True)
    scan = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + scan * (scans - content.count(b"\xff\xda")) + content[-2:]


def arithmetic_jpeg() -> bytes:
    """A JPEG of one grey block in arithmetic coding: any bits are a picture to such a decoder."""
    tables = b"\xff\xdb" + struct.pack(">HB", 67, 0) + b"\x01" * 64
    frame = b"\xff\xc9" + struct.pack(">HBHHBBBB", 11, 8, 8, 8, 1, 1, 0x11, 0)
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 0, 63, 0)
    return b"\xff\xd8" + tables + frame + scan + b"\x52\x3a\x10" + b"\xff\xd9"


def whole_pictures() -> list[bytes]:
    """Small pictures in which nothing is wrong, of all kinds that are decoded."""
    ramp = np.arange(24 * 20, dtype=np.uint16).reshape(20, 24)
    picture = Image.fromarray(np.stack([ramp % 256, ramp // 3 % 256, ramp * 7 % 256], -1).astype(np.uint8))
    alpha = picture.convert("RGBA")
    alpha.putalpha(Image.fromarray((ramp % 256).astype(np.uint8)))
    text = PngImagePlugin.PngInfo()
    text.add_itxt("Title", "Pêche", zip=True)
    text.add_text("Comment", "ripe", zip=True)
    return [
        encoded(picture, "JPEG"),
        encoded(picture, "JPEG", progressive=True, exif=orientation(6), icc_profile=b"p" * 200, comment=b"ripe"),
        encoded(picture.convert("CMYK"), "JPEG"),
        encoded(picture.convert("L"), "JPEG", restart_marker_blocks=1),
        encoded(picture, "MPO", save_all=True, append_images=[picture]),
        encoded(picture, exif=orientation(8), pnginfo=text, icc_profile=b"p" * 200),
        encoded(alpha),
        encoded(picture.quantize(16), transparency=3),
        encoded(Image.fromarray(ramp)),
        encoded(picture, save_all=True, append_images=[alpha.convert("RGB")]),
        encoded(picture.quantize(16), "GIF", transparency=1, save_all=True, append_images=[picture.quantize(8)]),
        encoded(alpha, "WEBP", exif=orientation(3)),
        encoded(alpha, "WEBP", lossless=True, save_all=True, append_images=[picture]),
        encoded(picture, "TIFF", compression="tiff_lzw"),
        encoded(picture, "TIFF", compression="tiff_adobe_deflate", exif=orientation(2)),
        encoded(picture, "TIFF", compression="jpeg"),
        encoded(alpha, "AVIF", speed=10),
        encoded(picture, "JPEG2000"),
        encoded(alpha, "JPEG2000", tile_size=(16, 16), no_jp2=True),
        encoded(picture, "BMP"),
        encoded(picture.quantize(16), "BMP"),
    ]
