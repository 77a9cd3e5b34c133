"""Pictures that are there more than once: counted over all of an archive, between splits and under other labels."""

import zlib
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.archive.checks import DEFAULT_LIMITS, inspect, inspect_directory
from orchard.archive.duplicates import ContentIds, Shared, find_duplicates, in_directories, merged, picture_id
from orchard.archive.selection import select
from orchard.archive.sources.listing import Entries
from orchard.pipeline.duplicates import Duplicates
from tests.support.zips.hostile import BytesSource, Entry, build_zip, uniform_zip

Pictures = list[tuple[str, str, bytes]]  # split, label, content

pictures = st.lists(
    st.tuples(
        st.sampled_from(["Training", "Test", "Validation", ""]), st.sampled_from(["Kiwi", "Fig"]),
        st.sampled_from([b"a", b"b", b"c", b"dd"]),
    ),
    max_size=30,
)  # fmt: skip


def counted(some: Pictures) -> Duplicates:
    """The same by comparing all with all."""
    by_content = defaultdict(list)
    for split, label, content in some:
        by_content[content].append((split, label))
    shared = [places for places in by_content.values() if len(places) > 1]
    return Duplicates(
        copies=sum(map(len, shared)),
        contents=len(shared),
        between_splits=sum(len(places) for places in shared if len({split for split, _ in places if split}) > 1),
        between_labels=sum(len(places) for places in shared if len({label for _, label in places}) > 1),
        test_in_training=sum(
            split == "Test" for places in shared if "Training" in {split for split, _ in places} for split, _ in places
        ),
    )


def noted(some: Pictures) -> ContentIds:
    ids = ContentIds()
    for split, label, content in some:
        ids.add(content, split, label)
    return ids


@given(pictures, pictures)
def test_contents_are_compared_over_all_tasks(one: Pictures, other: Pictures) -> None:
    found, worst = find_duplicates(*merged([noted(one), ContentIds(), noted(other)]))
    assert found == counted(one + other)
    everything = [*one, *other]
    for content in worst:
        copies = [everything[number] for number in content.members]
        assert len({content for *_, content in copies}) == 1
        there = [(split, label) for split, label, what in everything if what == copies[0][2]]
        assert content.copies == len(there)
        assert sorted((split, label) for split, label, _ in content.places) == sorted(set(there))
        assert all(there.count((split, label)) == count for split, label, count in content.places)


@given(pictures.filter(bool))
def test_the_directory_alone_tells_the_same(some: Pictures) -> None:
    def entries(pictures: Pictures) -> list[Entry]:
        return [
            Entry(f"{split or 'all'}/{label}/{n}.jpg", content) for n, (split, label, content) in enumerate(pictures)
        ]

    noise = [Entry("Test/Kiwi/a.txt", b"a"), Entry("Test/../a.jpg", b"a")]
    whole = inspect(BytesSource(build_zip([*entries(some), *noise])))
    assert in_directories([whole]) == counted(some)
    half = [inspect(BytesSource(build_zip([*noise, *entries(some)])), below=f"{n}/") for n in range(2)]
    assert in_directories(half) == counted(some + some)


def test_what_the_user_does_not_want_is_no_copy() -> None:
    archive = build_zip([Entry("Training/Kiwi/1.jpg", b"a"), Entry("Test/Fig/1.jpg", b"a")])
    [found] = select([inspect(BytesSource(archive))], labels=["Kiwi"])
    assert in_directories([found]) == Duplicates()


def test_an_etag_is_never_taken_for_a_crc() -> None:
    archive = inspect(BytesSource(build_zip([Entry("Kiwi/1.jpg", b"a")])))
    entries = Entries()
    for name in (b"1.jpg", b"2.jpg"):
        entries.add(name, 1, 0, f"{zlib.crc32(b'a'):x}")
    listed = inspect_directory("s3://b/p/", entries.directory(), DEFAULT_LIMITS, None, "")
    assert in_directories([archive, listed]) == Duplicates(copies=2, contents=1)
    assert in_directories([archive, archive, listed]).contents == 2


def test_the_worst_lie_in_several_splits_or_under_several_labels_and_then_most_often() -> None:
    some: Pictures = [
        *[("Training", "Kiwi", b"often")] * 9,
        *[("Training", "Fig", b"labels"), ("Training", "Kiwi", b"labels"), ("Training", "Kiwi", b"labels")],
        *[("Test", "Kiwi", b"splits"), ("Training", "Kiwi", b"splits")],
        *[("Test", "Kiwi", b"both"), ("Training", "Fig", b"both")],
        *[("", "Kiwi", b"none"), ("Test", "Kiwi", b"none"), ("Test", "Kiwi", b"alone")],
    ]
    _, worst = find_duplicates(*merged([noted(some)]))
    assert worst == [
        Shared(2, (("Test", "Kiwi", 1), ("Training", "Fig", 1)), (14, 15)),
        Shared(3, (("Training", "Kiwi", 2), ("Training", "Fig", 1)), (9, 10, 11)),
        Shared(2, (("Test", "Kiwi", 1), ("Training", "Kiwi", 1)), (12, 13)),
        Shared(9, (("Training", "Kiwi", 9),), (0, 1, 2, 3, 4, 5)),
        Shared(2, (("", "Kiwi", 1), ("Test", "Kiwi", 1)), (16, 17)),
    ]


def test_of_each_split_and_label_one_is_shown_before_others() -> None:
    some: Pictures = [("Training", "Kiwi", b"a")] * 20 + [("Test", "Fig", b"a")] * 3
    _, [found] = find_duplicates(*merged([noted(some)]))
    assert found == Shared(23, (("Training", "Kiwi", 20), ("Test", "Fig", 3)), (0, 20, 1, 2, 3, 4))


def test_what_is_left_out_is_counted_as_a_member() -> None:
    ids = ContentIds()
    for outcome in "rppprrp":
        ids.leave_out() if outcome == "r" else ids.add(b"a", "", "")
    assert [ids.member(picture) for picture in range(4)] == [1, 2, 3, 6]


def test_an_id_is_of_the_content_alone() -> None:
    contents = [b"", b"a", b"b", b"a" * 100_000]
    assert len({picture_id(content) for content in contents}) == 4
    assert picture_id(b"a") == 0x2F42665B399EF840, "of BLAKE2b, and the same in every process"


@pytest.mark.slow
def test_a_million_copies_of_one_picture_are_counted_in_seconds() -> None:
    whole = inspect(BytesSource(uniform_zip(1_000_000)))
    assert in_directories([whole]) == Duplicates(copies=1_000_000, contents=1)
