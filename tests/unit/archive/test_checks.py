"""What is refused as a whole, what is rejected one by one, what is ignored; and that the books balance."""

import zlib
from dataclasses import replace

import pytest

from orchard.archive.checks import DEFAULT_LIMITS, Inventory, Limits, inspect
from orchard.archive.directory import LOCAL_HEADER
from orchard.archive.errors import (
    ArchiveBombError,
    ArchiveRefusedError,
    EncryptedArchiveError,
    NoImagesError,
    OverlappingMembersError,
)
from orchard.errors import ArchiveError
from tests.hostile_zips import (
    BytesSource,
    Entry,
    Forgery,
    build_zip,
    full_overlap_bomb,
    quoted_overlap_bomb,
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
    assert (found.compressed_bytes, found.uncompressed_bytes) == (60, 60)


def test_images_come_in_the_order_of_the_file() -> None:
    entries = [Entry(f"{name}.jpg") for name in "bca"]
    found = inspect(BytesSource(build_zip(entries, Forgery(shuffled=[2, 1, 0]))))
    assert images(found) == ["b.jpg", "c.jpg", "a.jpg"]


def test_an_inventory_that_lost_an_entry_does_not_balance() -> None:
    assert not replace(inventory(GOOD), ignored=1).is_balanced


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Entry("../evil.jpg"), "climbs"),
        (Entry("../evil"), "climbs"),
        (Entry("/etc/evil.jpg"), "absolute"),
        (Entry("a\\..\\evil.jpg"), "backslash"),
        (Entry("C:evil.jpg"), "drive"),
        (Entry(b"evil.jpg\0.txt"), "NUL"),
        (Entry(b""), "no name"),
        (Entry(b"\xff.jpg", flags=0x0800), "UTF-8"),
        (Entry("__MACOSX/../../evil.jpg"), "climbs"),
        (Entry("link.jpg", b"/etc/passwd", mode=0o120777), "symbolic link"),
        (Entry("link.jpg", b"/etc/passwd", mode=0o120777, system=0), "symbolic link"),
        (Entry("null.jpg", mode=0o020666), "device"),
        (Entry("pipe.jpg", mode=0o010666), "pipe"),
        (Entry("socket.jpg", mode=0o140666), "socket"),
        (Entry("setuid.jpg", mode=0o104755), "set-uid"),
        (Entry("setgid.jpg", mode=0o102755), "set-gid"),
        (Entry("a.jpg", method=9), "unsupported method 9 (deflate64)"),
        (Entry("a.jpg", method=12), "unsupported method 12 (bzip2)"),
        (Entry("a.jpg", method=14), "unsupported method 14 (LZMA)"),
        (Entry("a.jpg", method=93), "unsupported method 93 (Zstandard)"),
        (Entry("a.jpg", method=77), "unsupported method 77 (unknown)"),
    ],
)
def test_one_bad_member_is_rejected_and_the_others_go_on(entry: Entry, words: str) -> None:
    found = inventory(entry, GOOD)
    assert images(found) == [GOOD.name]
    assert [words in reason for reason in reasons(found).values()] == [True]


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


def test_the_first_of_two_members_with_one_path_is_kept() -> None:
    first, second = Entry("same.jpg", b"first"), Entry("same.jpg", b"second")
    found = inspect(BytesSource(build_zip([first, second], Forgery(shuffled=[1, 0]))))
    assert [member.crc32 for member in found.images] == [zlib.crc32(b"first")]
    assert reasons(found) == {"same.jpg": "another member has the same path"}


def test_a_member_rejected_for_another_reason_does_not_shadow_its_twin() -> None:
    found = inventory(Entry("same.jpg", b"bzip2", method=12), Entry("same.jpg", b"good"))
    assert [member.crc32 for member in found.images] == [zlib.crc32(b"good")]


def test_paths_that_only_a_file_system_would_confuse_all_stay() -> None:
    twins = ["a/1.jpg", "A/1.jpg", "b/1.jpg", "é.jpg", "e\u0301.jpg"]
    assert images(inventory(*(Entry(path) for path in twins))) == twins


@pytest.mark.parametrize("flags", [0x0001, 0x0041, 0x2041])
@pytest.mark.parametrize("name", ["secret.jpg", "README"])
def test_one_encrypted_member_refuses_the_archive(name: str, flags: int) -> None:
    with pytest.raises(EncryptedArchiveError, match=name):
        inventory(GOOD, Entry(name, b"secret", flags=flags))


def test_members_at_one_offset_are_refused() -> None:
    with pytest.raises(OverlappingMembersError):
        inspect(BytesSource(full_overlap_bomb(2, b"x")))


def test_a_full_overlap_bomb_is_refused() -> None:
    with pytest.raises(OverlappingMembersError):
        inspect(BytesSource(full_overlap_bomb(250, b"\0" * 100_000)))


def test_a_quoted_overlap_bomb_is_refused() -> None:
    bomb = quoted_overlap_bomb(20, b"\0" * 100_000)
    # It is a real one: its first member unpacks to all the others' headers and the kernel.
    inflater = zlib.decompressobj(-15)
    first = inflater.decompress(bomb[LOCAL_HEADER.size + len("0000.jpg") :])
    assert inflater.eof
    assert zlib.crc32(first) == LOCAL_HEADER.unpack_from(bomb)[6]
    with pytest.raises(OverlappingMembersError):
        inspect(BytesSource(bomb))


@pytest.mark.parametrize("hidden", ["README", "__MACOSX/._1.jpg", "folder/"])
def test_overlap_is_refused_whatever_the_member_is(hidden: str) -> None:
    with pytest.raises(OverlappingMembersError):
        inventory(Entry(hidden, b"x" * 10, method=0, compressed_size=1000), GOOD)


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


def test_one_large_image_is_rejected_alone() -> None:
    found = inventory(GOOD, Entry("large.jpg", b"x" * 11, method=0), limits=replace(DEFAULT_LIMITS, member_bytes=10))
    assert images(found) == [GOOD.name]
    assert "at most 10 are read" in reasons(found)["large.jpg"]


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
