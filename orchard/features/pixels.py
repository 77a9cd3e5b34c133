"""From the bytes of an image file to the pixels that the network takes.

What is accepted is decided by content, never by the file's name. The size is read from the header and checked before
anything is decoded, so that no file, however small, makes the process take a gigabyte.
"""

from __future__ import annotations

import io
import re
import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from orchard.features.model import SIDE

Pixels = npt.NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")
"""The parsers that may see a file. Pillow has dozens more, some of which run other programs (EPS)."""

MAX_MEGAPIXELS = 50
"""Largest picture that is decoded: 200 MB as RGBA. The largest common cameras stay below."""

MAX_SIDE = 65_535
"""Longest side that is decoded, in pixels: what JPEG can express. A picture of 1 x 50 000 000 would pass
`MAX_MEGAPIXELS`, but resizing makes it `SIDE` wide first and so needs 45 GB."""

_SIGNATURES = (
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"RIFF....WEBP", "WebP"),
    (rb"II\*\0|MM\0\*", "TIFF"),
)

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {  # Exif 2.32, tag Orientation; the same table as Pillow's ImageOps.exif_transpose
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_CONVERTIBLE = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"}
_FROM_16_BITS = np.rint(np.arange(65_536) / 257).astype(np.uint8)  # 65 535 = 255 x 257: white stays white


class UndecodableImageError(Exception):
    """A picture that has no features, and why.

    Attributes:
        reason: Why, in one short line of plain words; it goes into `rejected/`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(content: bytes, side: int = SIDE) -> Pixels:
    """Decode an image file and resize it to a square.

    The picture is turned upright by its EXIF orientation, transparency is laid on white, 16-bit grey is scaled to
    8 bits, and of an animation the first frame is taken. For an ordinary RGB JPEG the result is, bit for bit,
    `Image.open(...).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)`.

    Args:
        content: The file's bytes.
        side: Height and width of the result, in pixels.

    Returns:
        RGB pixels, uint8 of shape (side, side, 3).

    Raises:
        UndecodableImageError: The bytes are not a picture that can be decoded.
    """
    if not content:
        raise UndecodableImageError("empty file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd EXIF and on sizes, which are checked here
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                _check_size(*image.size)
                image.load()
                picture = _to_rgb(_upright(image))
            return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))
    except UndecodableImageError:
        raise
    except Image.DecompressionBombError as error:  # so large that Pillow refuses before it tells the two sides
        pixels = re.search(r"\d+", str(error))
        size = f"{int(pixels[0]) / 1e6:.0f} megapixels" if pixels else "the size"
        raise UndecodableImageError(f"{size} is above the limit of {MAX_MEGAPIXELS} megapixels") from error
    except Exception as error:  # a parser fed hostile bytes raises what it likes; none of it may end the job
        raise UndecodableImageError(_damage(content, error)) from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_MEGAPIXELS * 1_000_000:
        raise UndecodableImageError(f"{width}x{height} is above the limit of {MAX_MEGAPIXELS} megapixels")
    if max(width, height) > MAX_SIDE:
        raise UndecodableImageError(f"{width}x{height} is above the limit of {MAX_SIDE} pixels a side")
    if min(width, height) < 1:
        raise UndecodableImageError(f"{width}x{height} holds no pixels")


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION)
    except Exception:  # damaged EXIF: the picture itself is whole, and nothing says that it lies on its side
        return image
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray(_FROM_16_BITS[np.asarray(image)]).convert("RGB")
    if image.mode not in _CONVERTIBLE:  # 32-bit integers and floats have no white point, Lab needs a profile
        raise UndecodableImageError(f"pixels of kind {image.mode} have no defined colour")
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image.convert("RGBA"))
        return paper.convert("RGB")
    return image.convert("RGB")


def _damage(content: bytes, error: Exception) -> str:
    kind = next((name for pattern, name in _SIGNATURES if re.match(pattern, content, re.DOTALL)), None)
    if isinstance(error, UnidentifiedImageError):  # its message holds a memory address
        return f"damaged {kind}: the header cannot be read" if kind else "not an image"
    message = " ".join(str(error).split()) or type(error).__name__
    if "truncated" in message.lower():
        return f"truncated {kind or 'image'}"
    return f"damaged {kind or 'image'}: {message}"
