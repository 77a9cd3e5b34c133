from pathlib import Path

import pytest

from benchmarks import featurize
from benchmarks.data import Data
from benchmarks.page import compare
from benchmarks.turns import Result

_RATES = {"onnxruntime": 100.0, "tensorflow": 50.0, "notebook": 25.0, "per_image": 5.0, "predict_batch": 40.0}


def _drawn(data: Data, images: int) -> Path:
    return Path(f"{images}.zip")


def test_every_contender_has_a_row_and_images_a_second_are_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[str] = []

    def call(function: str, *, contender: str = "", **_: str) -> dict[str, float]:
        if not contender:
            return {}
        calls.append(contender)
        rate = _RATES.get(contender, 125.0)
        return {"seconds": 1_000 / rate, "images": 1_000, "images/s": rate}

    monkeypatch.setattr(featurize, "call", call)
    monkeypatch.setattr(featurize, "FOLDER", tmp_path)
    monkeypatch.setattr(Data, "model", lambda data: tmp_path)
    monkeypatch.setattr(Data, "pictures", _drawn)
    [table] = featurize.measure(Data(None, "random"), quick=False)
    assert table.header[1:] == (
        "median images/s", "least to most images/s", "rounds", "images", "Orchard, ONNX Runtime ÷ it",
    )  # fmt: skip
    assert {row[0]: row[-1] for row in table.rows} == {
        "Orchard, ONNX Runtime": "1.00",
        "Orchard, TensorFlow": "2.00",
        "iterator UDF, a model a task": "4.00",
        "series UDF, a model a batch, image by image": "20.00",
        "predict_batch_udf": "2.50",
        "forward passes alone": "0.80",
    }
    assert {row[4] for row in table.rows} == {"1,000"}
    assert calls.count("per_image") == 1 < calls.count("onnxruntime")


def test_seconds_are_compared_the_other_way_round() -> None:
    results = {
        "ours": Result("ours", ({"seconds": 2.0}, {"seconds": 4.0})),
        "peer": Result("peer", ({"seconds": 6.0},)),
    }
    table = compare("Race", results, "ours")
    assert table.header == ("", "median s", "least to most s", "rounds", "time ÷ ours")
    assert table.rows == (("ours", "3", "2 to 4", "2", "1.00"), ("peer", "6", "6 to 6", "1", "3.00"))
