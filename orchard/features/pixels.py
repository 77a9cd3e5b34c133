"""From the bytes of an image file to the pixels that the network takes.

What is accepted is decided by content, never by the file's name. The size is read from the header and checked before
anything is decoded, and no step holds a large picture more than twice, so that no file, however small, makes the
process take half a gigabyte.
"""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import AvifImagePlugin, Image, ImageFile, JpegImagePlugin, UnidentifiedImageError, features

from orchard.features.kinds import kind_of, why_unread
from orchard.features.model import SIDE
from orchard.features.parts import excess, is_in_passes, without_text
from orchard.layout import NOT_AS_THEY_ARE

if TYPE_CHECKING:
    from collections import Counter

Pixels = npt.NDArray[np.uint8]

_OF_LIBRARIES = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", *(name for name, of in _OF_LIBRARIES.items() if features.check(of)))
"""The parsers that may see a file. Pillow has dozens more, some of which run other programs (EPS)."""

_FORMAT_OF = {"JPEG 2000": "JPEG2000"}  # what Pillow calls it, where that is not the name in capitals

MAX_MEGAPIXELS = 50
"""Largest picture that is decoded whole: 200 MB, since Pillow takes four bytes a pixel."""

MAX_MEGAPIXELS_OF = {"WEBP": 24, "AVIF": 24, "JPEG2000": 16}
"""The same for those whose parsers hold a picture two to five times; 24 is 6000 x 4000."""

MAX_BYTES = MAX_MEGAPIXELS * 8_000_000
"""What decoding may hold: the largest picture, and the same again while it is turned."""

MAX_SIDE = 65_535
"""Longest side that is decoded, in pixels: what JPEG can express. A picture of 1 x 50 000 000 would pass
`MAX_MEGAPIXELS`, but resizing makes it `SIDE` wide first and so needs 45 GB."""

FRACTIONS = (1, 2, 4, 8)
"""A JPEG can be decoded at one over these: its blocks of 8 x 8 pixels are made smaller before they are pixels."""

REDUCED, INCOMPLETE = NOT_AS_THEY_ARE

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # a Spark core has one process, and the others are not its own

_BAND_PIXELS = 1_000_000
_MOST_BYTES_A_PIXEL = 12  # of a JPEG: four of the picture, and eight of the blocks of one that comes in passes
_GREY = 128
_MAX_EXIF = 1_000_000  # bytes, of which a parser makes objects; in a JPEG a segment has 65,533
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


def decode(
    content: bytes, side: int = SIDE, *, keep_truncated: bool = False, seen: Counter[str] | None = None
) -> Pixels:
    """Decode an image file and resize it to a square.

    The picture is turned upright by its EXIF orientation, transparency is laid on white, 16-bit grey is scaled to
    8 bits, and of an animation the first frame is taken. For an ordinary RGB JPEG the result is, bit for bit,
    `Image.open(...).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)`. A larger JPEG than memory allows
    is decoded at one of `FRACTIONS`.

    Args:
        side: Height and width of the result, in pixels.
        keep_truncated: Take what there is of a file that ends too early, and grey for the rest.
        seen: Where pictures that are `REDUCED` or `INCOMPLETE` are counted.

    Returns:
        RGB pixels, uint8 of shape (side, side, 3).

    Raises:
        UndecodableImageError: The bytes are not a picture that can be decoded.
    """
    notes: set[str] = set()
    if reason := excess(content):
        raise UndecodableImageError(f"damaged {kind_of(content)}: it has {reason}")
    try:
        pixels = _decode(content, side, notes)
    except UndecodableImageError as error:
        if not (keep_truncated and error.reason.startswith("truncated ")):
            raise
        pixels = _decode_what_is_there(content, side, notes, error)
    if seen is not None:
        seen.update(notes)
    return pixels


def _decode(content: bytes, side: int, notes: set[str], *, on_grey: bool = False) -> Pixels:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd EXIF and on sizes, which are checked here
            try:
                picture = _picture(content, notes, on_grey=on_grey)
            except ValueError as error:
                if "MAX_TEXT" not in str(error):
                    raise
                picture = _picture(without_text(content), notes, on_grey=on_grey)
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


