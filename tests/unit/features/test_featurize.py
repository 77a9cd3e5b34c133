from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.features.featurize import Features, compute_features
from orchard.features.pixels import Pixels, UndecodableImageError, decode
from tests.support.pictures.drawn import CLASSES, draw_fruit


class MeanColour:
    """An engine that anyone can check by hand; it remembers how much it was given at once."""

    name = "mean colour"
    features = 3
    side = 32

    def __init__(self) -> None:
        self.batches = []

    def __call__(self, pixels: Pixels) -> Features:
        self.batches.append(len(pixels))
        return pixels.mean(axis=(1, 2)).astype(np.float32)


GOOD = [draw_fruit(label, number) for label in CLASSES for number in range(3)]
BAD = [b"", b"text", GOOD[0][:200]]


def mean_colour(content: bytes) -> Features:
    return decode(content, 32).mean(axis=(0, 1)).astype(np.float32)


@settings(max_examples=50)
@given(st.lists(st.sampled_from(GOOD + BAD), max_size=30), st.integers(1, 9))
def test_every_file_is_answered_in_order_with_its_own_features_or_its_own_reason(
    contents: list[bytes], batch: int
) -> None:
    answers = list(compute_features(MeanColour(), list(enumerate(contents)), batch=batch))

    assert [key for key, _ in answers] == list(range(len(contents)))
    for (_, answer), content in zip(answers, contents, strict=True):
        if content in BAD:
            assert isinstance(answer, UndecodableImageError)
            assert answer.reason == {b"": "empty file", b"text": "not an image: text"}.get(content, "truncated JPEG")
        else:
            assert np.array_equal(answer, mean_colour(content))
            assert answer.dtype == np.float32


@pytest.mark.parametrize("contents", [GOOD[:1] * 100, BAD[:1] * 100], ids=["good", "bad"])
def test_no_more_than_one_batch_is_read_ahead(contents: list[bytes]) -> None:
    read = []

    def source() -> Iterator[tuple[int, bytes]]:
        for number, content in enumerate(contents):
            read.append(number)
            yield number, content

    engine = MeanColour()
    for key, _ in compute_features(engine, source(), batch=8):
        assert len(read) <= 8 * (key // 8 + 1)
    assert len(read) == 100
    assert all(size <= 8 for size in engine.batches)


def test_nothing_gives_nothing_and_wakes_no_engine() -> None:
    engine = MeanColour()

    assert list(compute_features(engine, [])) == []
    assert len(list(compute_features(engine, [("bad", b"")]))) == 1
    assert engine.batches == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_not_finite_is_rejected_and_the_others_are_kept(value: float) -> None:
    class Overflowing(MeanColour):
        def __call__(self, pixels: Pixels) -> Features:
            answers = super().__call__(pixels)
            answers[1, 2] = value
            return answers

    answers = [answer for _, answer in compute_features(Overflowing(), enumerate(GOOD[:3]))]

    assert isinstance(answers[1], UndecodableImageError)
    assert answers[1].reason == "the network's answer is not finite"
    assert np.array_equal(answers[0], mean_colour(GOOD[0]))
    assert np.array_equal(answers[2], mean_colour(GOOD[2]))


def test_an_engine_that_loses_a_picture_is_caught() -> None:
    class Forgetful(MeanColour):
        def __call__(self, pixels: Pixels) -> Features:
            return super().__call__(pixels)[:-1]

    with pytest.raises(ValueError, match="mean colour answered"):
        list(compute_features(Forgetful(), enumerate(GOOD)))
