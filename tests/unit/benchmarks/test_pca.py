"""The tables of the pca benchmark, with contenders that take no time."""

from pathlib import Path

import pytest

from benchmarks import pca
from benchmarks.isolated import MeasurementFailedError
from benchmarks.pca import Size, tables


@pytest.fixture
def explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, float]:
    """What a contender explains; 0.75 by default."""
    differing: dict[str, float] = {}

    def call(function: str, **_: object) -> dict[str, float]:
        module, name = function.split(":")
        if name == "idle_worker":
            return {"memory_mb": 90.0}
        seconds = {"pca_run": 2.0, "spark_ml_pca": 30.0}.get(module.rpartition(".")[2], 1.0)
        measured = {"seconds": seconds, "memory_mb": 190.0, "explained": differing.get(module, 0.75)}
        parts = {"scan": 0.25, "gram": 0.5, "eigh": 0.25} if "bare_gram" in module else {}
        return {**measured, **parts, "projected": seconds + 1}

    monkeypatch.setattr(pca, "call", call)
    monkeypatch.setattr(pca, "drawn_features", lambda _: tmp_path)
    monkeypatch.setattr(pca, "_SCRATCH", tmp_path / "scratch")
    return differing


def test_each_size_has_its_table_and_all_sizes_one_of_memory(explained: dict[str, float]) -> None:
    first, second, projection, memory = tables((Size(100, 2, 1), Size(5_000, 1, 1, with_projection=True)))
    assert [row[0] for row in first.rows] == [
        "Orchard", "Spark ML", "scikit-learn, float64", "scikit-learn, float32", "the limit: scan, dsyrk, eigh",
    ]  # fmt: skip
    assert [row[3] for row in first.rows] == ["2", "1", "2", "2", "2"]
    assert [row[-1] for row in first.rows] == ["1.00", "15.00", "0.50", "0.50", "0.50"]
    assert [row[4] for row in first.rows] == ["", "", "", "", "0.25, 0.50, 0.25"]
    assert "5,000" in second.title
    assert [(row[0], row[1]) for row in projection.rows] == [("Orchard", "3"), ("Spark ML", "31")]
    assert memory.rows == (("100", "90", "190", "100"), ("5,000", "90", "190", "100"))


def test_who_finds_other_components_has_not_taken_part(explained: dict[str, float]) -> None:
    explained["benchmarks.peers.scikit_learn_pca"] = 0.75 + 2e-6
    with pytest.raises(MeasurementFailedError, match="scikit-learn, float64 explains"):
        tables((Size(100, 1, 1),))
