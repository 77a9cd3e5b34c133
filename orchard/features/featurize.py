"""From files to features, in order, without losing one.

No Spark here: the job hands over an iterator and gets one back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from orchard.features.pixels import Pixels, UndecodableImageError, decode

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Iterator

    from orchard.features.engines import Engine

Key = TypeVar("Key")
Features = npt.NDArray[np.float32]

BATCH = 16
"""Files in memory at once: 16 x 224 x 224 x 3 bytes are 2.4 MB of pixels. Engines choose their own, smaller batch."""


def compute_features(
    engine: Engine,
    contents: Iterable[tuple[Key, bytes]],
    *,
    batch: int = BATCH,
    keep_truncated: bool = False,
    seen: Callable[[Key], Counter[str]] | None = None,
) -> Iterator[tuple[Key, Features | UndecodableImageError]]:
    """Compute the features of image files.

    Args:
        contents: Key and content of each file.
        batch: How many files are read ahead.
        keep_truncated: As for `orchard.features.pixels.decode`.
        seen: Gives the counter for one file, in which is counted how it is not taken as it is.

    Yields:
        For each file, in the order given, its key and either its features (float32 of length `engine.features`) or
        the error that says why it has none.

    Raises:
        ValueError: The engine answered with an array of the wrong shape.
    """
    waiting: list[tuple[Key, Pixels | UndecodableImageError]] = []
    for key, content in contents:
        waiting.append((key, _decoded(content, engine.side, keep_truncated, None if seen is None else seen(key))))
        if len(waiting) == batch:
            yield from _computed(engine, waiting)
            waiting = []
    yield from _computed(engine, waiting)


def _decoded(
    content: bytes, side: int, keep_truncated: bool, seen: Counter[str] | None
) -> Pixels | UndecodableImageError:
    try:
        return decode(content, side, keep_truncated=keep_truncated, seen=seen)
    except UndecodableImageError as error:
        return error


def _computed(
    engine: Engine, waiting: list[tuple[Key, Pixels | UndecodableImageError]]
) -> Iterator[tuple[Key, Features | UndecodableImageError]]:
    pictures = [picture for _, picture in waiting if isinstance(picture, np.ndarray)]
    answers = engine(np.stack(pictures)) if pictures else np.empty((0, engine.features), np.float32)
    if answers.shape != (len(pictures), engine.features):
        raise ValueError(f"{engine.name} answered {answers.shape} for {len(pictures)} pictures")
    remaining = iter(answers)
    for key, picture in waiting:
        if isinstance(picture, UndecodableImageError):
            yield key, picture
            continue
        features = next(remaining)
        if np.isfinite(features).all():
            yield key, features
        else:
            yield key, UndecodableImageError("the network's answer is not finite")
