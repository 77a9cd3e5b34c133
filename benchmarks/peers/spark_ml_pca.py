"""Principal components by Spark ML, as its guide shows: `array_to_vector`, `PCA.fit`, `transform`, write.

`fit` goes over the rows three times: to see how many columns there are, for the means, and for the Gram matrix, which
it adds up row by row. Its JVM has three times the memory that ours needs, and Java's vector instructions, which its
linear algebra looks for. Its input is not cached: the guide does not, and of three single runs at 10,000 rows, on a
machine that had other work, none differed from the others by more than that work did (34 to 39 s).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.process_memory import peak_mb
from benchmarks.session import local_session

if TYPE_CHECKING:
    from pyspark.ml.feature import PCAModel
    from pyspark.sql import DataFrame, SparkSession

_SETTINGS = {
    "spark.driver.memory": "6g",
    "spark.driver.extraJavaOptions": "--add-modules=jdk.incubator.vector",
}


def fit_pca(spark: SparkSession, folder: str, kept: int) -> tuple[PCAModel, DataFrame]:
    """Fit, and give the model with its input."""
    from pyspark.ml.feature import PCA
    from pyspark.ml.functions import array_to_vector

    rows = spark.read.parquet(folder)
    rows = rows.withColumn("features", array_to_vector(rows["features"]))
    return PCA(k=kept, inputCol="features", outputCol="components").fit(rows), rows


def write_components(model: PCAModel, rows: DataFrame, target: str) -> None:
    """Project every row and write what Orchard writes: path, split, label and components."""
    from pyspark.ml.functions import vector_to_array

    projected = model.transform(rows)
    projected = projected.withColumn("components", vector_to_array(projected["components"])).drop("features")
    projected.write.mode("overwrite").parquet(target)


def measured_fit(folder: str, kept: int, target: str) -> dict[str, float]:
    """Measure; the clock starts when the session is up, which reads nothing yet.

    Returns:
        `seconds` of the fit and `projected` of fit, projection and writing; `memory_mb`, the peak of the JVM; and
        `explained`, the share of the variance.
    """
    with local_session("spark-ml", _SETTINGS) as spark:
        began = time.monotonic()
        model, rows = fit_pca(spark, folder, kept)
        explained = float(model.explainedVariance.toArray().sum())
        seconds = time.monotonic() - began
        write_components(model, rows, target)
        projected = time.monotonic() - began
        return {"seconds": seconds, "projected": projected, "memory_mb": peak_mb("java"), "explained": explained}
