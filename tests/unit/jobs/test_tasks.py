"""What a Python worker of Spark does between tasks."""

import gc
import importlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from orchard.jobs.tasks import spare_the_next_task


@pytest.fixture
def zipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zip of modules on the path, one of which is imported."""
    path = tmp_path / "modules.zip"
    with zipfile.ZipFile(path, "w") as modules:
        modules.writestr("zipped_once.py", "ONE = 1")
        modules.writestr("zipped_twice.py", "TWO = 2")
    monkeypatch.syspath_prepend(str(path))
    importlib.import_module("zipped_once")
    return path


def test_zips_are_not_read_again_before_each_task_and_can_still_be_imported_from(zipped: Path) -> None:
    assert str(zipped) in sys.path_importer_cache
    spare_the_next_task()
    assert str(zipped) not in sys.path_importer_cache
    assert importlib.import_module("zipped_twice").TWO == 2
    gc.unfreeze()


def test_what_a_worker_has_loaded_is_set_aside_once() -> None:
    code = (
        "import gc; from orchard.jobs.tasks import spare_the_next_task;"
        "spare_the_next_task(); first = gc.get_freeze_count(); kept = [[n] for n in range(10_000)];"
        "spare_the_next_task(); assert first > 1000 and gc.get_freeze_count() == first"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
