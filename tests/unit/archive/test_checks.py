"""What is refused as a whole, what is rejected one by one, what is ignored; and that the books balance."""

import re
import zlib
from dataclasses import replace

import pytest

from orchard.archive.checks import DEFAULT_LIMITS, Inventory, Limits, inspect
from orchard.archive.errors import (
    ArchiveBombError,
    ArchiveRefusedError,
    LongListError,
    NoImagesError,
    OverlappingMembersError,
)
from orchard.errors import ArchiveError
from tests.support.zips.hostile import BytesSource, Entry, Forgery, build_zip
from tests.support.zips.verdicts import images_of

GOOD = Entry("fruits/Training/Kiwi/good.jpg", b"kiwi")


def inventory(*entries: Entry, limits: Limits = DEFAULT_LIMITS) -> Inventory:
    found = inspect(BytesSource(build_zip(entries)), limits)
    assert found.is_balanced
    return found


def images(found: Inventory) -> list[str]:
    return [member.path for member in images_of(found)]


def reasons(found: Inventory) -> dict[str, str]:
    assert {rejection.stage for rejection in found.rejections()} <= {"unzip"}
    return {rejection.path: rejection.reason for rejection in found.rejections()}


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
    assert (found.entries, found.directories, found.ignored, found.rejected, found.images) == (8, 1, 3, 1, 3)
    assert found.ignored_reasons == {"macOS folder settings": 1, "macOS resource fork": 1, "not an image: .md": 1}
    assert found.counts == {("Test", "Apple Braeburn 1"): 1, ("Training", "Kiwi"): 2}
    assert found.image_bytes == 60


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
    assert (found.directories, found.rejected, found.images) == (1, 0, 1)


def test_what_could_not_be_read_is_replaced_like_anything_else() -> None:
    found = inventory(Entry("same.jpg", b"good"), Entry("same.jpg", b"PPMd", method=98), Entry("same.jpg", b"last"))
    assert [member.crc32 for member in images_of(found)] == [zlib.crc32(b"last")]
    assert reasons(found) == {}
    assert list(found.ignored_entries()) == [("same.jpg", "a later member has the same path")] * 2


def test_what_is_rejected_is_listed_in_the_order_of_the_file_whatever_it_was_rejected_for() -> None:
    found = inventory(
        GOOD, Entry("c/../c.jpg"), Entry("b.jpg", method=98), Entry("../a.jpg"), Entry("d.jpg", method=98)
    )
    assert list(reasons(found)) == ["c/../c.jpg", "b.jpg", "../a.jpg", "d.jpg"]


def test_all_pictures_together_may_come_out_as_much_larger_as_the_ratio_says() -> None:
    entries = [Entry(f"{number}.jpg", b"x", method=0, size=100) for number in range(10)]
    limits = replace(DEFAULT_LIMITS, archive_ratio_from=1_000, ratio=100)
    assert inventory(*entries, limits=limits).images == 10
    with pytest.raises(ArchiveBombError, match="10 bytes would unpack to 1,000"):
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
    assert inventory(Entry("1.jpg", b"\0" * 999_999)).images == 1


def test_what_is_ignored_may_compress_as_it_likes() -> None:
    assert inventory(GOOD, Entry("log.txt", b"\0" * 2_000_000)).images == 1


def test_many_small_members_that_inflate_beyond_reason_are_a_bomb() -> None:
    limits = replace(DEFAULT_LIMITS, archive_ratio_from=1_000_000)
    with pytest.raises(ArchiveBombError, match="would unpack to"):
        inventory(*(Entry(f"{number}.jpg", b"\0" * 100_000) for number in range(10)), limits=limits)


def test_more_than_the_total_is_a_bomb() -> None:
    entries = [Entry(f"{number}.jpg", b"x" * 10, method=0) for number in range(3)]
    with pytest.raises(ArchiveBombError, match="at most 29 are allowed"):
        inventory(*entries, limits=replace(DEFAULT_LIMITS, total_bytes=29))
    assert inventory(*entries, limits=replace(DEFAULT_LIMITS, total_bytes=30)).images == 3


MEMORY = DEFAULT_LIMITS.needed_bytes(0, 0)


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        pytest.param(MEMORY + 50, r"the list of its members has 75 bytes", id="a list that is not even read"),
        pytest.param(
            MEMORY + 100, r"the list of its 1 members has 75 bytes: .* 209,715,3\d\d are available", id="members"
        ),
    ],
)
def test_what_memory_does_not_take_is_refused_in_its_own_words_with_the_way_out(memory: int, words: str) -> None:
    with pytest.raises(LongListError) as caught:
        inventory(GOOD, limits=replace(DEFAULT_LIMITS, memory_bytes=memory))
    assert re.search(words, caught.value.cause)
    assert caught.value.headline == "fruits.zip has more members than one run can take"
    assert caught.value.next_command.startswith(
        "unzip -q /tmp/fruits.zip -d fruits && (cd fruits && for one in */; do zip"
    )


def test_very_many_folders_take_memory_too() -> None:
    entries = [Entry(f"{number}/1.jpg") for number in range(5000)]
    found = inventory(*entries)
    needed = DEFAULT_LIMITS.needed_bytes(len(found.directory.raw), 5000)
    with pytest.raises(LongListError, match=r"the list of its 5,000 members in [34],\d\d\d folders"):
        inventory(*entries, limits=replace(DEFAULT_LIMITS, memory_bytes=needed + 2_000_000))


def test_ten_million_members_of_the_usual_length_fit() -> None:
    assert DEFAULT_LIMITS.needed_bytes(10_000_000 * 160, 10_000_000, folders=50_000) < DEFAULT_LIMITS.memory_bytes


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], ["empty"]),
        ([Entry("a/"), Entry("b/")], ["2 entries", "2 folders"]),
        (
            [Entry("labels.csv"), Entry("1.heic"), Entry("2.HEIC")],
            ["none of its 3 entries is a usable image: 2 .heic, 1 .csv"],
        ),
        ([Entry("a/b\\1.jpg")], ["its only entry is no usable image: 1 rejected", "backslash"]),
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