def _decode_what_is_there(content: bytes, side: int, notes: set[str], error: UndecodableImageError) -> Pixels:
    """As `_decode`, of a file that ends too early; its own error if nothing of the picture is there."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True  # Pillow can be told in no other way
    try:
        pixels = _decode(content, side, notes, on_grey=True)
    except UndecodableImageError:
        raise error from None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    if not np.ptp(pixels, axis=(0, 1)).any():
        raise error
    notes.add(INCOMPLETE)
    return pixels


def _picture(content: bytes, notes: set[str], *, on_grey: bool) -> Image.Image:
    """The whole picture, upright, in RGB. The file's own pixels are given back as soon as they are converted."""
    with _open(content) as image:
        if isinstance(image, JpegImagePlugin.JpegImageFile):
            _fit(image, content, notes)
        _check_size(*image.size, MAX_MEGAPIXELS_OF.get(image.format or "", MAX_MEGAPIXELS))
        if on_grey:
            _start_grey(image)
        image.load()
        turn = _turn(image)
        picture = _to_rgb(image)
        if picture is not image:
            image.close()
    return picture if turn is None else picture.transpose(turn)


def _open(content: bytes) -> ImageFile.ImageFile:
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError:
        if kind_of(content) != "JPEG":
            raise
        return JpegImagePlugin.JpegImageFile(io.BytesIO(content))  # a fraction of it may be small enough


def _fit(image: JpegImagePlugin.JpegImageFile, content: bytes, notes: set[str]) -> None:
    """Have a JPEG decoded at the largest of `FRACTIONS` that memory allows, if it allows one."""
    width, height = image.size
    if width * height * _MOST_BYTES_A_PIXEL <= MAX_BYTES:
        return
    blocks = _block_bytes(image) if image.info.get("progressive") or is_in_passes(content) else 0
    for fraction in FRACTIONS:
        pixels = -(-width // fraction) * -(-height // fraction)
        if pixels <= MAX_MEGAPIXELS * 1_000_000 and blocks + 4 * pixels <= MAX_BYTES:
            if fraction > 1:
                image.draft(image.mode, (width // fraction, height // fraction))
                notes.add(REDUCED)
            return
    if blocks:
        raise UndecodableImageError(f"{width}x{height} is above the limit of a JPEG that comes in passes")
    _check_size(width, height, MAX_MEGAPIXELS * FRACTIONS[-1] ** 2)


def _block_bytes(image: JpegImagePlugin.JpegImageFile) -> int:
    """What libjpeg holds of a JPEG that comes in passes: all of its blocks, at two bytes a coefficient."""
    width, height = image.size
    _, across, down, _ = zip(*image.layer, strict=True)
    sides = [(-(-width * h // (8 * max(across))), -(-height * v // (8 * max(down)))) for _, h, v, _ in image.layer]
    return sum(128 * columns * rows for columns, rows in sides)


def _start_grey(image: ImageFile.ImageFile) -> None:
    """Have a picture decoded onto grey instead of black."""
    prepare = image.load_prepare

    def load_prepare() -> None:
        prepare()
        image.im.paste(_grey_of(image), (0, 0, *image.im.size))

    image.load_prepare = load_prepare  # type: ignore[method-assign]


def _grey_of(image: ImageFile.ImageFile) -> float | tuple[int, ...]:
    """Middle grey as pixels of a picture's kind; in a palette, what comes closest."""
    if image.mode == "P":
        palette = np.frombuffer(image.im.getpalette("RGB", "RGB"), np.uint8).reshape(-1, 3)
        return int(np.abs(palette.astype(int) - _GREY).sum(axis=1).argmin())
    if image.mode.startswith("I;16"):
        return _GREY * 257
    kind = "RGBA" if image.mode.endswith(("A", "a")) else "RGB"
    return Image.new(kind, (1, 1), (_GREY, _GREY, _GREY, 255)[: len(kind)]).convert(image.mode).getpixel((0, 0)) or 0


def _check_size(width: int, height: int, megapixels: int) -> None:
    if width * height > megapixels * 1_000_000:
        raise UndecodableImageError(f"{width}x{height} is above the limit of {megapixels} megapixels")
    if max(width, height) > MAX_SIDE:
        raise UndecodableImageError(f"{width}x{height} is above the limit of {MAX_SIDE} pixels a side")
    if min(width, height) < 1:
        raise UndecodableImageError(f"{width}x{height} holds no pixels")


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What turns a picture upright; None when it is, or when its EXIF does not say."""
    if len(image.info.get("exif", b"")) > _MAX_EXIF:
        return None
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
    kind = kind_of(content)
    if isinstance(error, UnidentifiedImageError):  # its message holds a memory address
        is_read = _FORMAT_OF.get(kind, kind.upper()) in FORMATS
        return f"damaged {kind}: the header cannot be read" if is_read else why_unread(content)
    # Pillow has words for what it looked for; whatever else is raised tells of Python, not of the picture.
    is_worded = isinstance(error, OSError | SyntaxError | ValueError)
    message = (" ".join(str(error).split()) if is_worded else "") or "its parts contradict each other"
    if "truncated" in message.lower():
        return f"truncated {kind or 'image'}"
    return f"damaged {kind or 'image'}: {message}"
