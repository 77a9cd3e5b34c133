"""The pca stage: two passes over the features, then everything a reader of the results wants to know."""

from __future__ import annotations

import json
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from orchard.components.moments import Moments, accumulate
from orchard.components.solve import PrincipalComponents, explained_variance_csv, project, solve
from orchard.errors import OptionsError, OrchardError
from orchard.jobs.files import HadoopFiles
from orchard.jobs.reporting import write_report
from orchard.jobs.stages import (
    BooksDoNotBalanceError,
    Stage,
    StageRecord,
    is_published,
    parts,
    publish,
    require_records,
)
from orchard.jobs.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

    from orchard.layout import RunFiles
    from orchard.options import RunOptions

_MAX_PARTIAL_SUMS = 64
"""Each is 6.6 MB at 1280 dimensions: together they stay well below Spark's limit of 1 GB for what a job brings back."""

COMPONENTS_SCHEMA = "path string, split string, label string, components array<double>"


def pca(spark: SparkSession, run: RunFiles, options: RunOptions) -> StageRecord:
    """Fit principal components, project every picture, write `pca/`, the model, the tables, the report and the summary.

    Args:
        spark: The session.
        run: The run's files; its featurize stage must be complete.
        options: How many components to keep, and on which split to fit.

    Returns:
        The stage's record; an earlier one if the run is complete with these options.

    Raises:
        UsageError: The featurize stage is not complete, or the options do not fit the features.
        NoVarianceError: All features are equal.
        BooksDoNotBalanceError: A picture was lost.
        StageTakenOverError: Another job does the same.
    """
    files = HadoopFiles(spark)
    unzipped, featurized = require_records(files, run, ["unzip", "featurize"])
    chosen = {"components": options.components, "variance": options.variance, "fit_split": options.fit_split}
    stage = Stage(files, run, "pca", {"featurize": featurized.completed, **chosen})
    if (done := stage.completed()) and is_published(files, run):
        return done
    features = spark.read.parquet(*featurized.parts(run, run.features))
    moments = _moments(spark, _fitted_on(features, options.fit_split))
    components = solve(moments, components=options.components, variance=options.variance)
    stage.start()  # not before: a wish that cannot be met leaves an earlier result as it is
    _write_components(spark, run, features, components)
    _save_model(spark, run, components)
    files.write_text(run.explained_variance, [explained_variance_csv(components)])
    written = stage.written()
    projected = spark.read.parquet(*parts(written, run, run.components)).count()
    if projected != featurized.counts["features"]:
        raise BooksDoNotBalanceError(
            "The books of the pca stage do not balance",
            f"{featurized.counts['features']} features, but {projected} were projected",
        )
    record = stage.complete(
        written,
        {"projected": projected},
        parameters={**chosen, "kept": components.kept, "cumulative": components.cumulative, "fitted_on": moments.count},
    )
    _finish(spark, files, run, components, [unzipped, featurized, record])
    return record


def _fitted_on(features: DataFrame, split: str | None) -> DataFrame:
    if split is None:
        return features
    there = sorted(row["split"] for row in features.select("split").distinct().collect())
    if split not in there:
        named = ", ".join(repr(name) for name in there)
        raise OptionsError(f"There is no split {split!r} to fit on", f"the images have {named}")
    return features.where(features["split"] == split)


def _moments(spark: SparkSession, features: DataFrame) -> Moments:
    """One Arrow pass; as many partial sums as cores, since each is the size of the matrix and not of its rows."""
    tasks = min(spark.sparkContext.defaultParallelism, _MAX_PARTIAL_SUMS)
    partials = features.select("features").coalesce(tasks).mapInArrow(_partial_moments, "moments binary").collect()
    if not partials:
        raise OrchardError("There are no components to find", "not one image has features")
    return reduce(add, (Moments.from_bytes(bytes(row["moments"])) for row in partials))


def _partial_moments(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    moments = accumulate(_matrix(batch.column("features")) for batch in batches)
    if moments is not None:
        yield pa.record_batch([pa.array([moments.to_bytes()], pa.binary())], names=["moments"])


def _matrix(column: pa.ListArray) -> NDArray[np.float32]:
    """The lists of a column, all of one length, as the rows of a matrix; nothing is copied."""
    values: NDArray[np.float32] = column.flatten().to_numpy(zero_copy_only=True)
    return values.reshape(len(column), -1) if len(column) else values.reshape(0, 0)


def _write_components(spark: SparkSession, run: RunFiles, features: DataFrame, components: PrincipalComponents) -> None:
    shared = spark.sparkContext.broadcast(components)

    def apply(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if not batch.num_rows:
                continue
            projected = project(_matrix(batch.column("features")), shared.value)
            offsets = np.arange(batch.num_rows + 1, dtype=np.int32) * projected.shape[1]
            lists = pa.ListArray.from_arrays(offsets, projected.ravel())
            yield pa.record_batch(
                [*batch.select(["path", "split", "label"]).columns, lists],
                names=["path", "split", "label", "components"],
            )

    features.mapInArrow(apply, COMPONENTS_SCHEMA).write.mode("overwrite").parquet(run.components)


def _save_model(spark: SparkSession, run: RunFiles, components: PrincipalComponents) -> None:
    """Save a model that `pyspark.ml.feature.PCAModel.load` reads, as `PCA.fit` would have made it.

    The constructor is `private[ml]` in Scala, which the JVM does not know: pyspark.ml's own wrapper reaches it, and so
    the model is Spark's and not an imitation of its files.
    """
    from pyspark.ml.common import _py2java
    from pyspark.ml.feature import PCAModel
    from pyspark.ml.linalg import DenseMatrix, DenseVector

    directions = components.components
    rows, columns = directions.shape
    matrix = DenseMatrix(rows, columns, directions.ravel(order="F").tolist())
    model = PCAModel._create_from_java_class(
        "org.apache.spark.ml.feature.PCAModel",
        "orchard_pca",
        _py2java(spark.sparkContext, matrix),
        _py2java(spark.sparkContext, DenseVector(components.explained_variance)),
    )
    java: Any = model._java_obj
    java.set(java.k(), components.kept)
    java.setInputCol("features").setOutputCol("components")
    model.write().overwrite().save(run.pca_model)


def _finish(
    spark: SparkSession,
    files: HadoopFiles,
    run: RunFiles,
    components: PrincipalComponents,
    records: Sequence[StageRecord],
) -> None:
    """Write the summary, the report, and at the very end the manifest that makes the run complete."""
    plan = files.read_text(run.plan)
    summary = summarise(run, records, None if plan is None else json.loads(plan))
    write_report(spark, files, run, components, summary)
    files.write_text(run.summary, [json.dumps(summary, indent=2)])
    publish(files, run, summary["run_id"])
