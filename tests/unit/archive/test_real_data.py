"""The real Fruits-360 zips."""

import zipfile
import zlib
from pathlib import Path

import pytest

from orchard.archive.checks import inspect
from orchard.archive.members import Picture, read_span
from orchard.archive.sources.open import open_source
from orchard.archive.spans import plan_spans
from tests.support.pictures.realdata import SAMPLE_ZIP, TEN_K_ZIP, needs_real_data


@needs_real_data
@pytest.mark.parametrize(
    ("path", "images", "directories"), [(SAMPLE_ZIP, 1920, 51), (TEN_K_ZIP, 9900, 123)], ids=["sample", "10k"]
)
@pytest.mark.parametrize("target", [48 * 2**20, 3 * 2**20])
def test_every_picture_comes_out_as_zipfile_reads_it(path: Path, images: int, directories: int, target: int) -> None:
    source = open_source(str(path))
    inventory = inspect(source)
    assert (inventory.directories, inventory.ignored, inventory.rejected) == (directories, 1, 0)
    assert inventory.images == images == sum(inventory.counts.values())
    assert inventory.is_balanced
    assert {split for split, _ in inventory.counts} == {"Training", "Test"}
    read = {}
    for span in plan_spans(inventory, target):
        for item in read_span(source, span):
            assert isinstance(item, Picture)
            read[item.path] = (zlib.crc32(item.content), len(item.content))
    with zipfile.ZipFile(path) as archive:
        assert read == {
            info.filename: (info.CRC, info.file_size) for info in archive.infolist() if info.filename.endswith(".jpg")
        }
