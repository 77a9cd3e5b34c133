"""Featurisation: Orchard's stage beside other ways to send the same pictures through the same network.

All have the same cores and the same weights, and all but Keras's own reader the same decoder. The clock of each starts
when its session is up (Spark's, Ray's; TensorFlow imported) and the driver has the weights; it stops when the features
are in Parquet. For Orchard that includes sending the model, the books and the record of the stage; for all, starting
Python workers and loading the network there.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
import zipfile
import zlib
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from benchmarks.data import FOLDER
from benchmarks.isolated import MeasurementFailedError, call
from benchmarks.page import compare
from benchmarks.peers import (
    bare,
    daft_class,
    keras_directory,
    notebook,
    per_image,
    predict_batch,
    process_pool,
    ray_data,
)
from benchmarks.peers.keras_network import keep_weights
from benchmarks.session import local_session
from benchmarks.turns import SECONDS, Contender, take_turns
from orchard.jobs.featurize import featurize
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles
from orchard.options import ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from benchmarks.data import Data
    from benchmarks.page import Table
    from benchmarks.turns import Result

RATE = "images/s"

_OURS = "Orchard, ONNX Runtime"
_CONTENDERS = {
    _OURS: "onnxruntime",
    "Orchard, TensorFlow": "tensorflow",
    "a pool of processes, ONNX Runtime": "process_pool",
    "Daft, a class in each process, ONNX Runtime": "daft_class",
    "Ray Data, an actor a core, ONNX Runtime": "ray_data",
    "Keras, image_dataset_from_directory": "keras_directory",
    "predict_batch_udf": "predict_batch",
    "iterator UDF, a model a task": "notebook",
    "series UDF, a model a batch, image by image": "per_image",
    "forward passes alone": "bare",
}
_SLOW = ("tensorflow", "keras_directory", "notebook", "per_image", "predict_batch")
_WITHOUT_SPARK = ("process_pool", "daft_class", "ray_data", "keras_directory")

_AGREED = 1e-4
_OTHER_DECODER = {"keras_directory": 0.05}
"""Whose pixels differ from ours by some grey levels, and by how much its fingerprint may."""

_IMAGES, _ROUNDS = 9_900, 3
_QUICK_IMAGES, _QUICK_ROUNDS = 600, 1
_FEW = {"per_image": 5}
"""Who gets a part of the pictures only, a fifth say: whoever builds a network for each batch takes as long for each."""


def measure(data: Data, *, quick: bool) -> list[Table]:
    """Send pictures through the network in every way.

    Args:
        data: What to measure on.
        quick: Few pictures, once.
    """
    images = _QUICK_IMAGES if quick else _IMAGES
    model = str(data.model())
    with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
        contenders = []
        for part in {1, *_FEW.values()}:
            inputs = f"{scratch}/{part}"
            call("benchmarks.featurize:lay_out", archive=str(data.pictures(images // part)), model=model, inputs=inputs)
        for name, contender in _CONTENDERS.items():
            inputs = f"{scratch}/{_FEW.get(contender, 1)}"
            run = partial(call, "benchmarks.featurize:work", contender=contender, inputs=inputs, model=model)
            contenders.append(Contender(name, run, rounds=1 if contender in _SLOW else None))
        results = take_turns(contenders, _QUICK_ROUNDS if quick else _ROUNDS)
    _check(results)
    columns = {"images": lambda result: f"{result.median('images'):,.0f}"}
    return [compare("Images to features", results, _OURS, columns, rate=RATE)]


def _check(results: Mapping[str, Result]) -> None:
    """Whoever computes something else has not taken part.

    Raises:
        MeasurementFailedError: The features of one are not ours.
    """
    expected = results[_OURS].median("fingerprint")
    for name, result in results.items():
        allowed = _OTHER_DECODER.get(_CONTENDERS[name], _AGREED)
        for found in result.spread("fingerprint"):
            if _CONTENDERS[name] not in _FEW and not math.isclose(found, expected, rel_tol=allowed):
                raise MeasurementFailedError(f"the features of {name} have the fingerprint {found}, ours {expected}")


def lay_out(archive: str, model: str, inputs: str) -> dict[str, float]:
    """Unzip the pictures, for Orchard in its own way and for the others into a file each, and give them the weights.

    Args:
        archive: The zip.
        model: The folder of an exported model.
        inputs: An empty folder, for `run`, `pictures`, `pictures.zip` and `weights.npz`.

    Returns:
        Nothing.
    """
    with local_session("lay out") as spark:
        unzip(spark, archive, RunFiles(str(Path(inputs, "run"))))
    with zipfile.ZipFile(archive) as pictures:
        pictures.extractall(Path(inputs, "pictures"))
    Path(inputs, "pictures.zip").symlink_to(Path(archive).absolute())
    keep_weights(Path(model), Path(inputs, "weights.npz"))
    return {}


def work(contender: str, inputs: str, model: str) -> dict[str, float]:
    """Compute the features of all pictures once.

    Args:
        contender: Who does it.
        inputs: What `lay_out` filled.
        model: The folder of an exported model.

    Returns:
        Seconds, images, and images a second.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
        target = Path(scratch, "target")
        if contender == "bare":
            seconds = bare.forward(Path(inputs, "run"), Path(model), target)
        else:
            needs = nullcontext() if contender in _WITHOUT_SPARK else local_session(contender)
            with needs as spark:
                compute = prepare(contender, spark, Path(inputs), Path(model), target)
                began = time.monotonic()
                compute()
                seconds = time.monotonic() - began
        paths, features = features_in(target)
    rate = {SECONDS: seconds, "images": len(paths), RATE: len(paths) / seconds}
    return {**rate, "fingerprint": fingerprint(paths, features)}


