"""The peers of the featurize stage do the same work: the same features of the same pictures."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from pyspark.sql import SparkSession

from benchmarks.featurize import prepare
from benchmarks.peers import bare, notebook
from benchmarks.peers.keras_network import keep_weights
from orchard.features.model import ModelFolder
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles
from tests.support.pictures.drawn import CLASSES, fruit_members, write_zip

pytestmark = pytest.mark.slow

_ARROW_BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"


@pytest.fixture
def session(spark: SparkSession) -> Iterator[SparkSession]:
    """The session, whose Arrow batch the peers change."""
    before = spark.conf.get(_ARROW_BATCH) or ""
    yield spark
    spark.conf.set(_ARROW_BATCH, before)


def features_in(target: Path) -> dict[str, NDArray[np.float32]]:
    """By split, label and name: the ways differ in what stands before."""
    rows = pq.read_table(target / "features", columns=["path", "features"]).to_pylist()
    found = {"/".join(row["path"].split("/")[-3:]): np.asarray(row["features"], np.float32) for row in rows}
    assert len(found) == len(rows)
    return found


def test_all_ways_give_the_same_features(session: SparkSession, random_model: ModelFolder, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "fruits.zip", fruit_members(training=2, test=1))
    inputs = tmp_path / "inputs"
    unzip(session, str(archive), RunFiles(str(inputs / "run")))
    with zipfile.ZipFile(archive) as pictures:
        pictures.extractall(inputs / "pictures")
    keep_weights(random_model.path, inputs / "weights.npz")

    targets = {name: tmp_path / name for name in ("onnxruntime", "predict_batch", "per_image")}
    for name, target in targets.items():
        prepare(name, session, inputs, random_model.path, target)()
    targets["notebook"] = tmp_path / "notebook"
    notebook.prepare(session, inputs / "pictures", inputs / "weights.npz", targets["notebook"], tasks=1)()
    targets["bare"] = tmp_path / "bare"
    assert bare.forward(inputs / "run", random_model.path, targets["bare"]) > 0

    ours = features_in(targets.pop("onnxruntime"))
    assert len(ours) == 3 * len(CLASSES)
    for name, target in targets.items():
        theirs = features_in(target)
        assert theirs.keys() == ours.keys(), name
        for path, features in theirs.items():
            np.testing.assert_allclose(features, ours[path], atol=1e-3, err_msg=f"{name}: {path}")
