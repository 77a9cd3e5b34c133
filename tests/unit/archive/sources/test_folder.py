"""A folder is counted like a zip, and becomes one that holds its images and says of all else that it was there."""

import os
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from orchard.archive.checks import inspect
from orchard.archive.collection import collect, find_source
from orchard.archive.errors import NoImagesError, SourceDeniedError
from orchard.archive.members import Picture, read_span
from orchard.archive.sources.folder import files_in, pack_folder, packed_bytes
from orchard.archive.sources.open import open_source
from orchard.archive.spans import plan_spans


class Pipe(BytesIO):
    """Written once, and not sought in."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise OSError

    def tell(self) -> int:
        raise OSError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "my fruits"
    for name, content in {
        "Training/Kiwi/1.jpg": b"one",
        "Training/Kiwi/ü.PNG": b"two" * 1000,
        "Test/Kiwi/empty.jpg": b"",
        ".hidden/3.jpg": b"three",
        "notes.txt": b"words" * 1000,
        "__MACOSX/._1.jpg": b"fork",
        ".DS_Store": b"settings",
        "back\\slash.jpg": b"four",
    }.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content)
    (top / "link.jpg").symlink_to("Training/Kiwi/1.jpg")
    (top / "nowhere.jpg").symlink_to("absent")
    (top / "circle.jpg").symlink_to(".")
    (top / b"latin-\xe9.jpg".decode(errors="surrogateescape")).write_bytes(b"five")
    os.utime(top / "Training/Kiwi/1.jpg", (1_700_000_001, 1_700_000_001))
    return top


def test_the_zip_holds_what_the_list_says_and_no_byte_of_what_is_no_image(folder: Path, tmp_path: Path) -> None:
    packed = Pipe()
    pack_folder(files_in(folder), packed)
    (tmp_path / "packed.zip").write_bytes(packed.getvalue())
    source = open_source(str(tmp_path / "packed.zip"))
    made, listed = inspect(source), collect([str(folder)], find_source)
    assert (
        made.counts == listed.counts == {("", ""): 1, ("", ".hidden"): 1, ("Test", "Kiwi"): 1, ("Training", "Kiwi"): 2}
    )
    assert made.ignored_reasons == listed.ignored_reasons
    assert made.ignored == listed.ignored == 3
    rejected = {one.path: one.reason for one in made.rejections()}
    assert rejected == {one.path: one.reason for one in listed.rejections()}
    assert rejected.keys() == {"back\\slash.jpg", "circle.jpg", "nowhere.jpg", "latin-\\xe9.jpg"}
    assert rejected["circle.jpg"] == "it is a symbolic link"
    outcomes = [one for span in plan_spans(made) for one in read_span(source, span)]
    pictures = {one.path: one for one in outcomes if isinstance(one, Picture)}
    assert pictures["link.jpg"].content == pictures["Training/Kiwi/1.jpg"].content == b"one"
    assert pictures["Training/Kiwi/1.jpg"].modification_time.timestamp() == 1_700_000_001
    assert len(outcomes) == len(pictures) == 5
    assert made.entries == made.ignored + made.rejected + made.images == listed.entries
    assert len(packed.getvalue()) <= packed_bytes(files_in(folder))
    with zipfile.ZipFile(tmp_path / "packed.zip") as archive:
        assert archive.testzip() is None
        assert archive.getinfo("notes.txt").file_size == 0


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(NoImagesError):
        collect([str(tmp_path)], find_source)


def test_a_file_that_is_gone_when_it_is_packed_ends_the_packing(folder: Path) -> None:
    files = list(files_in(folder))
    (folder / "Training/Kiwi/1.jpg").unlink()
    with pytest.raises(SourceDeniedError, match="could not be read while it was packed"):
        pack_folder(files, Pipe())