def features_in(target: Path) -> tuple[list[str], NDArray[np.float32]]:
    """What a contender has left below `features`: split, label and name of each picture, and the features, [n, 1280].

    The ways differ in what stands before the split.
    """
    table = pq.read_table(target / "features", columns=["path", "features"])
    values = table["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    paths = ["/".join(path.split("/")[-3:]) for path in table["path"].to_pylist()]
    return paths, values.reshape(len(paths), -1)


def fingerprint(paths: Sequence[str], features: NDArray[np.float32]) -> float:
    """A number that the features of the same pictures have in common, in any order, and others hardly.

    Args:
        paths: As of `features_in`.
        features: One row a path.
    """
    of_paths = np.array([zlib.crc32(path.encode()) % 1_000 for path in paths], np.float64) / 1_000
    of_features = np.linspace(0, 1, features.shape[1])
    return float(of_paths @ features.astype(np.float64) @ of_features) / features.size


def prepare(
    contender: str, spark: SparkSession | None, inputs: Path, model: Path, target: Path
) -> Callable[[], object]:
    """Make a contender ready for the clock.

    Args:
        contender: Who.
        spark: The session; None for those who need none.
        inputs: What `lay_out` filled.
        model: The folder of an exported model.
        target: The folder below which `features` appears; it is not there yet.

    Returns:
        What does the work.
    """
    pictures, weights = inputs / "pictures", inputs / "weights.npz"
    if spark is None:
        ways: dict[str, Callable[[], Callable[[], object]]] = {
            "process_pool": partial(process_pool.prepare, inputs / "pictures.zip", model, target),
            "daft_class": partial(daft_class.prepare, pictures, model, target),
            "ray_data": partial(ray_data.prepare, pictures, model, target),
            "keras_directory": partial(keras_directory.prepare, pictures, weights, target),
        }
        return ways[contender]()
    if contender in ENGINES:
        shutil.copytree(inputs / "run", target)
        return partial(featurize, spark, RunFiles(str(target)), str(model), contender)
    if contender == "predict_batch":
        return predict_batch.prepare(spark, inputs / "run", weights, target)
    if contender == "notebook":
        return notebook.prepare(spark, pictures, weights, target)
    return per_image.prepare(spark, pictures, weights, target)
