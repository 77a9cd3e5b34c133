"""All that find principal components in the benchmark find the same ones, and the files that they write agree."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from benchmarks.drawn_features import drawn_features
from benchmarks.isolated import call
from benchmarks.many_members import many_members
from benchmarks.pca_run import fit_components
from benchmarks.peers import bare_gram, scikit_learn_pca, spark_ml_pca
from orchard.layout import RunFiles

pytestmark = pytest.mark.slow

ROWS = 300
KEPT = 8


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of 64 dimensions: in 1280, Spark ML's eigenproblem takes half a minute."""
    return str(drawn_features(ROWS, 64, tmp_path_factory.mktemp("features")))


def test_all_find_the_same_components(spark: SparkSession, features: str, tmp_path: Path) -> None:
    ours = fit_components(spark, features, KEPT)
    model, rows = spark_ml_pca.fit_pca(spark, features, KEPT)
    learned = {dtype: scikit_learn_pca.fit_pca(features, KEPT, dtype) for dtype in ("float64", "float32")}
    shares, directions, seconds = bare_gram.fit(features, KEPT)
    found = {
        "Spark ML": (model.explainedVariance.toArray(), model.pc.toArray(), 1e-9),
        "the limit": (shares, directions, 1e-9),
        "float64": (learned["float64"].explained_variance_ratio_, learned["float64"].components_.T, 1e-9),
        "float32": (learned["float32"].explained_variance_ratio_, learned["float32"].components_.T, 1e-4),
    }
    for name, (explained, components, tolerance) in found.items():
        np.testing.assert_allclose(explained, ours.explained_variance, atol=min(tolerance, 1e-6), err_msg=name)
        cosines = np.abs((components * ours.components).sum(axis=0))
        np.testing.assert_allclose(cosines, 1, atol=tolerance, err_msg=name)
    assert set(seconds) == {"scan", "gram", "eigh"}

    spark_ml_pca.write_components(model, rows, str(tmp_path))
    written = pq.read_table(tmp_path)
    assert written.schema.names == ["path", "split", "label", "components"]
    projected = np.array(written["components"].to_pylist())
    unprojected = np.array([row.features for row in rows.orderBy("path").collect()])
    order = np.argsort(written["path"].to_pylist())
    np.testing.assert_allclose(np.abs(projected[order]), np.abs(unprojected @ ours.components), atol=1e-6)


def test_ours_is_measured_in_a_process_of_its_own(features: str, tmp_path: Path) -> None:
    measured = call("benchmarks.pca_run:measured_fit", folder=features, kept=KEPT, target=str(tmp_path))
    assert 0 < measured["seconds"] < measured["projected"]
    assert 0.5 < measured["explained"] < 1
    assert 50 < measured["memory_mb"] < 300
    assert pq.read_table(tmp_path).num_rows == ROWS


def test_the_whole_stage_is_measured_as_often_as_wanted_with_its_report(tmp_path: Path) -> None:
    archive = many_members(tmp_path / "many.zip", ROWS)
    run = RunFiles(str(tmp_path / "run"))
    laid_out = call("benchmarks.pca_run:lay_out", archive=str(archive), run=run.base)
    assert laid_out["gigabytes"] == pytest.approx(ROWS * 1280 * 4 / 1e9, rel=0.5)
    for kept in (KEPT, KEPT + 1):
        measured = call("benchmarks.pca_run:measured_stage", run=run.base, kept=kept)
        assert 0 < measured["report"] < measured["seconds"]
        assert all(30 < measured[peak] < 1_000 for peak in ("jvm_mb", "python_mb", "worker_mb"))
        assert {len(row) for row in pq.read_table(run.components)["components"].to_pylist()} == {kept}
        assert Path(run.report).stat().st_size > 10_000
        assert Path(run.manifest).exists()
    features, images = pq.read_table(run.features), pq.read_table(run.images)
    assert features.select(["path", "split", "label"]).equals(images.select(["path", "split", "label"]))
