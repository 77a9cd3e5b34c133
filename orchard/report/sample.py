"""Which images the report shows, and their pictures in little."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SAMPLE_SIZE = 2000
"""Points in the scatter plot. With a thumbnail each they take about 2 MB beside the 5 MB of plotly.js; an SVG plot of
this size answers the pointer at once, and needs no WebGL, which browsers without a graphics card lack."""

THUMBNAIL_SIDE = 64
MAX_THUMBNAIL_BYTES = 900
"""What keeps the page below 8 MB whatever the pictures are; a photograph of a fruit takes about 600 bytes."""

_ATTEMPTS = ((THUMBNAIL_SIDE, 70), (THUMBNAIL_SIDE, 35), (40, 35), (24, 20))  # side, WebP quality; noise needs the last


class ImageRef(NamedTuple):
    """One image of the run, without its content."""

    path: str
    split: str
    label: str


def sample_points(images: Iterable[ImageRef], size: int = SAMPLE_SIZE) -> list[ImageRef]:
    """Choose images for the scatter plot: as many of each label as possible, and within a label of each split.

    Labels take turns, and within a label its splits take turns, so a label with few images is as visible as one with
    many. Within a split the order is that of a hash of the path: arbitrary, but the same on every rerun and whatever
    order the images come in.

    Args:
        images: All images.
        size: How many to choose at most.

    Returns:
        The chosen ones, by path; all of them when there are no more than `size`.
    """
    groups: dict[str, dict[str, list[tuple[bytes, ImageRef]]]] = defaultdict(lambda: defaultdict(list))
    for image in images:
        groups[image.label][image.split].append((_hash(image.path), image))
    turns: list[tuple[int, bytes, ImageRef]] = []
    for splits in groups.values():
        in_split = [
            (turn, split, *entry) for split, members in splits.items() for turn, entry in enumerate(sorted(members))
        ]
        in_split.sort()
        turns += [(turn, key, image) for turn, (_, _, key, image) in enumerate(in_split)]
    turns.sort()
    return sorted(image for _, _, image in turns[:size])


def _hash(path: str) -> bytes:
    return hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def thumbnail(content: bytes) -> bytes:
    """A picture in little: WebP, at most 64 pixels a side and at most `MAX_THUMBNAIL_BYTES`.

    Args:
        content: The bytes of an image file; of one that is cut off, what there is becomes the picture.

    Returns:
        The bytes of a WebP file; none at all when the content cannot be decoded, since a report without one picture is
        better than no report.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings(), _cut_off_allowed():
            warnings.simplefilter("ignore")  # an odd picture is none of the report's business
            with Image.open(io.BytesIO(content)) as opened:
                opened.draft("RGB", (THUMBNAIL_SIDE * 2, THUMBNAIL_SIDE * 2))
                picture = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return b""
    little = b""
    for side, quality in _ATTEMPTS:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=6)
        little = buffer.getvalue()
        if len(little) <= MAX_THUMBNAIL_BYTES:
            break
    return little


@contextmanager
def _cut_off_allowed() -> Iterator[None]:
    """Have Pillow decode what there is of a file that is cut off."""
    from PIL import ImageFile

    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
