"""Which pictures the report shows beside its numbers: those of confusions, and those that are there more than once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from orchard.archive.labels import split_and_label
from orchard.components.neighbours import NeighbourAccuracy, count_right, nearest_known
from orchard.report.data import Copied, LabelCount, Picture
from orchard.report.view import WORST_CONFUSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from orchard.report.sample import ImageRef

EXAMPLES = 8
"""How many Test images of a confusion are shown, each with the nearest Training image."""


@dataclass(frozen=True, eq=False)
class Confused:
    """Test images by the nearest Training image.

    Attributes:
        accuracy: How often it has their label; None unless there are both.
        pairs: True and predicted label of the most frequent confusions → rows of some Test images, and of the Training
            image nearest to each; the first ones by path.
    """

    accuracy: NeighbourAccuracy | None
    pairs: Mapping[tuple[str, str], Sequence[tuple[int, int]]] = field(default_factory=dict)

    @classmethod
    def find(cls, values: NDArray[np.float32], refs: Sequence[ImageRef], compared: NDArray[np.bool_]) -> Confused:
        """Compare the Test images with the Training images.

        Args:
            values: [n, d], the components.
            refs: The n images.
            compared: [n], which of them are compared.
        """
        splits = np.array([ref.split for ref in refs], dtype=object)
        train, test = (np.flatnonzero(compared & (splits == split)) for split in ("Training", "Test"))
        if not train.size or not test.size:
            return cls(None)
        known, wanted = ([refs[row].label for row in rows.tolist()] for rows in (train, test))
        nearest = nearest_known(values[train], known, values[test], wanted)
        accuracy = count_right(wanted, nearest, known)
        rows = defaultdict(list)
        for row, other in zip(test.tolist(), train[nearest].tolist(), strict=True):
            rows[refs[row].label, refs[other].label].append((row, other))
        worst = [(one.label, one.predicted) for one in accuracy.confusions[:WORST_CONFUSIONS]]
        return cls(accuracy, {pair: sorted(rows[pair], key=lambda one: refs[one[0]].path)[:EXAMPLES] for pair in worst})

    @property
    def rows(self) -> list[int]:
        """All rows of all pairs."""
        return [row for pairs in self.pairs.values() for pair in pairs for row in pair]

    def paths(self, refs: Sequence[ImageRef]) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
        """The pairs by the paths of their images."""
        return {
            labels: tuple((refs[row].path, refs[other].path) for row, other in pairs)
            for labels, pairs in self.pairs.items()
        }


def copied_paths(summary: Mapping[str, Any]) -> list[str]:
    """The paths of pictures that are there more than once and are shown."""
    return [path for one in _worst(summary) for path in one["paths"]]


def copied(summary: Mapping[str, Any], little: Mapping[str, bytes]) -> tuple[Copied, ...]:
    """The contents that are there more than once, as the unzip stage tells the worst of them.

    Args:
        little: Path → thumbnail.
    """
    return tuple(
        Copied(
            one["copies"],
            tuple(LabelCount(**place) for place in one["places"]),
            tuple(Picture(path, *split_and_label(path), thumbnail=little.get(path, b"")) for path in one["paths"]),
        )
        for one in _worst(summary)
    )


def _worst(summary: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    worst: Sequence[Mapping[str, Any]] = (summary.get("duplicates") or {}).get("worst", ())
    return worst
