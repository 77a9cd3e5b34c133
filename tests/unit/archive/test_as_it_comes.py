"""Zips as people's tools make them: what is read of them, under which labels, and what is left out for which reason."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.archive.checks import DEFAULT_LIMITS, inspect
from orchard.archive.collection import collect, find_source
from orchard.archive.encoding import Naming
from orchard.archive.errors import NestedZipError, NoImagesError
from orchard.archive.judging import IMAGE, REJECTED, REPLACED, UNUSABLE, judge
from orchard.archive.labels import split_and_label
from orchard.archive.nested import nested_zips
from tests.support.zips.hostile import BytesSource, Entry, build_zip
from tests.support.zips.verdicts import GOOD
from tests.support.zips.verdicts import judge as read

TREE = [f"fruits/Training/{fruit}/{number}_100.jpg" for fruit in ("Apple", "Kiwi", "Pear") for number in range(8)]
LABELS = {("Training", "Apple"): 8, ("Training", "Kiwi"): 8, ("Training", "Pear"): 8}


def entries(names: list[str], **given: object) -> list[Entry]:
    return [Entry(name.encode(), name.encode(), **given) for name in names]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "members",
    [
        pytest.param(entries([name.replace("/", "\\") for name in TREE], system=0), id="PowerShell"),
        pytest.param(entries([name.replace("/", "\\") for name in TREE], system=3), id="no name has a slash"),
        pytest.param(entries([f"/{name}" for name in TREE]), id="a leading slash"),
        pytest.param([*entries(TREE[:1]), *entries([f"/{name}" for name in TREE[1:]])], id="some have one"),
        pytest.param(entries([f"./{name.replace('/Training/', '/.//Training//')}" for name in TREE]), id="dots"),
        pytest.param([Entry(TREE[0]), *entries(TREE)], id="an update appended"),
        pytest.param([Entry(f".//{TREE[0]}"), *entries(TREE)], id="an update under another spelling"),
        pytest.param([Entry(TREE[0], method=98), *entries(TREE)], id="an update of what could not be read"),
    ],
)
def test_the_tree_is_read_as_it_was_meant(members: list[Entry]) -> None:
    verdict = read(build_zip(members))
    assert verdict.inventory.counts == LABELS
    assert set(verdict.pictures) == set(TREE)
    assert all(verdict.pictures.values()), "of two members with one path the last one counts"
    assert verdict.rejected == []


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(Entry(TREE[0], b"x", crc=1), id="wrong checksum"),
        pytest.param(Entry(TREE[0], b"x", method=98), id="not unpacked"),
        pytest.param(Entry(f"/{TREE[0]}", b"x", mode=0o120777), id="a link"),
        pytest.param(Entry(TREE[0].replace("/", "\\"), b"x", method=98, system=0), id="in another spelling"),
    ],
)
def test_of_two_members_with_one_path_the_last_counts_also_where_it_cannot_be_read(later: Entry) -> None:
    verdict = read(build_zip([*entries(TREE), Entry(TREE[0], method=97), later]))
    assert set(verdict.pictures) == set(TREE[1:])
    assert [path for path, _ in verdict.rejected] == [TREE[0]]
    assert dict(verdict.inventory.ignored_reasons) == {"a later member has the same path": 2}


def test_a_backslash_of_unix_is_part_of_a_name_where_others_have_slashes() -> None:
    verdict = read(build_zip([*entries(TREE), Entry("fruits\\odd.jpg")]))
    assert verdict.rejected == [("fruits\\odd.jpg", "its name holds a backslash")]


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (["data/train/cat/0.jpg", "data/val/dog/0.jpg"], {("Training", "cat"): 1, ("Validation", "dog"): 1}),
        (["f/f/Test/Cherry/Cherry 1/r_0_100.jpg"], {("Test", "Cherry 1"): 1}),
    ],
    ids=["train and val", "3-body"],
)
def test_splits_have_many_names(names: list[str], counts: dict[tuple[str, str], int]) -> None:
    assert read(build_zip(entries(names))).inventory.counts == counts


DROPPINGS = {
    "fruits/Training/Apple/Icon\r": "macOS folder icon",
    "__MACOSX/fruits/Training/Apple/._Icon\r": "macOS resource fork",
    "fruits/Training/.ipynb_checkpoints/0-checkpoint.jpg": "Jupyter checkpoint",
    "fruits/Training/Apple/@eaDir/0_100.jpg/SYNOPHOTO_THUMB_M.jpg": "NAS thumbnail",
    "fruits/.Trash-1000/files/old.jpg": "in a waste bin",
    "$RECYCLE.BIN/$R1A2B3C.jpg": "in a waste bin",
    "fruits/Training/Kiwi/.trashed-1700000000-IMG_1.jpg": "in a waste bin",
    "fruits/.git/../x.jpg": "Git's own file",
    "fruits/notes.TXT": "not an image: .txt",
    "fruits/photo": "not an image: no usual suffix",
    "fruits/photo.jpg?w=300": "not an image: no usual suffix",
}


def test_what_is_nobodys_picture_is_ignored_for_a_reason_before_anything_else_is_judged() -> None:
    found = inspect(BytesSource(build_zip([*entries(TREE), *(Entry(name, mode=0o120777) for name in DROPPINGS)])))
    assert found.counts == LABELS
    assert dict(found.ignored_entries()) == DROPPINGS
    assert found.ignored_reasons == dict(sorted(Counter(DROPPINGS.values()).items()))
    assert found.rejected == 0


def test_a_usual_suffix_makes_an_image_whatever_the_file_holds() -> None:
    suffixes = ("webp", "bmp", "gif", "tif", "TIFF", "avif", "jp2")
    names = [f"a/{number}.{suffix}" for number, suffix in enumerate(suffixes)]
    assert set(read(build_zip(entries(names))).pictures) == set(names)


JAPANESE = ("りんご", "表", "ソース")
IN_SHIFT_JIS = [Entry(f"fruits/{folder}/0.jpg".encode("shift_jis"), folder.encode(), system=0) for folder in JAPANESE]


class TestEncodings:
    def test_names_are_read_as_they_are_said_to_be(self) -> None:
        found = inspect(BytesSource(build_zip(IN_SHIFT_JIS)), encoding="shift_jis")
        assert {label for _, label in found.counts} == set(JAPANESE)
        assert (found.rejected, found.guessed) == (0, 0)

    def test_without_a_word_they_are_a_guess_that_is_told(self) -> None:
        found = inspect(BytesSource(build_zip([*IN_SHIFT_JIS, Entry("fruits/pêche/0.jpg")])))
        assert (found.images, found.rejected, found.guessed) == (4, 0, 3)
        assert found.guessed_example.startswith("fruits/")

    def test_what_is_utf8_is_utf8_whatever_is_said_and_with_or_without_its_flag(self) -> None:
        members = [Entry("pêche/0.jpg"), Entry("poire é/0.jpg".encode(), system=0)]
        found = inspect(BytesSource(build_zip(members)), encoding="shift_jis")
        assert {label for _, label in found.counts} == {"pêche", "poire é"}

    def test_what_the_encoding_does_not_have_is_rejected(self) -> None:
        found = inspect(BytesSource(build_zip([GOOD, Entry(b"a/\x81\xff.jpg", system=0)])), encoding="shift_jis")
        assert [one.reason for one in found.rejections()] == ["its name is not shift_jis text"]

    def test_a_flag_that_lies_may_be_overruled(self) -> None:
        member = Entry("表/0.jpg".encode("shift_jis"), flags=0x0800)
        found = inspect(BytesSource(build_zip([member])), encoding="shift_jis")
        assert set(found.counts) == {("", "表")}

    @pytest.mark.parametrize("encoding", ["utf-7", "unicode_escape"])
    def test_a_name_that_climbs_out_in_one_encoding_only_is_looked_through_in_that(self, encoding: str) -> None:
        name = {"utf-7": b"+AC4ALg-/1\xff.jpg", "unicode_escape": b"\\x2e\\x2e/1\xff.jpg"}[encoding]
        found = inspect(BytesSource(build_zip([GOOD, Entry(name, system=0)])), encoding=encoding)
        assert found.rejected == 1


def test_zips_in_a_folder_or_under_a_prefix_are_sources(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.zip").write_bytes(build_zip(entries(TREE)))
        with pytest.raises(NestedZipError, match="name them as the sources of one run") as caught:
            collect([str(folder)], find_source)
        zips = " ".join(f"'{folder}/{one}.zip'" for one in range(number + 1)) if number < 5 else f"'{folder}/'*.zip"
        assert caught.value.next_command == f"orchard run --local {zips}"
    error = nested_zips("s3://in/p/", ["x/a.zip"])
    assert (error.headline, error.next_command) == (
        "s3://in/p/ holds zips, and no images",
        "orchard run s3://in/p/x/a.zip",
    )
    assert nested_zips("s3://in/p/", ["a.zip"] * 6).next_command == "aws s3 ls s3://in/p/"
    (tmp_path / "none").mkdir()
    with pytest.raises(NoImagesError, match="it is empty") as empty:
        collect([str(tmp_path / "none")], find_source)
    assert (empty.value.headline, empty.value.next_command) == (
        f"{tmp_path}/none/ has no images", f"ls -l {tmp_path}/none/",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("uri", "zips", "command"),
    [
        ("file:///tmp/a b.zip", ["x/in.zip"], "unzip '/tmp/a b.zip' x/in.zip && orchard run --local x/in.zip"),
        (
            "s3://in/b/a.zip",
            ["[1]?.zip"],
            r"aws s3 cp s3://in/b/a.zip . && unzip a.zip '\[1]\?.zip' && orchard run '[1]?.zip'",
        ),
        ("s3://in/a.zip", ["in.ZIP"], "aws s3 cp s3://in/a.zip . && unzip a.zip in.ZIP && orchard run in.ZIP"),
        (
            "file:///tmp/a.zip",
            ["train.zip", "test.zip"],
            (
                r"""unzip -q /tmp/a.zip -d a && (cd a && find . -iname '*.zip' """
                r"""-execdir sh -c 'unzip -q "$1" -d "${1%.*}"' - {} \; """
                r"""&& zip -qr0 ../a-plain.zip . -x '*.zip') && orchard run --local a-plain.zip"""
            ),
        ),
    ],
)
def test_a_zip_of_zips_is_refused_with_the_command_that_unpacks_it(uri: str, zips: list[str], command: str) -> None:
    archive = build_zip([*(Entry(name, b"PK") for name in zips), Entry("readme.txt")])
    with pytest.raises(NestedZipError) as caught:
        inspect(BytesSource(archive, uri))
    assert caught.value.headline.endswith("holds zips, and no images")
    assert re.search(r"it holds (a zip|2 zips), .*: unpack", caught.value.cause)
    assert caught.value.next_command == command


PARTS = st.sampled_from(
    ["a", "", ".", "..", "Test", "__MACOSX", "@eaDir", "é", "\x85", "C:", "x" * 256, "\udcff", "\udc95\\"]
).map(lambda part: part.encode(errors="surrogateescape"))
BASES = st.sampled_from(
    [
        *("1.jpg", "1.JPEG", ".jpg", "._1.jpg", ".trashed-1.jpg", "é.png", "\udcff.png", "a\\1.jpg", "\x85.jpg"),
        *("\n.jpg", "1.txt", "", "Icon\r", "d:1.jpg", *("x" * length + ".jpg" for length in (250, 251, 252))),
    ]
).map(lambda base: base.encode(errors="surrogateescape"))
NAMES = st.builds(lambda folders, base: b"/".join([*folders, base]), st.lists(PARTS, max_size=3), BASES)
MEMBERS = st.builds(
    Entry,
    NAMES,
    st.just(b"x"),
    method=st.sampled_from([0, 8, 12]),
    flags=st.sampled_from([0, 0x0800]),
    system=st.sampled_from([0, 3]),
    mode=st.sampled_from([0, 0o100644, 0o101644, 0o040755, 0o120777, 0o104755]),
    extra=st.sampled_from([b"", b"\x75\x70\x03\x00\x01up"]),
)


@given(st.lists(MEMBERS, max_size=8), st.sampled_from([None, "shift_jis"]))
def test_what_is_judged_by_the_dozen_is_judged_as_each_alone(members: list[Entry], encoding: str | None) -> None:
    """Plain names take a short way through the rules; it must lead where the long one does."""
    found = inspect(BytesSource(build_zip([GOOD, *members])), encoding=encoding)
    assert found.is_balanced
    naming = Naming(encoding, backslash_parts=False)
    assert found.naming == naming
    alone = [found.directory.member(number, naming) for number in range(found.entries)]
    expected = [judge(member, DEFAULT_LIMITS.member_bytes)[0] for member in alone]
    named = {IMAGE, UNUSABLE, REJECTED}
    last = {member.path: number for number, member in enumerate(alone) if expected[number] in named}
    expected = [
        REPLACED if verdict in named and last[member.path] != number else verdict
        for number, (member, verdict) in enumerate(zip(alone, expected, strict=True))
    ]
    assert found.verdicts.tolist() == expected
    images = [alone[number].path for number in np.flatnonzero(found.verdicts == IMAGE).tolist()]
    assert found.counts == Counter(map(split_and_label, images))
