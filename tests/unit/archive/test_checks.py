"""What is refused as a whole, what is rejected one by one, what is ignored; and that the books balance."""

import zlib
from dataclasses import replace

import pytest

from orchard.archive.checks import DEFAULT_LIMITS, Inventory, Limits, inspect
from orchard.archive.errors import (
    ArchiveBombError,
    ArchiveRefusedError,
    NoImagesError,
    OverlappingMembersError,
)
from orchard.errors import ArchiveError
from tests.support.zips.hostile import (
    BytesSource,
    Entry,
    Forgery,
    build_zip,
)

GOOD = Entry("fruits/Training/Kiwi/good.jpg", b"kiwi")


def inventory(*entries: Entry, limits: Limits = DEFAULT_LIMITS) -> Inventory:
    found = inspect(BytesSource(build_zip(entries)), limits)
    assert found.is_balanced
    return found


def images(found: Inventory) -> list[str]:
    return [member.path for member in found.images]


def reasons(found: Inventory) -> dict[str, str]:
    assert {rejection.stage for rejection in found.rejected} <= {"unzip"}
    return {rejection.path: rejection.reason for rejection in found.rejected}


def test_an_inventory_counts_every_entry_once() -> None:
    found = inventory(
        Entry("fruits/", mode=0o40755),
        Entry("fruits/Training/Kiwi/1.jpg", b"a" * 10, method=0),
        Entry("fruits/Training/Kiwi/2.png", b"b" * 20, method=0),
        Entry("fruits/test/Apple Braeburn 1/1.JPG", b"c" * 30, method=0),
        Entry("fruits/README.md", b"read me"),
        Entry("fruits/.DS_Store"),
        Entry("__MACOSX/fruits/._1.jpg"),
        Entry("../evil.jpg"),
    )
    assert (found.entries, found.directories, found.ignored, len(found.rejected), len(found.images)) == (8, 1, 3, 1, 3)
    assert found.ignored_reasons == {"macOS folder settings": 1, "macOS resource fork": 1, "not a JPEG or PNG": 1}
    assert found.counts == {("Test", "Apple Braeburn 1"): 1, ("Training", "Kiwi"): 2}
    assert found.uncompressed_bytes == 60


def test_images_come_in_the_order_of_the_file() -> None:
    entries = [Entry(f"{name}.jpg") for name in "bca"]
    found = inspect(BytesSource(build_zip(entries, Forgery(shuffled=[2, 1, 0]))))
    assert images(found) == ["b.jpg", "c.jpg", "a.jpg"]


def test_an_inventory_that_lost_an_entry_does_not_balance() -> None:
    assert not replace(inventory(GOOD), ignored=1).is_balanced


@pytest.mark.parametrize(
    "entry",
    [
        Entry("plain.jpg", mode=0o100644),
        Entry("dos.jpg", system=0, attributes=0x20),
        Entry("no type.jpg", mode=0o644),
        Entry("Pêche.jpg"),
    ],
)
def test_plain_files_of_any_system_are_images(entry: Entry) -> None:
    assert images(inventory(entry)) == [entry.name]


@pytest.mark.parametrize("entry", [Entry("a/", mode=0), Entry("a.jpg", mode=0o40755), Entry("../a/")])
def test_folders_are_counted_and_nothing_else(entry: Entry) -> None:
    found = inventory(entry, GOOD)
    assert (found.directories, len(found.rejected), len(found.images)) == (1, 0, 1)


def test_a_member_rejected_for_another_reason_does_not_shadow_its_twin() -> None:
    found = inventory(Entry("same.jpg", b"PPMd", method=98), Entry("same.jpg", b"good"))
    assert [member.crc32 for member in found.images] == [zlib.crc32(b"good")]


def test_a_member_keeps_its_own_reason_beside_its_twin() -> None:
    found = inventory(Entry("same.jpg", b"good"), Entry("same.jpg", b"PPMd", method=98), Entry("same.jpg", b"good"))
    assert [rejection.reason for rejection in found.rejected] == [
        "compressed by PPMd, method 98",
        "another member has the same path",
    ]


