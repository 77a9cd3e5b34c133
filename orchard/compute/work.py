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
    """

    images: int
    image_bytes: int
    stages: tuple[str, ...] = STAGES
    objects: int = 0
