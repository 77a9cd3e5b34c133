from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from benchmarks import featurize
from benchmarks.data import Data
from benchmarks.isolated import MeasurementFailedError
from benchmarks.page import compare
from benchmarks.turns import Result

_RATES = {"onnxruntime": 100.0, "tensorflow": 50.0, "notebook": 25.0, "per_image": 5.0, "predict_batch": 40.0}


def _drawn(data: Data, images: int) -> Path:
    return Path(f"{images}.zip")


@pytest.fixture
def fingerprints(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, float]:
    """Those of contenders whose features are not 1 in all."""
    differing: dict[str, float] = {}

    def call(function: str, *, contender: str = "", **_: str) -> dict[str, float]:
        rate = _RATES.get(contender, 125.0)
        measured = {"seconds": 1_000 / rate, "images": 1_000, "images/s": rate}
        return {**measured, "fingerprint": differing.get(contender, 1.0)} if contender else {}

    monkeypatch.setattr(featurize, "call", call)
    monkeypatch.setattr(featurize, "FOLDER", tmp_path)
    monkeypatch.setattr(Data, "model", lambda data: tmp_path)
    monkeypatch.setattr(Data, "pictures", _drawn)
    return differing


def test_every_contender_has_a_row_and_images_a_second_are_compared(fingerprints: dict[str, float]) -> None:
    [table] = featurize.measure(Data(None, "random"), quick=False)
    assert table.header[1:] == (
        "median images/s", "least to most images/s", "rounds", "images", "Orchard, ONNX Runtime ÷ it",
    )  # fmt: skip
    assert {row[0]: row[-1] for row in table.rows} == {
        "Orchard, ONNX Runtime": "1.00",
        "Orchard, TensorFlow": "2.00",
        "a pool of processes, ONNX Runtime": "0.80",
        "Daft, a class in each process, ONNX Runtime": "0.80",
        "Ray Data, an actor a core, ONNX Runtime": "0.80",
        "Keras, image_dataset_from_directory": "0.80",
        "predict_batch_udf": "2.50",
        "iterator UDF, a model a task": "4.00",
        "series UDF, a model a batch, image by image": "20.00",
        "forward passes alone": "0.80",
    }
    assert {row[4] for row in table.rows} == {"1,000"}
    rounds = {row[0]: row[3] for row in table.rows}
    assert rounds["series UDF, a model a batch, image by image"] == "1"
    assert rounds["Orchard, ONNX Runtime"] == rounds["a pool of processes, ONNX Runtime"] == "3"


@pytest.mark.parametrize(
    ("contender", "found", "fails"),
    [
        ("ray_data", 1.00009, False),
        ("ray_data", 1.0002, True),
        ("process_pool", 0.9998, True),
        ("keras_directory", 1.04, False),  # it decodes by itself
        ("keras_directory", 1.06, True),
        ("per_image", 3.0, False),  # of fewer pictures
    ],
)
def test_who_computes_other_features_has_not_taken_part(
    fingerprints: dict[str, float], contender: str, found: float, fails: bool
) -> None:
    fingerprints[contender] = found
    with pytest.raises(MeasurementFailedError, match=f"fingerprint {found}") if fails else nullcontext():
        featurize.measure(Data(None, "random"), quick=False)


def test_a_fingerprint_is_that_of_the_features_of_each_picture_in_any_order() -> None:
    paths = ["Training/Apple/1.jpg", "Test/Apple/2.jpg", "Test/Pear/3.jpg"]
    features = np.arange(12, dtype=np.float32).reshape(3, 4)
    found = featurize.fingerprint(paths, features)
    assert featurize.fingerprint(paths[::-1], features[::-1]) == pytest.approx(found)
    assert featurize.fingerprint(paths, 2 * features) == pytest.approx(2 * found)
    assert featurize.fingerprint(paths, features[::-1]) != pytest.approx(found)
    assert featurize.fingerprint(paths, features[:, ::-1]) != pytest.approx(found)


def test_seconds_are_compared_the_other_way_round() -> None:
    results = {
        "ours": Result("ours", ({"seconds": 2.0}, {"seconds": 4.0})),
        "peer": Result("peer", ({"seconds": 6.0},)),
    }
    table = compare("Race", results, "ours")
    assert table.header == ("", "median s", "least to most s", "rounds", "time ÷ ours")
    assert table.rows == (("ours", "3", "2 to 4", "2", "1.00"), ("peer", "6", "6 to 6", "1", "3.00"))