def test_what_is_rejected_is_listed_by_path_whatever_it_was_rejected_for() -> None:
    found = inventory(
        GOOD, Entry("c/../c.jpg"), Entry("b.jpg", method=98), Entry("../a.jpg"), Entry("d.jpg", method=98)
    )
    assert [rejection.path for rejection in found.rejected] == ["../a.jpg", "b.jpg", "c/../c.jpg", "d.jpg"]


def test_all_pictures_together_may_come_out_as_much_larger_as_the_ratio_says() -> None:
    entries = [Entry(f"{number}.jpg", b"x", method=0, size=100) for number in range(10)]
    limits = replace(DEFAULT_LIMITS, archive_ratio_from=1_000, ratio=100)
    assert len(inventory(*entries, limits=limits).images) == 10
    with pytest.raises(ArchiveBombError, match="1,000 bytes would come out of 10"):
        inventory(*entries, limits=replace(limits, ratio=99.9))


def test_a_last_member_that_runs_into_the_directory_is_refused() -> None:
    with pytest.raises(OverlappingMembersError):
        inventory(Entry("a.jpg", b"x", method=0, compressed_size=2))


def test_a_compressed_size_that_just_fits_is_accepted() -> None:
    assert images(inventory(Entry("a.jpg", b"x", method=0))) == ["a.jpg"]


def test_a_member_that_inflates_beyond_reason_is_a_bomb() -> None:
    with pytest.raises(ArchiveBombError, match="fruits/1"):
        inventory(GOOD, Entry("fruits/1.jpg", b"\0" * 1_000_000))


def test_a_declared_size_that_nothing_backs_is_a_bomb() -> None:
    with pytest.raises(ArchiveBombError):
        inventory(Entry("1.jpg", b"tiny", size=0xFFFFFFFE))


def test_small_members_may_compress_as_they_like() -> None:
    assert len(inventory(Entry("1.jpg", b"\0" * 999_999)).images) == 1


def test_what_is_ignored_may_compress_as_it_likes() -> None:
    assert len(inventory(GOOD, Entry("log.txt", b"\0" * 2_000_000)).images) == 1


def test_many_small_members_that_inflate_beyond_reason_are_a_bomb() -> None:
    limits = replace(DEFAULT_LIMITS, archive_ratio_from=1_000_000)
    with pytest.raises(ArchiveBombError, match="would come out of"):
        inventory(*(Entry(f"{number}.jpg", b"\0" * 100_000) for number in range(10)), limits=limits)


def test_more_than_the_total_is_a_bomb() -> None:
    entries = [Entry(f"{number}.jpg", b"x" * 10, method=0) for number in range(3)]
    with pytest.raises(ArchiveBombError, match="at most 29 may"):
        inventory(*entries, limits=replace(DEFAULT_LIMITS, total_bytes=29))
    assert len(inventory(*entries, limits=replace(DEFAULT_LIMITS, total_bytes=30)).images) == 3


def test_more_entries_than_the_limit_are_a_bomb() -> None:
    with pytest.raises(ArchiveBombError, match="more than 1 members"):
        inventory(GOOD, Entry("2.jpg"), limits=replace(DEFAULT_LIMITS, entries=1))


def test_a_long_directory_is_a_bomb() -> None:
    with pytest.raises(ArchiveBombError, match="list of its members"):
        inventory(GOOD, limits=replace(DEFAULT_LIMITS, directory_bytes=50))


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], ["empty"]),
        ([Entry("a/"), Entry("b/")], ["2 entries", "2 folders"]),
        ([Entry("labels.csv"), Entry("1.webp")], ["2 not a JPEG or PNG"]),
        ([Entry("..\\1.jpg")], ["1 rejected", "backslash"]),
    ],
)
def test_an_archive_without_images_is_refused_and_says_what_it_has(entries: list[Entry], words: list[str]) -> None:
    with pytest.raises(NoImagesError) as caught:
        inventory(*entries)
    assert all(word in caught.value.cause for word in words)


def test_a_refusal_tells_headline_cause_and_next_command() -> None:
    with pytest.raises(ArchiveRefusedError) as caught:
        inspect(BytesSource(build_zip([]), uri="s3://bucket/my fruits.zip"))
    assert caught.value.headline == "my fruits.zip has no images"
    assert caught.value.next_command == "unzip -l 'my fruits.zip'"
    assert isinstance(caught.value, ArchiveError)
    assert caught.value.exit_code == 2
