"""The featurize stage: packed pictures become feature vectors."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark import SparkFiles

from orchard.archive.collection import uris_of
from orchard.errors import EnvironmentNotReadyError
from orchard.features.engines import engine_session
from orchard.features.featurize import compute_features
from orchard.features.model import ENGINE_FILES, MANIFEST, ModelFolder, ModelManifest
from orchard.features.pixels import UndecodableImageError
from orchard.jobs.files import HadoopFiles, csv_text
from orchard.jobs.rejections import check_share, write_rejections
from orchard.jobs.rows import Piece, cut, lists, read_rows
from orchard.jobs.stages import BooksDoNotBalanceError, Stage, StageRecord, require_records
from orchard.jobs.tables import FEATURES, IMAGES, NAMES, Part, write_part
from orchard.jobs.tasks import run_tasks
from orchard.layout import NOT_AS_THEY_ARE
from orchard.options import DEFAULT_MAX_REJECTED, KEEP, REJECT
from orchard.pipeline.origin import NO_ORIGIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from orchard.features.engines import Engine
    from orchard.layout import RunFiles
    from orchard.pipeline.origin import Origin

_TASKS_PER_CORE = 24
"""So many that the last one, which one core computes alone, is a small share of the whole."""

_MIN_TASK_BYTES = IMAGES.group_bytes
_MAX_TASK_BYTES = 64 << 20
_ROWS = 64  # pictures in memory at once, as files


@dataclass(frozen=True)
class Featurized:
    """What a task has done.

    Attributes:
        features: What it wrote; None if all of its pictures were rejected.
        reasons: Their lines of `rejected/`, compressed: a driver has room for a million of them.
        seen: How many were not taken as they are, by `orchard.layout.NOT_AS_THEY_ARE`.
    """

    features: Part | None
    rejected: int
    reasons: bytes
    seen: Counter[str]


def featurize(
    spark: SparkSession,
    run: RunFiles,
    model: str,
    engine: str,
    *,
    max_rejected: float = DEFAULT_MAX_REJECTED,
    truncated: str = REJECT,
    origin: Origin = NO_ORIGIN,
) -> StageRecord:
    """Compute the features of every picture, and write `features/` and this stage's share of `rejected/`.

    Args:
        run: The run's files; its unzip stage must be complete, or that of its origin.
        model: The folder of an exported model, any Hadoop URI or a local path.
        engine: What computes, one of `orchard.options.ENGINES`.
        max_rejected: Which share of the images may be rejected, by unzip and by this stage together, in [0, 1].
        truncated: What becomes of a picture that is cut short, one of `orchard.options.TRUNCATED`.
        origin: The earlier run whose pictures they are; none if they are this run's.

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
    [images] = require_records(files, run, ["unzip"], origin)
    manifest = _ship_model(spark, files, model, engine)
    made_of = {"unzip": images.completed, "model": manifest.id, "engine": engine, "truncated": truncated}
    stage = Stage(files, run, "featurize", {**made_of, **origin.as_input})
    unzipped = origin.files("unzip", run)
    pictures = images.parts(unzipped, unzipped.images)
    record = stage.completed() or _featurize(spark, files, run, stage, images, pictures, manifest, engine, truncated)
    check_share(
        files,
        {"unzip": unzipped, "featurize": run},
        {**images.counts, **record.counts},
        record.counts["features"],
        max_rejected,
        uris_of(images.facts["archive"]),
        images.facts["unread"],
    )
    return record


def _featurize(
    spark: SparkSession,
    files: HadoopFiles,
    run: RunFiles,
    stage: Stage,
    images: StageRecord,
    pictures: dict[str, int],
    manifest: ModelManifest,
    engine: str,
    truncated: str,
) -> StageRecord:
    stage.start()
    done = _write_features(spark, run, pictures, engine, keep_truncated=truncated == KEEP)
    features = [one.features for one in done if one.features]
    rejected = sum(one.rejected for one in done)
    seen = sum((one.seen for one in done), Counter[str]())
    write_rejections(files, run, "featurize", (zlib.decompress(one.reasons).decode() for one in done))
    written = stage.written({run.features: features})
    count = sum(part.rows for part in features)
    if count + rejected != images.counts["images"]:
        raise BooksDoNotBalanceError(
            "The counts of the featurize stage do not balance",
            f"{images.counts['images']} images, but {count} features and {rejected} rejected",
        )
    return stage.complete(
        written,
        {"rejected_in_featurize": rejected, "features": count, **{name: seen[name] for name in NOT_AS_THEY_ARE}},
        engine=engine,
        model={
            "id": manifest.id,
            "name": manifest.name,
            "weights": manifest.weights,
            "weights_sha256": manifest.weights_sha256,
        },
    )


def _write_features(
    spark: SparkSession, run: RunFiles, images: dict[str, int], engine: str, *, keep_truncated: bool
) -> list[Featurized]:
    """Write the features, one file a task."""
    folder = run.features
    tasks = spark.sparkContext.defaultParallelism * _TASKS_PER_CORE
    pieces = cut(images, max(_MIN_TASK_BYTES, min(_MAX_TASK_BYTES, sum(images.values()) // tasks)))

    def work(piece: Piece) -> Featurized:
        network = engine_session(engine, SparkFiles.getRootDirectory())
        rejected: list[tuple[str, str]] = []
        seen: Counter[str] = Counter()
        rows = read_rows([piece], [*NAMES, "content"], rows=_ROWS)
        batches = featurized(network, rows, rejected, seen, keep_truncated=keep_truncated)
        written = write_part(FEATURES, folder, batches)
        lines = "".join(csv_text((path, "featurize", reason) for path, reason in sorted(rejected)))
        return Featurized(written, len(rejected), zlib.compress(lines.encode()), seen)

    return run_tasks(spark, work, pieces)


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


def featurized(
    network: Engine,
    batches: Iterable[pa.RecordBatch],
    rejected: list[tuple[str, str]],
    seen: Counter[str],
    *,
    keep_truncated: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Compute the features of batches of pictures.

    Args:
        batches: Path, split, label and content of pictures.
        rejected: Where path and reason of those go that have no features.
        seen: Where is counted which are not taken as they are, by `orchard.layout.NOT_AS_THEY_ARE`.
        keep_truncated: Whether those that are cut short have features.

    Yields:
        Batches with the columns of `orchard.jobs.tables.FEATURES`.
    """
    for batch in batches:
        kept: list[int] = []
        vectors: list[NDArray[np.float32]] = []
        contents = (content.as_py() for content in batch.column("content"))
        for row, outcome in compute_features(network, enumerate(contents), keep_truncated=keep_truncated, seen=seen):
            if isinstance(outcome, UndecodableImageError):
                rejected.append((batch.column("path")[row].as_py(), outcome.reason))
            else:
                kept.append(row)
                vectors.append(outcome)
        if kept:
            rows = batch.select(NAMES).take(pa.array(kept))
            yield pa.record_batch([*rows.columns, lists(np.stack(vectors))], schema=FEATURES.schema)
