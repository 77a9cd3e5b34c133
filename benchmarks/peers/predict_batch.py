"""Spark's own way to infer: `pyspark.ml.functions.predict_batch_udf`, with Keras behind it.

Spark keeps the network for the life of a Python worker and cuts the batches. The pictures come from Orchard's packed
Parquet: how they are stored is not in question here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.ml.functions import predict_batch_udf
from pyspark.sql.types import ArrayType, FloatType

from benchmarks.peers.keras_network import build, read_weights, scaled
from orchard.layout import RunFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

_BATCH = 4
"""The best for it. Measured with 4, 8, 16, 32, 64 in turn on one core of a shared x86-64 machine, best of 4 rounds:
16.6, 19.9, 24.8, 29.7, 35.5 ms a picture, decoding included (TensorFlow 2.21)."""

_TASKS_PER_CORE = 4  # a file of packed pictures alone would leave cores idle


def prepare(spark: SparkSession, run: Path, weights: Path, target: Path) -> Callable[[], None]:
    """Make ready.

    Args:
        spark: The session.
        run: A run whose unzip stage is complete.
        weights: Those of the network, as `keep_weights` wrote them.
        target: A folder to write `features` into.

    Returns:
        What does the work.
    """
    sent = spark.sparkContext.broadcast(read_weights(weights))

    def load() -> Callable[[NDArray[np.object_]], NDArray[np.float32]]:
        network = build(sent.value)

        def predict(contents: NDArray[np.object_]) -> NDArray[np.float32]:
            answer: NDArray[np.float32] = network.predict_on_batch(scaled(contents))
            return answer

        return predict

    tasks = spark.sparkContext.defaultParallelism * _TASKS_PER_CORE
    features = predict_batch_udf(load, return_type=ArrayType(FloatType()), batch_size=_BATCH)

    def work() -> None:
        rows = spark.read.parquet(RunFiles(str(run)).images).repartition(tasks)
        rows.select("path", "label", features("content").alias("features")).write.parquet(str(target / "features"))

    return work
