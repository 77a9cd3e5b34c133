"""The featurize stage: packed pictures become feature vectors."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark import SparkFiles

from orchard.archive.addresses import uris_of
from orchard.errors import EnvironmentNotReadyError
from orchard.features.engines import engine_session
from orchard.features.featurize import compute_features
from orchard.features.model import ENGINE_FILES, MANIFEST, ModelFolder, ModelManifest
from orchard.features.pixels import UndecodableImageError
from orchard.jobs.files import HadoopFiles, csv_text
from orchard.jobs.known import KnownPictures, Noted, copy_features, digest_of, load_known
from orchard.jobs.rejections import check_share, write_rejections
from orchard.jobs.rows import Piece, cut, lists, read_rows
from orchard.jobs.stages import BooksDoNotBalanceError, Stage, StageRecord, require_features, require_records
from orchard.jobs.tables import FEATURES, IMAGES, NAMES, Part, write_part
from orchard.jobs.tasks import run_tasks
from orchard.layout import NOT_AS_THEY_ARE, RunFiles
from orchard.options import DEFAULT_MAX_REJECTED, KEEP, REJECT
from orchard.pipeline.origin import NO_ORIGIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from orchard.features.engines import Engine
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
        features: What it wrote; None if none of its pictures had to be computed, or all of these were rejected.
        digests: What it wrote of their contents.
        reasons: The lines of `rejected/` of those that were, compressed: a driver has room for a million of them.
        seen: How many were not taken as they are, by `orchard.layout.NOT_AS_THEY_ARE`.
        found: Those whose features are to be copied; see `orchard.jobs.known.Noted`.
        rejected_again: How many were rejected as they were in an earlier run.
    """

    features: Part | None
    digests: Part | None
    rejected: int
    reasons: bytes
    seen: Counter[str]
    found: bytes
    rejected_again: int


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
        origin: The earlier run whose pictures they are; none if they are this run's. And the one whose features are
            copied, of pictures with the same content.

    Returns:
        The stage's record; an earlier one if these pictures already have these features.

    Raises:
        UsageError: The unzip stage is not complete, or a run whose results are used is gone, or has others.
        EnvironmentNotReadyError: The model is missing or damaged, or the engine's library is not there.
        TooManyRejectedError: More was rejected. The stage is complete all the same: allowing more costs nothing.
        BooksDoNotBalanceError: A picture was lost.
        StageTakenOverError: Another job does the same.
    """
    files = HadoopFiles(spark)
    [images] = require_records(files, run, ["unzip"], origin)
    manifest = _ship_model(spark, files, model, engine)
    made_by = {"model": manifest.id, "engine": engine, "truncated": truncated}
    known = RunFiles(origin.known) if origin.known else None
    stage = Stage(files, run, "featurize", {"unzip": images.completed, **made_by, **origin.as_input})
    unzipped = origin.files("unzip", run)
    try:
        record = stage.completed()
        if record is None:
            earlier = None if known is None else require_features(files, run, known, made_by)
            work = _Work(spark, files, run, engine, keep_truncated=truncated == KEEP)
            record = work.do(stage, images, images.parts(unzipped, unzipped.images), manifest, known, earlier)
    except Exception:
        # if an origin was deleted meanwhile, that is what has to be told, whatever could not be read
        require_records(files, run, ["unzip"], origin)
        if known is not None:
            require_features(files, run, known, made_by)
        raise
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


@dataclass(frozen=True)
class _Work:
    """The stage of one run, with what all of it needs."""

    spark: SparkSession
    files: HadoopFiles
    run: RunFiles
    engine: str
    keep_truncated: bool

    def do(
        self,
        stage: Stage,
        images: StageRecord,
        pictures: dict[str, int],
        manifest: ModelManifest,
        known: RunFiles | None,
        earlier: StageRecord | None,
    ) -> StageRecord:
        """Do the stage.

        Args:
            pictures: The files of `images/`: URI → size in bytes.
            known: The run whose features are copied.
            earlier: Its record.

        Raises:
            BooksDoNotBalanceError: Pictures were lost, or counted twice.
        """
        files, run = self.files, self.run
        stage.start()
        there = None if known is None or earlier is None else load_known(self.spark, known, earlier)
        done = self._compute(pictures, there)
        features = [one.features for one in done if one.features]
        digests = [one.digests for one in done if one.digests]
        rejected = sum(one.rejected for one in done)
        seen = sum((one.seen for one in done), Counter[str]())
        write_rejections(files, run, "featurize", (zlib.decompress(one.reasons).decode() for one in done))
        facts: dict[str, Any] = {}
        if known is not None and earlier is not None and there is not None:
            copied = copy_features(self.spark, there, known.features, run, (one.found for one in done))
            features += [part for part, _ in copied if part]
            digests += [part for _, part in copied if part]
            facts["known"] = {
                "run": known.base,
                "completed": earlier.completed,
                "features": sum(part.rows for part, _ in copied if part),
                "rejected": sum(one.rejected_again for one in done),
            }
        written = stage.written({run.features: features, run.digests: digests})
        count = sum(part.rows for part in features)
        if not count + rejected == sum(part.rows for part in digests) == images.counts["images"]:
            raise BooksDoNotBalanceError(
                "The counts of the featurize stage do not balance",
                f"{images.counts['images']} images, but {count} features and {rejected} rejected",
            )
        return stage.complete(
            written,
            {"rejected_in_featurize": rejected, "features": count, **{name: seen[name] for name in NOT_AS_THEY_ARE}},
            engine=self.engine,
            model={
                "id": manifest.id,
                "name": manifest.name,
                "weights": manifest.weights,
                "weights_sha256": manifest.weights_sha256,
            },
            **facts,
        )

    def _compute(self, images: dict[str, int], known: KnownPictures | None) -> list[Featurized]:
        """Write the features of what is not known, one file a task."""
        features, digests, engine, keep = self.run.features, self.run.digests, self.engine, self.keep_truncated
        tasks = self.spark.sparkContext.defaultParallelism * _TASKS_PER_CORE
        pieces = cut(images, max(_MIN_TASK_BYTES, min(_MAX_TASK_BYTES, sum(images.values()) // tasks)))
        shared = self.spark.sparkContext.broadcast(known)

        def work(piece: Piece) -> Featurized:
            network = engine_session(engine, SparkFiles.getRootDirectory())
            noted = Noted()
            rows = read_rows([piece], [*NAMES, "content"], rows=_ROWS)
            batches = featurized(network, rows, noted, keep_truncated=keep, known=shared.value)
            written = write_part(FEATURES, features, batches)
            lines = "".join(csv_text((path, "featurize", reason) for path, reason in sorted(noted.rejected)))
            return Featurized(
                features=written,
                digests=noted.write(digests, written),
                rejected=len(noted.rejected),
                reasons=zlib.compress(lines.encode()),
                seen=noted.seen,
                found=noted.packed(),
                rejected_again=noted.rejected_again,
            )

        return run_tasks(self.spark, work, pieces)


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
    noted: Noted,
    *,
    keep_truncated: bool = False,
    known: KnownPictures | None = None,
) -> Iterator[pa.RecordBatch]:
    """Compute the features of batches of pictures.

    Args:
        batches: Path, split, label and content of pictures.
        noted: Where is written down what becomes of each.
        keep_truncated: Whether those that are cut short have features.
        known: Those that are not computed.

    Yields:
        Batches with the columns of `orchard.jobs.tables.FEATURES`.
    """
    for batch in batches:
        names, contents = batch.select(NAMES), batch.column("content")
        digests = [digest_of(content.as_buffer()) for content in contents]
        new = range(len(digests))
        if known is not None:
            places = known.find(digests)
            there, new = np.flatnonzero(places >= 0), np.flatnonzero(places < 0).tolist()
            of = [digests[row] for row in there.tolist()]
            noted.know(known, names.take(pa.array(there)), of, places[there])
        kept: list[int] = []
        vectors: list[NDArray[np.float32]] = []
        seen: defaultdict[int, Counter[str]] = defaultdict(Counter)
        given = ((row, contents[row].as_py()) for row in new)
        for row, outcome in compute_features(network, given, keep_truncated=keep_truncated, seen=seen.__getitem__):
            if isinstance(outcome, UndecodableImageError):
                noted.reject(names.column("path")[row].as_py(), digests[row], outcome.reason)
            else:
                noted.take(digests[row], seen[row])
                kept.append(row)
                vectors.append(outcome)
        if kept:
            rows = names.take(pa.array(kept))
            yield pa.record_batch([*rows.columns, lists(np.stack(vectors))], schema=FEATURES.schema)
