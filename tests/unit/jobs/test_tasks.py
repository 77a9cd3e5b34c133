"""What a Python worker of Spark does between tasks."""

import gc
import importlib
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchard.jobs import tasks
from orchard.jobs.tasks import run_tasks, spare_the_next_task


class Tasks:
    """A Spark that runs its tasks here, and counts what happens between them."""

    def __init__(self) -> None:
        self.slices = 0
        self.spared = 0

    @property
    def sparkContext(self) -> "Tasks":  # noqa: N802 (Spark's name)
        return self

    def parallelize(self, given: Sequence[Any], slices: int) -> "Tasks":
        self.slices = slices
        self._given = given
        return self

    def map(self, work: Callable[[Any], Any]) -> "Tasks":
        self._work = work
        return self

    def collect(self) -> list[Any]:
        return [self._work(argument) for argument in self._given]

    def spare(self) -> None:
        self.spared += 1


@pytest.fixture
def spark(monkeypatch: pytest.MonkeyPatch) -> Tasks:
    spark = Tasks()
    monkeypatch.setattr(tasks, "spare_the_next_task", spark.spare)
    return spark


def test_each_argument_is_a_task_and_the_answers_come_in_their_order(spark: Tasks) -> None:
    assert run_tasks(spark, str.upper, ["b", "a", "c"]) == ["B", "A", "C"]  # type: ignore[arg-type]
    assert (spark.slices, spark.spared) == (3, 3)


def test_nothing_to_do_asks_nothing_of_the_cluster(spark: Tasks) -> None:
    assert run_tasks(spark, str.upper, []) == []  # type: ignore[arg-type]
    assert spark.slices == 0


def test_the_task_after_one_that_failed_is_spared_too(spark: Tasks) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        run_tasks(spark, int, ["1", "one"])  # type: ignore[arg-type]
    assert spark.spared == 2


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
