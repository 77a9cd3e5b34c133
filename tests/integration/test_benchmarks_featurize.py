"""The peers of the featurize stage do the same work: the same features of the same pictures."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from pyspark.sql import SparkSession

from benchmarks import featurize
from benchmarks.featurize import prepare
from benchmarks.isolated import call
from benchmarks.peers import bare, notebook, pool_and_sklearn
from benchmarks.peers.keras_network import keep_weights
from orchard.components.moments import accumulate
from orchard.components.solve import solve
from orchard.features.model import ModelFolder
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles
from orchard.options import DEFAULT_VARIANCE
from tests.support.pictures.drawn import CLASSES, fruit_members, write_zip

pytestmark = pytest.mark.slow

_ARROW_BATCH = "spark.sql.execution.arrow.maxRecordsPerBatch"


@pytest.fixture
def session(spark: SparkSession) -> Iterator[SparkSession]:
    """The session, whose Arrow batch the peers change."""
    before = spark.conf.get(_ARROW_BATCH) or ""
    yield spark
    spark.conf.set(_ARROW_BATCH, before)


@pytest.fixture(scope="module")
def inputs(spark: SparkSession, random_model: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What every way begins with."""
    folder = tmp_path_factory.mktemp("inputs")
    archive = write_zip(folder / "pictures.zip", fruit_members(training=2, test=1))
    unzip(spark, str(archive), RunFiles(str(folder / "run")))
    with zipfile.ZipFile(archive) as pictures:
        pictures.extractall(folder / "pictures")
    keep_weights(random_model.path, folder / "weights.npz")
    return folder


def features_in(target: Path) -> dict[str, NDArray[np.float32]]:
    paths, features = featurize.features_in(target)
    assert len(set(paths)) == len(paths)
    return dict(zip(paths, features, strict=True))


@pytest.fixture(scope="module")
def limit(
    inputs: Path, random_model: ModelFolder, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, NDArray[np.float32]]:
    """The features as the network alone gives them."""
    target = tmp_path_factory.mktemp("bare")
    assert bare.forward(inputs / "run", random_model.path, target) > 0
    return features_in(target)


def test_all_ways_in_spark_give_the_same_features(
    session: SparkSession,
    inputs: Path,
    limit: dict[str, NDArray[np.float32]],
    random_model: ModelFolder,
    tmp_path: Path,
) -> None:
    targets = {name: tmp_path / name for name in ("onnxruntime", "predict_batch", "per_image")}
    for name, target in targets.items():
        prepare(name, session, inputs, random_model.path, target)()
    targets["notebook"] = tmp_path / "notebook"
    notebook.prepare(session, inputs / "pictures", inputs / "weights.npz", targets["notebook"], tasks=1)()
    assert len(limit) == 3 * len(CLASSES)
    for name, target in targets.items():
        check(features_in(target), limit, name)


@pytest.mark.parametrize(("way", "needs"), [("process_pool", ""), ("daft_class", "daft"), ("ray_data", "ray")])
def test_so_do_those_without_spark(
    way: str, needs: str, inputs: Path, limit: dict[str, NDArray[np.float32]], random_model: ModelFolder
) -> None:
    """In a process of its own, as in the benchmark; Daft and Ray are there where `make bench` was called."""
    if needs:
        pytest.importorskip(needs)
    measured = call("benchmarks.featurize:work", contender=way, inputs=str(inputs), model=str(random_model.path))
    assert measured["images"] == len(limit)
    expected = featurize.fingerprint(list(limit), np.stack(list(limit.values())))
    assert measured["fingerprint"] == pytest.approx(expected, rel=1e-4)


def test_keras_reads_folders_in_its_own_way_and_gives_features_alike(
    inputs: Path, limit: dict[str, NDArray[np.float32]], random_model: ModelFolder
) -> None:
    measured = call(
        "benchmarks.featurize:work", contender="keras_directory", inputs=str(inputs), model=str(random_model.path)
    )
    expected = featurize.fingerprint(list(limit), np.stack(list(limit.values())))
    assert measured["images"] == len(limit)
    assert measured["fingerprint"] == pytest.approx(expected, rel=0.05)


def check(theirs: dict[str, NDArray[np.float32]], ours: dict[str, NDArray[np.float32]], name: str) -> None:
    assert theirs.keys() == ours.keys(), name
    for path, features in theirs.items():
        np.testing.assert_allclose(features, ours[path], atol=1e-3, err_msg=f"{name}: {path}")


def test_without_a_framework_one_gets_components_and_a_page_too(
    inputs: Path, limit: dict[str, NDArray[np.float32]], random_model: ModelFolder, tmp_path: Path
) -> None:
    archive = str(inputs / "pictures.zip")
    measured = pool_and_sklearn.run(archive, str(random_model.path), str(tmp_path))
    expected = solve(accumulate([np.stack(list(limit.values()))]), variance=DEFAULT_VARIANCE)
    assert measured == {"images": len(limit), "components": expected.kept}
    shares = np.loadtxt(tmp_path / "explained_variance.csv", delimiter=",")
    np.testing.assert_allclose(shares[:, 0], expected.explained_variance, atol=1e-5)
    assert pq.read_table(tmp_path / "components.parquet").num_rows == len(limit)
    assert "plotly" in (tmp_path / "report.html").read_text("utf-8")
