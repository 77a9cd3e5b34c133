"""The matrix of hostile zips: names, clashes, noise, kinds of file. docs/hostile-input.md has it as a table."""

import pytest

from orchard.archive.errors import ArchiveBombError, EncryptedArchiveError, NoImagesError, OverlappingMembersError
from orchard.errors import ArchiveError
from tests.support.zips.hostile import Entry, Forgery, build_zip
from tests.support.zips.verdicts import GOOD, check_refused, judge, only_reason

UNSAFE_NAMES = {
    "../foo/bar": "climbs out",
    "foo/../bar": "climbs out",
    "foo/../../bar": "climbs out",
    "foo/bar/..": "climbs out",
    "./../foo/bar": "climbs out",
    "../../foo../../ba..r": "climbs out",
    "/../foo/bar": "climbs out",
    "foo/..\\bar": "backslash",
    "..\\foo\\bar": "backslash",
    "C:\\foo": "backslash",
    "\\\\srv\\share\\x": "backslash",
    "C:foo/bar": "drive",
    "foo\0.jpg": "NUL",
    "": "no name",
    f"fruits/{'é' * 128}/1.jpg": "longer than 255 bytes",
    "fruits/1\n2.jpg": "control character",
    "fruits/\x1b[2J.jpg": "control character",
    "fruits/\x85.jpg": "control character",
}


@pytest.mark.parametrize("name", UNSAFE_NAMES, ids=lambda name: f"zip-slip: {name[:24]!r}")
def test_an_unsafe_name_costs_its_member_only(name: str) -> None:
    assert UNSAFE_NAMES[name] in only_reason(Entry(name, b"x"))


@pytest.mark.parametrize("system", [0, 11])
@pytest.mark.parametrize("name", ["..\\foo\\1.jpg", "foo\\..\\..\\1.jpg", "foo/..\\1.jpg"])
def test_zip_slip_by_the_separators_of_windows(name: str, system: int) -> None:
    assert "climbs out" in only_reason(Entry(name, b"x", system=system))


@pytest.mark.parametrize("name", ["../bar/", "/bar/", "/"], ids=lambda name: f"zip-slip: {name}")
def test_a_folder_of_an_unsafe_name_is_a_folder_like_any_other(name: str) -> None:
    assert judge(build_zip([Entry(name), GOOD])).inventory.directories == 1


LONG = "a/" * 32_000 + "1.jpg"


@pytest.mark.parametrize(
    ("entry", "error", "words"),
    [
        pytest.param(Entry(LONG, b"\0" * 2_000_000), ArchiveBombError, "would become", id="bomb"),
        pytest.param(Entry(LONG, flags=1), EncryptedArchiveError, "password", id="encrypted"),
        pytest.param(Entry(LONG, compressed_size=999), OverlappingMembersError, "runs into", id="overlap"),
        pytest.param(Entry("\x01" + LONG), NoImagesError, "control character", id="no images"),
    ],
)
def test_a_name_of_64_kilobytes_does_not_fill_the_refusal(entry: Entry, error: type[ArchiveError], words: str) -> None:
    check_refused(build_zip([entry]), error, words)


TWINS = {
    "two cases": ["Kiwi/1.jpg", "kiwi/1.jpg", "Kiwi/1.JPG"],
    "NFC and NFD": ["Pêche/1.jpg", "Pe\u0302che/1.jpg"],
    "one file name in two classes": ["Kiwi/1.jpg", "Plum/1.jpg"],
}


@pytest.mark.parametrize("names", TWINS.values(), ids=[f"clash: {name}" for name in TWINS])
def test_names_that_only_a_file_system_would_confuse_are_all_read(names: list[str]) -> None:
    entries = [Entry(name, name.encode()) for name in names]
    assert judge(build_zip(entries)).pictures == {name: name.encode() for name in names}


@pytest.mark.parametrize("listed", [[0, 1, 2], [2, 1, 0]], ids=["clash: duplicates", "clash: duplicates, backwards"])
def test_the_last_in_the_file_of_members_of_one_name_is_read(listed: list[int]) -> None:
    entries = [Entry("1.jpg", content) for content in (b"first", b"second", b"third")]
    verdict = judge(build_zip(entries, Forgery(shuffled=listed)))
    assert verdict.pictures == {"1.jpg": b"third"}
    assert verdict.inventory.ignored_reasons == {"a later member has the same path": 2}


@pytest.mark.parametrize("order", [1, -1], ids=["clash: cp437, then UTF-8", "clash: UTF-8, then cp437"])
def test_names_that_are_one_only_when_decoded_clash_too(order: int) -> None:
    entries = [Entry("é.jpg".encode("cp437"), b"same", system=0), Entry("é.jpg", b"same")]
    verdict = judge(build_zip(entries[::order]))
    assert verdict.pictures == {"é.jpg": b"same"}
    assert verdict.inventory.ignored == 1


@pytest.mark.parametrize("order", [1, -1], ids=["clash: x, then x/", "clash: x/, then x"])
def test_a_file_and_a_folder_of_one_name_are_both_counted(order: int) -> None:
    verdict = judge(build_zip([Entry("x.jpg", b"x"), Entry("x.jpg/")][::order]))
    assert verdict.pictures == {"x.jpg": b"x"}
    assert verdict.inventory.directories == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("__MACOSX/fruits/._r.jpg", "macOS resource fork"),
        ("__MACOSX/r.jpg", "macOS resource fork"),
        ("fruits/.DS_Store", "macOS folder settings"),
        ("fruits/Thumbs.db", "Windows thumbnails"),
        ("fruits/desktop.ini", "Windows folder settings"),
        ("README", "not an image: no usual suffix"),
        ("labels.csv", "not an image: .csv"),
    ],
    ids=lambda value: f"noise: {value}",
)
def test_noise_is_ignored_and_counted(name: str, reason: str) -> None:
    verdict = judge(build_zip([Entry(name, b"noise"), GOOD]))
    assert verdict.inventory.ignored_reasons == {reason: 1}
    assert (set(verdict.pictures), verdict.rejected) == ({GOOD.name}, [])


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(Entry("fruits/", mode=0o40755), id="noise: folder"),
        pytest.param(Entry("fruits/", system=0, attributes=0x10), id="noise: folder of Windows"),
        pytest.param(Entry("fruits/", data=b"\x03\0", method=8), id="noise: folder of Java, deflated"),
    ],
)
def test_folders_are_counted(entry: Entry) -> None:
    assert judge(build_zip([entry, GOOD])).inventory.directories == 1


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        pytest.param(0o120777, "symbolic link", id="type: symlink"),
        pytest.param(0o020666, "device", id="type: character device"),
        pytest.param(0o060666, "device", id="type: block device"),
        pytest.param(0o010666, "pipe", id="type: pipe"),
        pytest.param(0o140666, "socket", id="type: socket"),
        pytest.param(0o104755, "set-uid", id="type: set-uid"),
        pytest.param(0o102755, "set-gid", id="type: set-gid"),
        pytest.param(0o040755, "marked as a folder, but has 11 bytes", id="type: folder with a content"),
    ],
)
def test_what_is_no_plain_file_is_rejected(mode: int, words: str) -> None:
    assert words in only_reason(Entry("fruits/1.jpg", b"/etc/passwd", mode=mode))


def test_a_picture_whose_name_was_made_a_folders_is_not_lost() -> None:
    """type: folder with a content, by its name"""
    assert "marked as a folder" in only_reason(Entry("fruits/1.jpg/", b"a picture"))
