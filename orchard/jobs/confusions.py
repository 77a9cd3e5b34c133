"""Which pictures the report shows of confusions: Test images, and the Training images for which they are taken."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from orchard.components.neighbours import NeighbourAccuracy, count_right, nearest_known
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
        nearest = nearest_known(values[train], known, values[test])
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
