"""Zips made by the tools that people use, as far as this machine has them."""

import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from orchard.archive.checks import inspect
from orchard.archive.errors import EncryptedArchiveError, MultiDiskArchiveError
from orchard.archive.members import Picture, read_span
from orchard.archive.sources.base import RangedSource
from orchard.archive.sources.open import open_source
from orchard.archive.spans import plan_spans
from tests.support.zips.hostile import BytesSource

CONTENTS = {
    "fruits/Training/Apple Braeburn 1/1.jpg": b"braeburn" * 40,
    "fruits/Training/Pêche plate/2 é.png": os.urandom(3000),
    "fruits/Test/Kiwi/3.JPG": b"",
    "fruits/Test/Kiwi/4.jpeg": b"\0" * 5000,
}

needs_zip = pytest.mark.skipif(shutil.which("zip") is None, reason="Info-ZIP's zip is not on this machine")
needs_jar = pytest.mark.skipif(shutil.which("jar") is None, reason="Java's jar is not on this machine")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with the pictures and with what lies around them."""
    for path, content in {**CONTENTS, "fruits/README": b"read me", "fruits/.DS_Store": b"\0"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
        os.utime(tmp_path / path, (1_600_000_000, 1_600_000_000))
    return tmp_path


def pictures(source: RangedSource) -> dict[str, Picture]:
    inventory = inspect(source)
    assert inventory.is_balanced
    assert inventory.rejected == 0
    items = [item for span in plan_spans(inventory) for item in read_span(source, span)]
    return {item.path: item for item in items if isinstance(item, Picture)}


def contents(found: dict[str, Picture]) -> dict[str, bytes]:
    return {path: picture.content for path, picture in found.items()}


def run(command: Iterable[str], folder: Path, locale: str = "C.UTF-8") -> bytes:
    environment = {**os.environ, "LC_ALL": locale, "TZ": "UTC-2"}
    return subprocess.run([*command], cwd=folder, env=environment, check=True, capture_output=True).stdout


@needs_zip
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
@pytest.mark.parametrize("options", [["-r"], ["-r0"], ["-rX"], ["-rD"], ["-rUN=UTF8"], ["-rfz"]], ids=" ".join)
def test_info_zip(tree: Path, options: list[str], locale: str) -> None:
    run(["zip", "-q", *options, "a.zip", "fruits"], tree, locale)
    found = pictures(open_source(str(tree / "a.zip")))
    assert contents(found) == CONTENTS
    if options != ["-rX"]:  # which leaves the extended timestamps out
        assert {picture.modification_time.timestamp() for picture in found.values()} == {1_600_000_000}


@needs_zip
def test_info_zip_streaming_puts_sizes_after_the_data(tree: Path) -> None:
    archive = run(["sh", "-c", "zip -qr - fruits | cat"], tree)
    assert int.from_bytes(archive[6:8], "little") & 8 or b"PK\x07\x08" in archive
    assert contents(pictures(BytesSource(archive))) == CONTENTS


@needs_zip
def test_info_zip_self_extractor_with_and_without_adjusted_offsets(tree: Path) -> None:
    run(["zip", "-qr", "a.zip", "fruits"], tree)
    joined = tree / "a.exe"
    joined.write_bytes(b"MZ" + b"\x90" * 5000 + (tree / "a.zip").read_bytes())
    assert contents(pictures(open_source(str(joined)))) == CONTENTS
    run(["zip", "-qA", "a.exe"], tree)
    assert contents(pictures(open_source(str(joined)))) == CONTENTS


@needs_zip
def test_info_zip_after_deleting_and_updating_members(tree: Path) -> None:
    run(["zip", "-qr", "a.zip", "fruits"], tree)
    run(["zip", "-qd", "a.zip", "fruits/Test/Kiwi/3.JPG"], tree)
    run(["zip", "-q", "a.zip", "fruits/Test/Kiwi/3.JPG"], tree)
    assert contents(pictures(open_source(str(tree / "a.zip")))) == CONTENTS


@needs_zip
def test_info_zip_with_a_password_is_refused(tree: Path) -> None:
    run(["zip", "-qr", "-P", "secret", "a.zip", "fruits"], tree)
    with pytest.raises(EncryptedArchiveError):
        inspect(open_source(str(tree / "a.zip")))


@needs_zip
def test_both_parts_of_a_split_zip_are_refused(tree: Path) -> None:
    (tree / "fruits/big.jpg").write_bytes(os.urandom(100_000))
    run(["zip", "-qr", "-s", "64k", "a.zip", "fruits"], tree)
    for part in ("a.zip", "a.z01"):
        with pytest.raises(MultiDiskArchiveError):
            inspect(open_source(str(tree / part)))


@needs_zip
def test_links_are_rejected_when_stored_as_links(tree: Path) -> None:
    (tree / "fruits/link.jpg").symlink_to("/etc/passwd")
    run(["zip", "-qry", "a.zip", "fruits"], tree)
    inventory = inspect(open_source(str(tree / "a.zip")))
    assert [(rejection.path, rejection.reason) for rejection in inventory.rejections()] == [
        ("fruits/link.jpg", "it is a symbolic link")
    ]


@needs_jar
@pytest.mark.slow
@pytest.mark.parametrize("options", ["cfM", "cf0M", "cf"])
def test_java(tree: Path, options: str) -> None:
    run(["jar", options, "a.zip", "fruits"], tree)
    assert contents(pictures(open_source(str(tree / "a.zip")))) == CONTENTS


def test_python(tree: Path) -> None:
    shutil.make_archive(str(tree / "a"), "zip", tree, "fruits")
    assert contents(pictures(open_source(str(tree / "a.zip")))) == CONTENTS


def test_windows_explorer_writes_dos_attributes_and_flagged_names(tree: Path) -> None:
    with zipfile.ZipFile(tree / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in CONTENTS.items():
            info = zipfile.ZipInfo(path, (2020, 9, 13, 12, 26, 40))
            info.create_system, info.external_attr = 0, 0x20
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    assert contents(pictures(open_source(str(tree / "a.zip")))) == CONTENTS
