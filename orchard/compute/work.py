"""What there is to do for a run: its size, its time and its cost follow from it."""

from __future__ import annotations

from dataclasses import dataclass

from orchard.layout import STAGES


@dataclass(frozen=True)
class Work:
    """The work of a run.

    Attributes:
        images: Number of images, at least 1.
        image_bytes: Their total size out of the archive, bytes.
        stages: Those that have to be done, out of `orchard.layout.STAGES`.
        objects: How many of the images are objects of their own in S3, each of which is a request.
        known: Of how many images the features are copied, instead of computed.
    """

    images: int
    image_bytes: int
    stages: tuple[str, ...] = STAGES
    objects: int = 0
    known: int = 0

    @property
    def new(self) -> float:
        """Which share of the images has features to be computed, in [0, 1]."""
        return 1 - self.known / self.images
