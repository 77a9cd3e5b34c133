"""What the jobs do when processes die below them, and when a machine has no room: real Spark, a job at a time."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from orchard.features.model import ModelFolder
from orchard.jobs.featurize import featurize
from orchard.jobs.pca import pca
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles
from orchard.options import RunOptions
from tests.integration import all_stages, faulty_daemon
from tests.support.cloud.submitting import SEPARATE, Spark
from tests.support.pictures.photographs import IMAGES, REJECTED, write_photographs

pytestmark = pytest.mark.slow


def rows(folder: str) -> list[dict[str, Any]]:
    return sorted(pq.read_table(folder).to_pylist(), key=lambda row: row["path"])


def rejections(run: RunFiles) -> list[tuple[str, str, str]]:
    lines = [line for part in Path(run.rejected).glob("*.csv") for line in csv.reader(part.read_text().splitlines())]
    return sorted((path, stage, reason) for path, stage, reason in lines if path != "path")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photographs(tmp_path_factory.mktemp("zip") / "photographs.zip")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Spark:
    return Spark.below(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def undisturbed(
    spark: SparkSession, archive: Path, random_model: ModelFolder, tmp_path_factory: pytest.TempPathFactory
) -> RunFiles:
    run = RunFiles(str(tmp_path_factory.mktemp("runs") / "undisturbed"))
    unzip(spark, str(archive), run)
    featurize(spark, run, str(random_model.path), "onnxruntime")
    pca(spark, run, RunOptions(components=5))
    return run


@pytest.fixture(scope="module")
def disturbed(
    alone: Spark, archive: Path, random_model: ModelFolder, tmp_path_factory: pytest.TempPathFactory
) -> RunFiles:
    """The same run by executors that are processes; in each stage one of them is killed, and a Python worker."""
    folder = tmp_path_factory.mktemp("disturbed")
    run, orders = RunFiles(str(folder / "run")), folder / "orders"
    orders.mkdir()
    ended = alone.submit(
        Path(all_stages.__file__),
        *(str(archive), run.base, str(random_model.path), str(orders)),
        master=SEPARATE,
        settings={"spark.python.daemon.module": faulty_daemon.__name__},
        environment={"FAULTS": str(orders)},
    )
    assert ended.returncode == 0, ended.stdout
    assert ended.stderr.count("Lost executor") >= 3
    assert "Python worker exited unexpectedly" in ended.stderr
    return run


def test_dead_executors_and_workers_change_no_picture(undisturbed: RunFiles, disturbed: RunFiles) -> None:
    assert rows(disturbed.images) == rows(undisturbed.images)
    assert len({row["path"] for row in rows(disturbed.images)}) == len(rows(disturbed.images)) == IMAGES - 1
    for table in ("metadata_table", "stats_table"):
        assert Path(getattr(disturbed, table)).read_text() == Path(getattr(undisturbed, table)).read_text()


def test_dead_executors_and_workers_change_no_feature_and_no_component(
    undisturbed: RunFiles, disturbed: RunFiles
) -> None:
    for folder, column in (("features", "features"), ("components", "components")):
        ours, theirs = rows(getattr(disturbed, folder)), rows(getattr(undisturbed, folder))
        assert [row["path"] for row in ours] == [row["path"] for row in theirs]
        assert len(ours) == IMAGES - 2
        np.testing.assert_allclose([row[column] for row in ours], [row[column] for row in theirs], atol=1e-4)


def test_what_killed_tasks_rejected_is_rejected_once(undisturbed: RunFiles, disturbed: RunFiles) -> None:
    found = rejections(disturbed)
    assert found == rejections(undisturbed)
    assert [(path, stage) for path, stage, _ in found] == REJECTED


def test_the_books_balance_although_tasks_ran_twice(undisturbed: RunFiles, disturbed: RunFiles) -> None:
    ours, theirs = (json.loads(Path(run.summary).read_text())["counts"] for run in (disturbed, undisturbed))
    assert ours == theirs
    assert ours["entries"] == sum(ours[k] for k in ("directories", "ignored", "skipped", "rejected_in_unzip", "images"))
    assert ours["images"] == ours["features"] + ours["rejected_in_featurize"]
    assert Path(disturbed.manifest).exists()
