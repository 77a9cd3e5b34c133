"""Drawn features: the featurize stage's schema, and numbers like those of real pictures."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.drawn_features import drawn_features

ROWS = 600
DIMENSIONS = 96


def matrix(table: pa.Table) -> np.ndarray:
    return np.array(table["features"].to_pylist(), dtype=np.float64)


def test_they_have_the_schema_of_the_features_and_several_files(tmp_path: Path) -> None:
    folder = drawn_features(ROWS, DIMENSIONS, tmp_path)
    found = pq.read_table(folder)
    assert found.schema.names == ["path", "split", "label", "features"]
    assert found.schema.field("features").type == pa.list_(pa.field("element", pa.float32()))
    assert (found.num_rows, len(set(found["path"].to_pylist()))) == (ROWS, ROWS)
    assert len(list(folder.glob("*.parquet"))) == 8
    assert matrix(found).shape == (ROWS, DIMENSIONS)


def test_they_are_like_those_of_real_pictures(tmp_path: Path) -> None:
    features = matrix(pq.read_table(drawn_features(ROWS, DIMENSIONS, tmp_path)))
    assert features.min() == 0
    assert 0.25 < features.mean() < 0.45
    assert 0.3 < (features == 0).mean() < 0.5
    spectrum = np.linalg.eigvalsh(np.cov(features.T))[::-1]
    assert spectrum[0] > 2 * spectrum[4] > 4 * spectrum[48]
    assert spectrum[-1] > 1e-4 * spectrum.mean()


def test_they_are_always_the_same(tmp_path: Path) -> None:
    first = pq.read_table(drawn_features(20, DIMENSIONS, tmp_path / "a"))
    assert pq.read_table(drawn_features(20, DIMENSIONS, tmp_path / "b")).equals(first)
