"""Which images the report shows, and their pictures in little."""

from __future__ import annotations

import hashlib
import io
import math
import warnings
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SAMPLE_SIZE = 2000
"""Points in the scatter plot. With a thumbnail each they take about 2 MB beside the 5 MB of plotly.js; an SVG plot of
this size answers the pointer at once, and needs no WebGL, which browsers without a graphics card lack."""

COMPARED = 100_000
"""Images that are compared with each other: with 256 components as float32 they are 100 MB in the driver."""

THUMBNAIL_SIDE = 64
MAX_THUMBNAIL_BYTES = 900
"""What keeps the page below 9.2 MB whatever the pictures are; a photograph of a fruit takes about 600 bytes."""

_ATTEMPTS = ((8, 70), (8, 35), (5, 35), (3, 20))  # eighths of a side, WebP quality; noise needs the last


class ImageRef(NamedTuple):
    """One image of the run, without its content."""

    path: str
    split: str
    label: str


@dataclass(frozen=True)
class Draw:
    """Which images the report looks at, where there are too many to bring them all to the driver.

    An image is drawn by the hash of its path: so it is the same on every rerun, whichever task reads it.

    Attributes:
        compared: Which share of all images is compared; 1 for all of them.
        rare: Split and label → which share of these is drawn, where that is more: so that `sample_points` finds among
            what is drawn what it would choose among all.
    """

    compared: float
    rare: Mapping[tuple[str, str], float]

    @classmethod
    def of(cls, counts: Mapping[tuple[str, str], int], compared: int = COMPARED, points: int = SAMPLE_SIZE) -> Draw:
        """Decide about the shares.

        Args:
            counts: Split and label → number of images.
            compared: How many are to be compared, more or less.
            points: How many `sample_points` is to choose.
        """
        share = min(1.0, compared / max(1, sum(counts.values())))
        labels: Counter[str] = Counter()
        for (_, label), count in counts.items():
            labels[label] += count
        # twice as many as a label has points, or as labels have one, since a hash draws a few more or less
        wanted = 2 * _turns(labels.values(), points) * min(1, points / max(1, len(labels)))
        shares = {group: min(1.0, wanted / count) for group, count in counts.items()}
        return cls(share, {group: more for group, more in shares.items() if more > share})

    def takes(self, image: ImageRef) -> bool:
        """Whether an image is drawn."""
        return place(image.path) < self.rare.get((image.split, image.label), self.compared)

    def compares(self, image: ImageRef) -> bool:
        """Whether one that is drawn is among the compared: a label's share of them is that of all images."""
        return place(image.path) < self.compared


def _turns(sizes: Iterable[int], points: int) -> int:
    """How often labels of these sizes take turns until there are so many points."""
    ordered = sorted(sizes)
    for number, size in enumerate(ordered):
        turns = math.ceil(points / (len(ordered) - number))
        if size >= turns:
            return turns
        points -= size
    return ordered[-1] if ordered else 0


def sample_points(images: Iterable[ImageRef], size: int = SAMPLE_SIZE) -> list[ImageRef]:
    """Choose images for the scatter plot: as many of each label as possible, and within a label of each split.

    Labels take turns, and within a label its splits take turns, so a label with few images is as visible as one with
    many. Within a split the order is that of a hash of the path: arbitrary, but the same on every rerun and whatever
    order the images come in.

    Args:
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


def place(path: str) -> float:
    """Where an image is between 0 and 1, by its hash."""
    return int.from_bytes(_hash(path)) / 2**64


def _hash(path: str) -> bytes:
    return hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def thumbnail(content: bytes, side: int = THUMBNAIL_SIDE, most_bytes: int = MAX_THUMBNAIL_BYTES) -> bytes:
    """A picture in little, as WebP.

    Args:
        content: The bytes of an image file; of one that is cut off, what there is becomes the picture.
        side: The longer side at most, in pixels.
        most_bytes: How large the file may be.

    Returns:
        The bytes of a WebP file; none at all when the content cannot be decoded, since a report without one picture is
        better than no report.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings(), _cut_off_allowed():
            warnings.simplefilter("ignore")  # an odd picture is none of the report's business
            with Image.open(io.BytesIO(content)) as opened:
                opened.draft("RGB", (side * 2, side * 2))
                picture = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return b""
    little = b""
    for eighths, quality in _ATTEMPTS:
        picture.thumbnail((side * eighths // 8, side * eighths // 8), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=6)
        little = buffer.getvalue()
        if len(little) <= most_bytes:
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
