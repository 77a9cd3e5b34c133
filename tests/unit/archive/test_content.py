"""What is in an archive, as a number: the same for the same pictures, another for whatever makes other tables."""

import random
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchard.archive.collection import Collection, collect
from orchard.archive.content import picture_keys
from orchard.archive.sources.listing import Entries, Listing
from tests.support.zips.held import collection
from tests.support.zips.hostile import Entry

PATHS = st.lists(st.sampled_from(["a/1.jpg", "a/2.jpg", "b/1.png", "b/notes.txt", "../evil.jpg"]), unique=True)
PLAIN = [Entry("Training/Kiwi/1.jpg", b"kiwi"), Entry("Test/Fig/2.jpg", b"fig"), Entry("Test/Fig/notes.txt", b"no")]


def listed(*rows: tuple[str, int, str, int]) -> Collection:
    entries = Entries()
    for name, size, etag, modified in rows:
        entries.add(name.encode(), size, modified, etag)
    return collect(["s3://input/figs/"], lambda *_: Listing("s3://input/figs/", entries, b""))


def keys(read: Collection) -> NDArray[np.uint64]:
    return np.sort(picture_keys(read.inventories))


@given(PATHS, st.randoms(use_true_random=False), st.sampled_from([0, 8]))
def test_order_packing_and_time_make_no_difference(paths: list[str], order: random.Random, method: int) -> None:
    entries = [*PLAIN, *(Entry(path, path.encode()) for path in paths)]
    again = [Entry(one.name, one.content, method=method, extra=b"zz\0\0") for one in entries]
    order.shuffle(again)
    assert collection(again).content_id == collection(entries).content_id
    assert (keys(collection(again)) == keys(collection(entries))).all()


OTHERS = {
    "a byte": [Entry("Training/Kiwi/1.jpg", b"kiwj"), *PLAIN[1:]],
    "a size": [Entry("Training/Kiwi/1.jpg", b"kiwi\0"), *PLAIN[1:]],
    "a name": [Entry("Training/Kiwi/3.jpg", b"kiwi"), *PLAIN[1:]],
    "two pictures that change places": [
        Entry("Training/Kiwi/1.jpg", b"fig"),
        Entry("Test/Fig/2.jpg", b"kiwi"),
        PLAIN[2],
    ],
    "one more": [*PLAIN, Entry("Test/Fig/3.jpg", b"fig")],
    "one less": PLAIN[1:],
    "another note": [*PLAIN[:2], Entry("Test/Fig/readme.txt", b"no")],
    "one more folder": [*PLAIN, Entry("Test/Fig/")],
    "one more that is rejected": [*PLAIN, Entry("../evil.jpg", b"")],
}


@pytest.mark.parametrize("entries", OTHERS.values(), ids=OTHERS.keys())
def test_whatever_makes_another_table_is_another_content(entries: Sequence[Entry]) -> None:
    assert collection(entries).content_id != collection(PLAIN).content_id


def test_the_id_is_the_same_wherever_it_is_made() -> None:
    assert collection(PLAIN).content_id == "066dccdfff95d0841e89cd74"


def test_a_subset_and_an_encoding_are_another_content() -> None:
    names = [*PLAIN, Entry("Test/\x83\x89.jpg".encode("latin-1"), b"x")]
    whole = collection(names)
    ids = [
        one.content_id
        for one in (
            whole,
            whole.select(2, None),
            whole.select(None, ["Kiwi"]),
            whole.select(None, ["Fig"]),
            collection(names, "shift_jis"),
        )
    ]
    assert len(set(ids)) == len(ids)
    assert whole.select(100, None).content_id == ids[0], "a limit that leaves nothing out"


def test_pictures_are_told_apart_by_size_and_crc_and_under_a_prefix_by_etag() -> None:
    assert keys(collection([PLAIN[0]])).tolist() == [4 << 32 | zlib.crc32(b"kiwi")]
    first = listed(("a.jpg", 3, "e1", 5), ("b.jpg", 3, "e2", 5))
    assert np.intersect1d(keys(first), keys(listed(("c.jpg", 3, "e2", 9)))).size == 1
    assert not np.intersect1d(keys(first), keys(listed(("a.jpg", 4, "e1", 5)))).size
    assert first.content_id == listed(("b.jpg", 3, "e2", 1), ("a.jpg", 3, "e1", 7)).content_id
    assert first.content_id != listed(("a.jpg", 3, "e2", 5), ("b.jpg", 3, "e1", 5)).content_id
    assert first.content_id != listed(("a.jpg", 3, "e1", 5), ("b.jpg", 3, "e3", 5)).content_id
