"""From the bytes of an image file to the pixels that the network takes.

What is accepted is decided by content, never by the file's name. The size is read from the header and checked before
anything is decoded, and no step holds a large picture more than twice, so that no file, however small, makes the
process take half a gigabyte.
"""

from __future__ import annotations

import io
import re
import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from orchard.features.model import SIDE
from orchard.features.parts import excess, kind_of

Pixels = npt.NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")
"""The parsers that may see a file. Pillow has dozens more, some of which run other programs (EPS)."""

MAX_MEGAPIXELS = 50
"""Largest picture that is decoded: 200 MB, since Pillow takes four bytes a pixel. The largest common cameras stay
below."""

MAX_MEGAPIXELS_OTHERWISE = 16
"""The same for what is neither JPEG nor PNG and so has the wrong name: the parser of WebP holds a picture four
times."""

MAX_SIDE = 65_535
"""Longest side that is decoded, in pixels: what JPEG can express. A picture of 1 x 50 000 000 would pass
`MAX_MEGAPIXELS`, but resizing makes it `SIDE` wide first and so needs 45 GB."""

_BAND_PIXELS = 1_000_000
_USUAL_FORMATS = ("JPEG", "MPO", "PNG")  # MPO is a JPEG with others behind it
_SIGNATURES = (
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
    if reason := excess(content):
        raise UndecodableImageError(f"damaged {kind_of(content)}: it has {reason}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd EXIF and on sizes, which are checked here
            picture = _picture(content)
            return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))
    except UndecodableImageError:
        raise
    except Image.DecompressionBombError as error:  # so large that Pillow refuses before it tells the two sides
        pixels = re.search(r"\d+", str(error))
        size = f"{int(pixels[0]) / 1e6:.0f} megapixels" if pixels else "the size"
        raise UndecodableImageError(f"{size} is above the limit of {MAX_MEGAPIXELS} megapixels") from error
    except MemoryError as error:
        raise UndecodableImageError("decoding it takes more memory than there is") from error
    except Exception as error:  # a parser fed hostile bytes raises what it likes; none of it may end the job
        raise UndecodableImageError(_damage(content, error)) from error


def _picture(content: bytes) -> Image.Image:
    """The whole picture, upright, in RGB. The file's own pixels are given back as soon as they are converted."""
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _check_size(*image.size, MAX_MEGAPIXELS if image.format in _USUAL_FORMATS else MAX_MEGAPIXELS_OTHERWISE)
        image.load()
        turn = _turn(image)
        picture = _to_rgb(image)
        if picture is not image:
            image.close()
    return picture if turn is None else picture.transpose(turn)


def _check_size(width: int, height: int, megapixels: int) -> None:
    if width * height > megapixels * 1_000_000:
        raise UndecodableImageError(f"{width}x{height} is above the limit of {megapixels} megapixels")
    if max(width, height) > MAX_SIDE:
        raise UndecodableImageError(f"{width}x{height} is above the limit of {MAX_SIDE} pixels a side")
    if min(width, height) < 1:
        raise UndecodableImageError(f"{width}x{height} holds no pixels")


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What turns a picture upright; None when it is, or when its EXIF does not say."""
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION)
    except Exception:  # damaged EXIF: the picture itself is whole, and nothing says that it lies on its side
        return None
    return _UPRIGHT.get(orientation) if isinstance(orientation, int) else None


def _to_rgb(image: Image.Image) -> Image.Image:
    """The picture in RGB: itself where it is already."""
    if image.mode.startswith("I;16"):
        return Image.fromarray(_FROM_16_BITS[np.asarray(image)]).convert("RGB")
    if image.mode not in _CONVERTIBLE:  # 32-bit integers and floats have no white point, Lab needs a profile
        raise UndecodableImageError(f"pixels of kind {image.mode} have no defined colour")
    if image.has_transparency_data:
        return _on_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    """Lay a picture on white, some rows at a time: the whole of it with alpha would be in memory three times."""
    picture = Image.new("RGB", image.size)
    rows = max(1, _BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height))).convert("RGBA")
        paper = Image.new("RGBA", band.size, "white")
        paper.alpha_composite(band)
        picture.paste(paper.convert("RGB"), (0, top))
    return picture


def _damage(content: bytes, error: Exception) -> str:
    other = next((name for pattern, name in _SIGNATURES if re.match(pattern, content, re.DOTALL)), "")
    kind = kind_of(content) or other
    if isinstance(error, UnidentifiedImageError):  # its message holds a memory address
        return f"damaged {kind}: the header cannot be read" if kind else "not an image"
    # Pillow has words for what it looked for; whatever else is raised tells of Python, not of the picture.
    is_worded = isinstance(error, OSError | SyntaxError | ValueError)
    message = (" ".join(str(error).split()) if is_worded else "") or "its parts contradict each other"
    if "truncated" in message.lower():
        return f"truncated {kind or 'image'}"
    return f"damaged {kind or 'image'}: {message}"
