"""The demonstration's zip: a data set as people have them, and the same one each time."""

import io
import zipfile
from pathlib import Path

from PIL import Image

from orchard.archive.checks import inspect
from orchard.archive.sources.open import open_source
from orchard.demo.fruit import draw_zip


def test_the_demonstration_is_a_data_set_with_both_splits_and_something_to_ignore(tmp_path: Path) -> None:
    inventory = inspect(open_source(str(draw_zip(tmp_path / "out" / "demo.zip"))))
    assert inventory.ignored == 1
    assert not inventory.rejected
    assert {split for split, _ in inventory.counts} == {"Training", "Test"}
    assert any(" " in label for _, label in inventory.counts)


def test_drawing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    assert draw_zip(tmp_path / "a.zip").read_bytes() == draw_zip(tmp_path / "b.zip").read_bytes()


def test_no_two_pictures_of_a_class_are_alike(tmp_path: Path) -> None:
    with zipfile.ZipFile(draw_zip(tmp_path / "demo.zip")) as archive:
        bananas = [archive.read(name) for name in archive.namelist() if "/Banana/" in name]
    assert len(set(bananas)) == len(bananas)
    with Image.open(io.BytesIO(bananas[0])) as picture:
        assert (picture.format, picture.size) == ("JPEG", (100, 100))
