"""The pca stage: two passes over the features, then everything a reader of the results wants to know."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orchard.components.moments import Moments, accumulate
from orchard.components.solve import PrincipalComponents, explained_variance_csv, project, solve
from orchard.errors import OptionsError, OrchardError
from orchard.jobs.applying import Applied, KnownRun, write_predictions
from orchard.jobs.files import HadoopFiles
from orchard.jobs.reporting import write_report
from orchard.jobs.rows import Piece, cut, lists, matrix, read_rows, share_out
from orchard.jobs.stages import (
    BooksDoNotBalanceError,
    Stage,
    StageRecord,
    is_published,
    publish,
    require_records,
)
from orchard.jobs.summary import summarise
from orchard.jobs.tables import COMPONENTS, FEATURES, NAMES, Part, write_part
from orchard.jobs.tasks import run_tasks
from orchard.layout import STAGES
from orchard.pipeline.origin import NO_ORIGIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

    from orchard.layout import RunFiles
    from orchard.options import RunOptions
    from orchard.pipeline.origin import Origin

_MAX_PARTIAL_SUMS = 64
"""Each is 6.6 MB at 1280 dimensions: together they stay well below Spark's limit of 1 GB for what a job brings back."""

_TASKS_PER_CORE = 4  # of the projection, which writes a file each

_PIECE_BYTES = FEATURES.group_bytes

_BEFORE = STAGES[:2]


def pca(spark: SparkSession, run: RunFiles, options: RunOptions, origin: Origin = NO_ORIGIN) -> StageRecord:
    """Fit principal components, project every picture, write `pca/`, the model, the tables, the report and the summary.

    Of a run that is projected onto the components of another there is no model and no table of variances: they are in
    the other's folder. Its `pca/` says what the pictures of the other are for the new ones.

    Args:
        run: The run's files; its featurize stage must be complete, or that of its origin.
        options: How many components to keep, and on which split to fit; of no consequence where they are another's.
        origin: The earlier runs whose features and components they are; none if they are this run's.

    Returns:
        The stage's record; an earlier one if the run is complete with these options.

    Raises:
        UsageError: The featurize stage is not complete, or the options do not fit the features, or the features not the
            components.
        NoVarianceError: All features are equal.
        BooksDoNotBalanceError: A picture was lost.
        StageTakenOverError: Another job does the same.
    """
    files = HadoopFiles(spark)
    try:
        return _pca(spark, files, run, options, origin)
    except Exception:
        if origin:  # if it was deleted meanwhile, that is what has to be told, whatever could not be read
            require_records(files, run, _BEFORE, origin)
        if origin.components:
            KnownRun.of(files, origin.components, run)
        raise


def _pca(spark: SparkSession, files: HadoopFiles, run: RunFiles, options: RunOptions, origin: Origin) -> StageRecord:
    unzipped, featurized = require_records(files, run, _BEFORE, origin)
    known = KnownRun.of(files, origin.components, run) if origin.components else None
    if known:
        known.check_model(featurized)
        origin = replace(origin, components=known.run.base)
    chosen = {"components": options.components, "variance": options.variance, "fit_split": options.fit_split}
    made_of = known.as_input if known else chosen
    stage = Stage(files, run, "pca", {"featurize": featurized.completed, **made_of, **origin.as_input})
    if (done := stage.completed()) and is_published(files, run):
        return done
    if not featurized.counts["features"]:
        raise OrchardError("There are no components to find", "not one image has features")
    computed = origin.files("featurize", run)
    features = cut(featurized.parts(computed, computed.features), _PIECE_BYTES)
    if known:
        components, parameters = known.components(), known.parameters
    else:
        _check_split(files, origin.files("unzip", run), options.fit_split)
        moments = fit_moments(spark, features, options.fit_split)
        components = solve(moments, components=options.components, variance=options.variance)
        parameters = {**chosen, **_parameters(components)}
    stage.start()  # not before: a wish that cannot be met leaves an earlier result as it is
    applied = write_predictions(spark, features, components, known, run.components) if known else None
    projected = applied.parts if applied else write_components(spark, features, components, run.components)
    if not known:
        _save_model(spark, run, components)
        files.write_text(run.explained_variance, [explained_variance_csv(components)])
    written = stage.written({run.components: projected})
    count = sum(part.rows for part in projected)
    if count != featurized.counts["features"]:
        raise BooksDoNotBalanceError(
            "The counts of the pca stage do not balance",
            f"{featurized.counts['features']} features, but {count} were projected",
        )
    facts = {"predictions": applied.to_json()} if applied else {}
    record = stage.complete(written, {"projected": count}, parameters=parameters, **facts)
    _finish(spark, files, run, components, [unzipped, featurized, record], origin, applied)
    return record


def _parameters(components: PrincipalComponents) -> dict[str, Any]:
    return {
        "kept": components.kept,
        "cumulative": components.cumulative,
        "fitted_on": components.count,
        "shortfall": components.shortfall,
    }


def _check_split(files: HadoopFiles, run: RunFiles, split: str | None) -> None:
    there = {row["split"] for row in files.read_csv(run.stats_table)}
    if split is not None and split not in there:
        named = ", ".join(map(repr, sorted(there)))
        raise OptionsError(f"There is no split {split!r} to fit on", f"the images have {named}")


def fit_moments(spark: SparkSession, features: Sequence[Piece], split: str | None = None) -> Moments:
    """Count, mean and scatter of feature vectors, in one pass.

    Args:
        split: Only those of this split.

    Raises:
        OrchardError: There are none.
    """
    # as many partial sums as cores, since each is the size of the matrix and not of its rows
    shares = share_out(features, min(spark.sparkContext.defaultParallelism, _MAX_PARTIAL_SUMS))

    def partial(share: list[Piece]) -> bytes:
        moments = accumulate(matrix(rows.column("features")) for rows in read_rows(share, ["features"], split=split))
        return b"" if moments is None else moments.to_bytes()

    partials = [sums for sums in run_tasks(spark, partial, shares) if sums]
    if not partials:
        raise OrchardError("There are no components to find", "not one image has features")
    return reduce(add, map(Moments.from_bytes, partials))


def write_components(
    spark: SparkSession, features: Sequence[Piece], components: PrincipalComponents, folder: str
) -> list[Part]:
    """Project every feature vector.

    Returns:
        The files that were written, one a task.
    """
    shared = spark.sparkContext.broadcast(components)
    shares = share_out(features, spark.sparkContext.defaultParallelism * _TASKS_PER_CORE)

    def work(share: list[Piece]) -> Part | None:
        return write_part(COMPONENTS, folder, map(projected, read_rows(share, [*NAMES, "features"])))

    def projected(rows: pa.RecordBatch) -> pa.RecordBatch:
        values = project(matrix(rows.column("features")), shared.value)
        names = rows.select(NAMES).columns
        return pa.record_batch([*names, lists(values)], schema=COMPONENTS.schema)

    return [part for part in run_tasks(spark, work, shares) if part]


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
    origin: Origin,
    applied: Applied | None,
) -> None:
    """Write the summary, the report, and at the very end the manifest that makes the run complete."""
    plan = files.read_text(run.plan)
    summary = summarise(run, records, None if plan is None else json.loads(plan), origin)
    by_stage = {record.stage: record for record in records}
    write_report(spark, files, run, components, by_stage, summary, origin, applied)
    files.write_text(run.summary, [json.dumps(summary, indent=2)])
    if applied:
        KnownRun.of(files, applied.known.run.base, run)  # it is needed by whoever uses these files
    publish(files, run, summary["run_id"], origin)
