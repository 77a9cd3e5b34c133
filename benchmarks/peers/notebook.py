"""The job as the course's notebook teaches it: one file a picture, Keras in an iterator of pandas series.

A scalar-iterator UDF builds the network once a task, with weights that were broadcast, and gives `model.predict` a
whole Arrow batch of pictures. The number of tasks and the 1,024 records of a batch are the notebook's.
"""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 (Spark reads the UDF's annotations)
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql import functions as sql
from pyspark.sql.pandas.functions import pandas_udf

from benchmarks.peers.keras_network import build, read_weights, scaled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

_TASKS = 20
_BATCH = 1024


def prepare(
    spark: SparkSession, pictures: Path, weights: Path, target: Path, *, tasks: int = _TASKS
) -> Callable[[], None]:
    """Make ready.

    Args:
        spark: The session.
        pictures: A tree of folders with one file a picture, in folders named after their labels.
        weights: Those of the network, as `keep_weights` wrote them.
        target: A folder to write `features` into.
        tasks: How many tasks share the pictures.

    Returns:
        What does the work.
    """
    sent = spark.sparkContext.broadcast(read_weights(weights))
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", _BATCH)

    def featurize(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        network = build(sent.value)
        for contents in batches:
            yield pd.Series(list(network.predict(scaled(contents), verbose=0)))

    features = pandas_udf(featurize, "array<float>")  # type: ignore[call-overload]

    def work() -> None:
        rows = read_pictures(spark, pictures).repartition(tasks)
        rows.select("path", "label", features("content").alias("features")).write.parquet(str(target / "features"))

    return work


def read_pictures(spark: SparkSession, pictures: Path) -> DataFrame:
    """Path, label and content of every picture.

    Args:
        spark: The session.
        pictures: A tree of folders, named after the labels.
    """
    return (
        spark.read.format("binaryFile")
        .option("pathGlobFilter", "*.jpg")
        .option("recursiveFileLookup", "true")
        .load(str(pictures))
        .select("path", sql.element_at(sql.split("path", "/"), -2).alias("label"), "content")
    )
