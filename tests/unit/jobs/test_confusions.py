"""Which pictures stand for a confusion."""

import numpy as np

from orchard.jobs.confusions import EXAMPLES, Confused
from orchard.report.sample import ImageRef
from orchard.report.view import WORST_CONFUSIONS


def confusions(count: int, each: int) -> tuple[list[ImageRef], Confused]:
    """So many labels, whose Test images all lie where a Training image of another label does."""
    refs, places = [], []
    for n in range(count):
        refs += [ImageRef(f"Training/to {n}/0.jpg", "Training", f"to {n}")]
        refs += [ImageRef(f"Test/from {n}/{k:03}.jpg", "Test", f"from {n}") for k in reversed(range(each + n))]
        places += [10.0 * n] * (1 + each + n)
    values = np.array(places, dtype=np.float32)[:, None]
    return refs, Confused.find(values, refs, np.ones(len(refs), bool))


def test_of_each_of_the_worst_the_first_test_images_by_path_stand_beside_the_nearest() -> None:
    refs, found = confusions(WORST_CONFUSIONS + 3, EXAMPLES + 2)
    assert found.accuracy is not None
    assert (found.accuracy.correct, found.accuracy.total) == (0, sum(ref.split == "Test" for ref in refs))
    assert found.paths(refs) == {
        (f"from {n}", f"to {n}"): tuple(
            (f"Test/from {n}/{k:03}.jpg", f"Training/to {n}/0.jpg") for k in range(EXAMPLES)
        )
        for n in range(3, WORST_CONFUSIONS + 3)
    }
    assert [refs[row].path for row in found.rows[:2]] == ["Test/from 14/000.jpg", "Training/to 14/0.jpg"]
    assert len(found.rows) == 2 * EXAMPLES * WORST_CONFUSIONS


def test_what_is_not_compared_stands_for_nothing() -> None:
    refs, _ = confusions(2, 3)
    values = np.arange(len(refs), dtype=np.float32)[:, None]
    some = np.array([ref.label in ("from 1", "to 0") for ref in refs])
    found = Confused.find(values, refs, some)
    assert found.accuracy is not None
    assert {(one.label, one.predicted, one.count) for one in found.accuracy.confusions} == {("from 1", "to 0", 4)}
    assert Confused.find(values, refs, np.array([ref.split == "Test" for ref in refs])).accuracy is None
