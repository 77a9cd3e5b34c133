"""The job as the published run of 83 minutes did it: a pandas UDF from series to series.

Nothing outlives an Arrow batch in such a UDF, so that it builds the network for each, and it calls `model.predict` for
each picture. It leaves the tasks and the batches to Spark, which gives a task some thirty small files, in one batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql.pandas.functions import pandas_udf

from benchmarks.peers.keras_network import build, read_weights, scaled
from benchmarks.peers.notebook import read_pictures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import SparkSession

_BATCH = 10_000  # Spark's default


def prepare(spark: SparkSession, pictures: Path, weights: Path, target: Path) -> Callable[[], None]:
    """Make ready.

    Args:
        spark: The session.
        pictures: A tree of folders with one file a picture, in folders named after their labels.
        weights: Those of the network, as `keep_weights` wrote them.
        target: A folder to write `features` into.

    Returns:
        What does the work.
    """
    sent = spark.sparkContext.broadcast(read_weights(weights))
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", _BATCH)

    def featurize(contents: pd.Series) -> pd.Series:
        network = build(sent.value)
        return pd.Series([network.predict(scaled([content]), verbose=0)[0] for content in contents])

    features = pandas_udf(featurize, "array<float>")  # type: ignore[call-overload]

    def work() -> None:
        rows = read_pictures(spark, pictures)
        rows.select("path", "label", features("content").alias("features")).write.parquet(str(target / "features"))

    return work
