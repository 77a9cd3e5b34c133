"""Spans hold every image once, are even, and leave long gaps alone."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.archive.checks import Inventory, inspect
from orchard.archive.directory import Directory
from orchard.archive.judging import IGNORED, IMAGE
from orchard.archive.spans import TARGET_BYTES, Span, plan_spans
from tests.support.zips.hostile import BytesSource, Entry, build_zip

ONE = inspect(BytesSource(build_zip([Entry("1.jpg")])))
MB = 2**20


def archive_of(pieces: Sequence[tuple[int, int]]) -> Inventory:
    """An inventory of images, each given by the gap before it, in which is another file, and its length."""
    headers, lengths, verdicts = [], [], []
    position = 0
    for gap, length in pieces:
        for verdict, taken in ((IGNORED, gap), (IMAGE, length)):
            if taken:
                headers.append(position)
                lengths.append(taken - len(Entry("1.jpg").local()))
                verdicts.append(verdict)
            position += taken
    directory = Directory(
        raw=ONE.directory.raw,
        start=position,
        places=np.zeros(len(headers), np.int64),
        headers=np.array(headers),
        compressed=np.array(lengths),
        sizes=np.array(lengths),
        name_lengths=np.full(len(headers), len("1.jpg"), np.uint16),
    )
    return replace(ONE, directory=directory, verdicts=np.array(verdicts, np.uint8), images=verdicts.count(IMAGE))


def offsets(spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Where the images of spans begin and end."""
    return [(member.header_offset, member.end_offset) for span in spans for member in span.members()]


def lengths(spans: list[Span]) -> list[int]:
    return [span.length for span in spans]


@pytest.mark.parametrize("total", [1, 10, 32, 48, 64])
def test_a_small_archive_is_one_span(total: int) -> None:
    inventory = archive_of([(0, total * MB // 100)] * 100)
    assert [span.images for span in plan_spans(inventory)] == [inventory.images]


@pytest.mark.parametrize("total", [65, 80, 96, 100, 128, 129, 150, 700, 1300])
def test_a_large_archive_is_cut_evenly_into_32_to_64_mb(total: int) -> None:
    spans = plan_spans(archive_of([(0, MB // 10)] * (total * 10)))
    assert len(spans) >= 2
    assert all(32 * MB <= length <= 64 * MB for length in lengths(spans))
    assert max(lengths(spans)) - min(lengths(spans)) <= 2 * MB // 10


def test_spans_begin_and_end_with_their_images() -> None:
    inventory = archive_of([(7, 10), (0, 20), (1, 30)])
    (span,) = plan_spans(inventory)
    assert (span.start, span.end) == (7, 68)


def test_a_long_video_between_pictures_is_not_fetched() -> None:
    spans = plan_spans(archive_of([(0, MB), (0, MB), (500 * MB, MB), (0, MB)]))
    assert lengths(spans) == [2 * MB, 2 * MB]


def test_a_short_file_between_pictures_is() -> None:
    assert lengths(plan_spans(archive_of([(0, MB), (MB, MB)]))) == [3 * MB]


def test_a_huge_picture_is_a_span_of_its_own() -> None:
    assert lengths(plan_spans(archive_of([(0, MB), (0, 100 * MB), (0, MB), (0, MB)]))) == [MB, 100 * MB, 2 * MB]
    assert lengths(plan_spans(archive_of([(0, 65 * MB), *[(0, MB)] * 60]))) == [65 * MB, 60 * MB]


def test_what_lies_before_and_behind_a_huge_picture_is_cut_evenly_without_it() -> None:
    pictures = [(0, MB)] * 110
    assert lengths(plan_spans(archive_of([*pictures, (0, 65 * MB)]))) == [55 * MB, 55 * MB, 65 * MB]
    assert lengths(plan_spans(archive_of([(0, 65 * MB), *pictures]))) == [65 * MB, 55 * MB, 55 * MB]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(31, 400)), min_size=1, max_size=60), st.integers(1, 3000))
def test_every_image_is_in_one_span_whatever_the_sizes(pieces: list[tuple[int, int]], target: int) -> None:
    inventory = archive_of(pieces)
    spans = plan_spans(inventory, target)
    ends = np.cumsum(np.array(pieces).sum(axis=1)).tolist()
    assert offsets(spans) == [(end - length, end) for (_, length), end in zip(pieces, ends, strict=True)]
    assert all(span.end <= after.start for span, after in itertools.pairwise(spans))
    for span in spans:
        inside = offsets([span])
        assert (span.start, span.end) == (inside[0][0], inside[-1][1])
        longest = max(end - start for start, end in inside)
        assert span.images == 1 or span.length <= target * 4 / 3 + 2 * longest + target / 3
        gaps = [after[0] - before[1] for before, after in itertools.pairwise(inside)]
        assert all(gap <= target / 6 for gap in gaps)


def test_very_many_tiny_pictures_are_work_for_more_than_one_task() -> None:
    spans = plan_spans(archive_of([(0, 100)] * 1000), target_images=100)
    assert [span.images for span in spans] == [100] * 10


def test_what_a_task_is_told_of_an_image_is_small() -> None:
    inventory = inspect(BytesSource(build_zip([Entry(f"Training/Apple/{n:05}_100.jpg", b"x") for n in range(2000)])))
    (span,) = plan_spans(inventory)
    assert len(span.packed) < 2000 * 30


def test_the_default_target_is_the_middle_of_32_to_64_mb() -> None:
    assert TARGET_BYTES == 48 * MB
