"""Featurisation: Orchard's stage beside other ways to send the same pictures through the same network.

All have the same cores, the same weights and the same decoder. The clock of each starts when its Spark session is up
and the driver has the weights; it stops when the features are in Parquet. For Orchard that includes sending the model,
the books and the record of the stage; for all, starting Python workers and loading the network there.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from benchmarks.data import FOLDER
from benchmarks.isolated import call
from benchmarks.page import compare
from benchmarks.peers import bare, notebook, per_image, predict_batch
from benchmarks.peers.keras_network import keep_weights
from benchmarks.session import local_session
from benchmarks.turns import SECONDS, Contender, take_turns
from orchard.jobs.featurize import featurize
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles
from orchard.options import ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from benchmarks.data import Data
    from benchmarks.page import Table

RATE = "images/s"

_OURS = "Orchard, ONNX Runtime"
_CONTENDERS = {
    _OURS: "onnxruntime",
    "Orchard, TensorFlow": "tensorflow",
    "iterator UDF, a model a task": "notebook",
    "series UDF, a model a batch, image by image": "per_image",
    "predict_batch_udf": "predict_batch",
    "forward passes alone": "bare",
}
_SLOW = ("tensorflow", "notebook", "per_image", "predict_batch")

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
    columns = {"images": lambda result: f"{result.median('images'):,.0f}"}
    return [compare("Images to features", results, _OURS, columns, rate=RATE)]


def lay_out(archive: str, model: str, inputs: str) -> dict[str, float]:
    """Unzip the pictures, for Orchard in its own way and for the others into a file each, and give them the weights.

    Args:
        archive: The zip.
        model: The folder of an exported model.
        inputs: An empty folder, for `run`, `pictures` and `weights.npz`.

    Returns:
        Nothing.
    """
    with local_session("lay out") as spark:
        unzip(spark, archive, RunFiles(str(Path(inputs, "run"))))
    with zipfile.ZipFile(archive) as pictures:
        pictures.extractall(Path(inputs, "pictures"))
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
    with tempfile.TemporaryDirectory(dir=FOLDER) as scratch:
        target = Path(scratch, "target")
        if contender == "bare":
            seconds = bare.forward(Path(inputs, "run"), Path(model), target)
        else:
            with local_session(contender) as spark:
                compute = prepare(contender, spark, Path(inputs), Path(model), target)
                began = time.monotonic()
                compute()
                seconds = time.monotonic() - began
        images = pq.read_table(target / "features", columns=["path"]).num_rows
    return {SECONDS: seconds, "images": images, RATE: images / seconds}


def prepare(contender: str, spark: SparkSession, inputs: Path, model: Path, target: Path) -> Callable[[], object]:
    """Make a contender ready for the clock.

    Args:
        contender: Who, of those who need Spark.
        spark: The session.
        inputs: What `lay_out` filled.
        model: The folder of an exported model.
        target: The folder below which `features` appears; it is not there yet.

    Returns:
        What does the work.
    """
    if contender in ENGINES:
        shutil.copytree(inputs / "run", target)
        return partial(featurize, spark, RunFiles(str(target)), str(model), contender)
    weights = inputs / "weights.npz"
    if contender == "predict_batch":
        return predict_batch.prepare(spark, inputs / "run", weights, target)
    if contender == "notebook":
        return notebook.prepare(spark, inputs / "pictures", weights, target)
    return per_image.prepare(spark, inputs / "pictures", weights, target)
