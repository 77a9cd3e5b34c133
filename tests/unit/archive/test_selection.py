"""A part of an archive: as many images as asked for, of every class, and always the same ones."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.archive.checks import Inventory, inspect
from orchard.archive.labels import split_and_label
from orchard.archive.selection import select
from orchard.errors import OptionsError
from tests.support.zips.hostile import BytesSource, Entry, build_zip
from tests.support.zips.verdicts import images_of

NOISE = [Entry("fruits/"), Entry("fruits/readme.md"), Entry("../evil.jpg")]
SPLITS = ("Training", "Test")
archives = st.dictionaries(
    st.tuples(st.sampled_from(["", *SPLITS]), st.sampled_from(["Kiwi", "Pêche", "Apple 1", "a\\b"])),
    st.integers(1, 12),
    min_size=1,
)


def paths_of(counts: dict[tuple[str, str], int]) -> list[str]:
    return [f"{split or 'all'}/{label}/{n}.jpg" for (split, label), count in counts.items() for n in range(count)]


def inventory(paths: Sequence[str], order: int = 0, below: str = "") -> Inventory:
    entries = [*(Entry(path, b"kiwi", method=0, system=0) for path in paths), *NOISE]
    random.Random(order).shuffle(entries)  # noqa: S311 (nothing is to be kept secret)
    return inspect(BytesSource(build_zip(entries)), below=below)


def chosen(found: Inventory) -> set[str]:
    """The paths that a task will read; the books must know of the others."""
    paths = [f"{found.below}{member.path}" for member in images_of(found)] if found.images else []
    assert found.is_balanced
    assert found.image_bytes == 4 * found.images == 4 * len(paths)
    assert found.counts == Counter(map(split_and_label, paths))
    assert (found.directories, found.ignored, found.rejected) == (1, 1, 1)
    return set(paths)


@given(archives, st.integers(1, 100))
def test_as_many_are_chosen_as_there_may_be_and_of_every_class(counts: dict[tuple[str, str], int], limit: int) -> None:
    whole = inventory(paths_of(counts))
    [found] = select([whole], limit)
    assert len(chosen(found)) == found.images == min(limit, whole.images)
    assert found.skipped == whole.images - found.images
    labels = {label for _, label in whole.counts}
    assert len({label for _, label in found.counts}) == min(limit, len(labels))
    if limit >= len(whole.counts):
        assert set(found.counts) == set(whole.counts)


@given(archives, st.integers(1, 30), st.integers(), st.integers(0, 10))
def test_the_order_in_the_zip_makes_no_difference_and_a_larger_limit_adds(
    counts: dict[tuple[str, str], int], limit: int, order: int, more: int
) -> None:
    paths = paths_of(counts)
    [found] = select([inventory(paths)], limit)
    assert chosen(select([inventory(paths, order)], limit)[0]) == chosen(found)
    assert chosen(select([inventory(paths, order)], limit + more)[0]) >= chosen(found)


@given(archives, archives, st.integers(1, 40))
def test_several_sources_are_chosen_from_as_one(
    one: dict[tuple[str, str], int], other: dict[tuple[str, str], int], limit: int
) -> None:
    found = select([inventory(paths_of(one), below="a/"), inventory(paths_of(other), 1, below="b/")], limit)
    together = [f"{below}/{path}" for below, counts in (("a", one), ("b", other)) for path in paths_of(counts)]
    assert set.union(*map(chosen, found)) == chosen(select([inventory(together)], limit)[0])


def test_classes_and_splits_keep_their_shares() -> None:
    counts = {("Training", "Kiwi"): 300, ("Test", "Kiwi"): 100, ("Training", "Plum"): 30, ("Test", "Plum"): 10}
    [found] = select([inventory(paths_of(counts))], 44)
    assert found.counts == {key: count // 10 for key, count in counts.items()}


def test_the_same_images_are_chosen_tomorrow() -> None:
    [found] = select([inventory([f"Kiwi/{number}.jpg" for number in range(20)])], 3)
    assert chosen(found) == {"Kiwi/1.jpg", "Kiwi/3.jpg", "Kiwi/19.jpg"}


@given(archives, st.none() | st.integers(1, 10), st.integers())
def test_images_of_some_labels_alone(counts: dict[tuple[str, str], int], limit: int | None, order: int) -> None:
    whole = inventory(paths_of(counts), order)
    wanted = {next(label for _, label in whole.counts)}
    [found] = select([whole], limit, [*wanted])
    of_them = {path for path in chosen(whole) if split_and_label(path)[1] in wanted}
    assert chosen(found) <= of_them
    assert found.images == min(limit or len(of_them), len(of_them))


def test_without_a_wish_all_are_taken_and_a_label_is_in_all_splits_and_sources() -> None:
    one, other = inventory(["Test/Kiwi/1.jpg", "Plum/1.jpg"]), inventory(["Plum/1.jpg"], below="b/")
    assert select([one, other]) == [one, other]
    found = select([one, other], labels=["Kiwi"])
    assert [chosen(part) for part in found] == [{"Test/Kiwi/1.jpg"}, set()]
    assert [part.skipped for part in found] == [1, 1]


def test_an_accent_may_be_composed_or_not() -> None:
    [found] = select([inventory(["P\u00eache/1.jpg", "Pe\u0302che/2.jpg", "Peche/3.jpg"])], labels=["Pe\u0302che"])
    assert chosen(found) == {"P\u00eache/1.jpg", "Pe\u0302che/2.jpg"}


def test_images_in_no_folder_have_the_empty_label() -> None:
    assert chosen(select([inventory(["1.jpg", "Kiwi/1.jpg"])], labels=[""])[0]) == {"1.jpg"}


def test_of_members_with_one_path_the_last_one_stays() -> None:
    [found] = select([inspect(BytesSource(build_zip([Entry("a/1.jpg", b"old"), Entry("a/1.jpg", b"new")])))], 5)
    assert (found.images, found.ignored, found.skipped) == (1, 1, 0)


@pytest.mark.parametrize(
    ("label", "near"),
    [
        ("kiwi", "the nearest: 'Kiwi'"),
        ("Kiwwi", "the nearest: 'Kiwi'"),
        ("braeburn", "the nearest: 'Apple Braeburn', 'Apple Braeburn 1'"),
        ("Xyz", "there are 'Apple Braeburn', 'Apple Braeburn 1', 'Kiwi', 'Lemon', 'Lime' and 2 more"),
        ("", "there are 'Apple Braeburn', 'Apple Braeburn 1', 'Kiwi', 'Lemon', 'Lime' and 2 more"),
    ],
)
def test_a_label_that_is_not_there_is_refused_with_those_that_are_near(label: str, near: str) -> None:
    names = ("Apple Braeburn", "Apple Braeburn 1", "Kiwi", "Lemon", "Lime", "Mango", "Plum")
    found = inventory([f"Test/{name}/1.jpg" for name in names])
    with pytest.raises(OptionsError, match=f"No image has the label '{label}'") as refused:
        select([found], labels=["Kiwi", label], plan="orchard plan fruits.zip")
    assert refused.value.cause == near
    assert refused.value.next_command == "orchard plan fruits.zip"
    with pytest.raises(OptionsError) as refused:
        select([inventory(["1.jpg"])], labels=[label or "Kiwi"])
    assert refused.value.cause == "no image is in a folder, whose name would be its label"
