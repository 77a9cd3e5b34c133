"""The featurize stage: packed pictures become feature vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark import SparkFiles

from orchard.errors import EnvironmentNotReadyError
from orchard.features.engines import engine_session
from orchard.features.featurize import featurize as compute_features
from orchard.features.model import ENGINE_FILES, MANIFEST, ModelFolder, ModelManifest
from orchard.features.pixels import UndecodableImageError
from orchard.jobs.files import HadoopFiles
from orchard.jobs.rejections import check_share, collect_reasons, write_rejections
from orchard.jobs.stages import BooksDoNotBalanceError, Stage, StageRecord, parts, require_records
from orchard.options import DEFAULT_MAX_REJECTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray
    from pyspark.accumulators import Accumulator
    from pyspark.sql import SparkSession

    from orchard.layout import RunFiles

FEATURES_SCHEMA = "path string, split string, label string, features array<float>"

_TASKS_PER_CORE = 4
"""Enough for the last task to be a small share of the whole, few enough that a task's start does not show."""

_MIN_TASK_BYTES = 1 << 20
_MAX_TASK_BYTES = 64 << 20


def featurize(
    spark: SparkSession, run: RunFiles, model: str, engine: str, *, max_rejected: float = DEFAULT_MAX_REJECTED
) -> StageRecord:
    """Compute the features of every picture, and write `features/` and this stage's share of `rejected/`.

    Args:
        spark: The session.
        run: The run's files; its unzip stage must be complete.
        model: The folder of an exported model, any Hadoop URI or a local path.
        engine: What computes, one of `orchard.options.ENGINES`.
        max_rejected: Which share of the images may be rejected, by unzip and by this stage together, in [0, 1].

    Returns:
        The stage's record; an earlier one if these pictures already have these features.

    Raises:
        UsageError: The unzip stage is not complete.
        EnvironmentNotReadyError: The model is missing or damaged, or the engine's library is not there.
        TooManyRejectedError: More was rejected. The stage is complete all the same: allowing more costs nothing.
        BooksDoNotBalanceError: A picture was lost.
        StageTakenOverError: Another job does the same.
    """
    files = HadoopFiles(spark)
    [images] = require_records(files, run, ["unzip"])
    manifest = _ship_model(spark, files, model, engine)
    stage = Stage(files, run, "featurize", {"unzip": images.completed, "model": manifest.id, "engine": engine})
    record = stage.completed() or _featurize(spark, files, run, stage, images, manifest, engine)
    check_share(
        files,
        run,
        {**images.counts, **record.counts},
        record.counts["features"],
        max_rejected,
        images.facts["archive"]["uri"],
    )
    return record


def _featurize(
    spark: SparkSession,
    files: HadoopFiles,
    run: RunFiles,
    stage: Stage,
    images: StageRecord,
    manifest: ModelManifest,
    engine: str,
) -> StageRecord:
    stage.start()
    reasons = collect_reasons(spark.sparkContext)
    pictures = images.parts(run, run.images)
    spark.conf.set("spark.sql.files.maxPartitionBytes", _task_bytes(spark, pictures.values()))
    spark.conf.set("spark.sql.files.openCostInBytes", 0)  # few files, cut between row groups: opening one is no cost
    (
        spark.read.parquet(*pictures)
        .select("path", "split", "label", "content")
        .mapInArrow(_featurizer(engine, reasons), FEATURES_SCHEMA)
        .write.mode("overwrite")
        .parquet(run.features)
    )
    rejected = dict(reasons.value)
    write_rejections(files, run, "featurize", rejected.items())
    written = stage.written()
    features = spark.read.parquet(*parts(written, run, run.features)).count()
    if features + len(rejected) != images.counts["images"]:
        raise BooksDoNotBalanceError(
            "The books of the featurize stage do not balance",
            f"{images.counts['images']} images, but {features} features and {len(rejected)} rejected",
        )
    return stage.complete(
        written,
        {"rejected_in_featurize": len(rejected), "features": features},
        engine=engine,
        model={
            "id": manifest.id,
            "name": manifest.name,
            "weights": manifest.weights,
            "weights_sha256": manifest.weights_sha256,
        },
    )


def _task_bytes(spark: SparkSession, images: Iterable[int]) -> int:
    tasks = spark.sparkContext.defaultParallelism * _TASKS_PER_CORE
    return max(_MIN_TASK_BYTES, min(_MAX_TASK_BYTES, sum(images) // tasks))


def _ship_model(spark: SparkSession, files: HadoopFiles, model: str, engine: str) -> ModelManifest:
    """Send the engine's file of the model to every node, which never downloads weights itself."""
    for name in (MANIFEST, ENGINE_FILES[engine]):
        uri = f"{model.rstrip('/')}/{name}"
        if not files.exists(uri):
            raise EnvironmentNotReadyError(
                "The model is not there",
                f"there is no {uri}",
                "python -m orchard.features.export --weights imagenet --out DIR",
            )
        spark.sparkContext.addFile(uri)
    return ModelFolder(Path(SparkFiles.getRootDirectory())).manifest


def _featurizer(
    engine: str, reasons: Accumulator[dict[str, str]]
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def compute(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        network = engine_session(engine, SparkFiles.getRootDirectory())
        for batch in batches:
            kept: list[int] = []
            vectors: list[NDArray[np.float32]] = []
            contents = (content.as_py() for content in batch.column("content"))
            for row, outcome in compute_features(network, enumerate(contents)):
                if isinstance(outcome, UndecodableImageError):
                    reasons.add({batch.column("path")[row].as_py(): outcome.reason})
                else:
                    kept.append(row)
                    vectors.append(outcome)
            if kept:
                yield _to_batch(batch, kept, np.stack(vectors))

    return compute


def _to_batch(batch: pa.RecordBatch, kept: list[int], vectors: NDArray[np.float32]) -> pa.RecordBatch:
    offsets = np.arange(len(kept) + 1, dtype=np.int32) * vectors.shape[1]
    rows = batch.select(["path", "split", "label"]).take(pa.array(kept))
    return pa.record_batch(
        [*rows.columns, pa.ListArray.from_arrays(offsets, vectors.ravel())],
        names=["path", "split", "label", "features"],
    )
