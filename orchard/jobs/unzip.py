"""The unzip stage: one archive becomes a few packed Parquet files and the tables about them."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import TYPE_CHECKING

from orchard import layout
from orchard.archive.checks import inspect
from orchard.archive.labels import split_and_label
from orchard.archive.members import Picture, read_span
from orchard.archive.source import open_source
from orchard.archive.spans import plan_spans
from orchard.jobs.files import HadoopFiles
from orchard.jobs.rejections import check_share, collect_reasons, write_rejections
from orchard.jobs.stages import BooksDoNotBalanceError, Stage, StageRecord, parts
from orchard.options import DEFAULT_MAX_REJECTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa
    from pyspark.accumulators import Accumulator
    from pyspark.sql import SparkSession

    from orchard.archive.directory import Member
    from orchard.archive.source import PinnedSource, SourceReference
    from orchard.archive.spans import Span
    from orchard.layout import RunFiles

IMAGES_SCHEMA = (
    "path string, split string, label string, filename string, "
    "modification_time timestamp, file_size_bytes bigint, content binary"
)

_ROW_GROUP_BYTES = 1 << 20
"""Small row groups let featurize cut a file between them, so that a small archive still feeds every core."""

_BATCH_BYTES = 8 << 20


def unzip(
    spark: SparkSession,
    archive: str,
    run: RunFiles,
    *,
    version_id: str | None = None,
    etag: str | None = None,
    max_rejected: float = DEFAULT_MAX_REJECTED,
) -> StageRecord:
    """Read the archive by ranges, one task a span, and write `images/`, `metadata/`, `stats/` and `rejected/`.

    Args:
        spark: The session.
        archive: The zip's URI.
        run: Where to write.
        version_id: The object version to read, for S3.
        etag: What the object's ETag must be, for S3 without versions.
        max_rejected: Which share of the images may be rejected, in [0, 1].

    Returns:
        The stage's record; an earlier one if this archive is already unzipped there.

    Raises:
        ArchiveError: The archive is refused, or changed while it was read.
        TooManyRejectedError: More was rejected. The stage is complete all the same: allowing more costs nothing.
        BooksDoNotBalanceError: A member was lost.
        StageTakenOverError: Another job does the same.
    """
    files = HadoopFiles(spark)
    source = open_source(archive, version_id=version_id, etag=etag)
    pinned = source.reference
    stage = Stage(
        files,
        run,
        "unzip",
        {"archive": pinned.uri, "version_id": pinned.version_id, "etag": pinned.etag, "size": pinned.size},
    )
    record = stage.completed() or _unzip(spark, files, run, stage, source)
    check_share(files, run, record.counts, record.counts["images"], max_rejected, pinned.uri)
    return record


def _unzip(spark: SparkSession, files: HadoopFiles, run: RunFiles, stage: Stage, source: PinnedSource) -> StageRecord:
    pinned = source.reference
    inventory = inspect(source)
    spans = plan_spans(inventory)
    stage.start()
    damaged = _write_images(spark, run, spans, pinned)
    rejected = [(rejection.path, rejection.reason) for rejection in inventory.rejected] + list(damaged.items())
    classes = _write_tables(
        files, run, pinned.uri, [member for member in inventory.images if member.path not in damaged]
    )
    write_rejections(files, run, "unzip", rejected)
    written = stage.written()
    counts = {
        "entries": inventory.entries,
        "directories": inventory.directories,
        "ignored": inventory.ignored,
        "rejected_in_unzip": len(rejected),
        "images": spark.read.parquet(*parts(written, run, run.images)).count(),
    }
    _check_books(counts)
    return stage.complete(written, counts, archive={"uri": pinned.uri, "size": pinned.size}, classes=classes)


def _write_images(spark: SparkSession, run: RunFiles, spans: list[Span], source: SourceReference) -> dict[str, str]:
    """Write the pictures, one file a span; what the tasks rejected comes back."""
    reasons = collect_reasons(spark.sparkContext)
    rows = spark.sparkContext.parallelize([(bytearray(pickle.dumps(span)),) for span in spans], len(spans))
    (
        spark.createDataFrame(rows, "span binary")
        .mapInArrow(_reader(source, reasons), IMAGES_SCHEMA)
        .write.mode("overwrite")
        .option("compression", "uncompressed")  # pictures are compressed already
        .option("parquet.block.size", _ROW_GROUP_BYTES)
        .option("parquet.enable.dictionary#content", "false")
        .parquet(run.images)
    )
    return reasons.value


def _reader(
    source: SourceReference, reasons: Accumulator[dict[str, str]]
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        opened = source.open()
        for batch in batches:
            for pickled in batch.column(0):
                pending: list[Picture] = []
                pending_bytes = 0
                for outcome in read_span(opened, pickle.loads(pickled.as_py())):  # noqa: S301 (our own driver's)
                    if isinstance(outcome, Picture):
                        pending.append(outcome)
                        pending_bytes += len(outcome.content)
                        if pending_bytes >= _BATCH_BYTES:
                            yield _to_batch(pending)
                            pending, pending_bytes = [], 0
                    else:
                        reasons.add({outcome.path: outcome.reason})
                if pending:
                    yield _to_batch(pending)

    return read


def _to_batch(pictures: list[Picture]) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.record_batch(
        [
            pa.array([picture.path for picture in pictures]),
            pa.array([picture.split for picture in pictures]),
            pa.array([picture.label for picture in pictures]),
            pa.array([picture.filename for picture in pictures]),
            pa.array([picture.modification_time for picture in pictures], pa.timestamp("us", "UTC")),
            pa.array([len(picture.content) for picture in pictures], pa.int64()),
            pa.array([picture.content for picture in pictures], pa.binary()),
        ],
        names=["path", "split", "label", "filename", "modification_time", "file_size_bytes", "content"],
    )


def _check_books(counts: dict[str, int]) -> None:
    out = counts["directories"] + counts["ignored"] + counts["rejected_in_unzip"] + counts["images"]
    if counts["entries"] != out:
        raise BooksDoNotBalanceError(
            "The books of the unzip stage do not balance",
            f"the archive has {counts['entries']} entries, but {out} came out: {counts}",
        )


def _write_tables(files: HadoopFiles, run: RunFiles, archive: str, members: Iterable[Member]) -> int:
    """Write `metadata/` and `stats/` from the central directory: nobody has to read the pictures again.

    Returns:
        The number of classes.
    """
    labelled = [(member, *split_and_label(member.path)) for member in sorted(members, key=lambda member: member.path)]
    files.write_csv(
        run.metadata_table,
        ("s3_path", "label", "filename", "split", "modification_time", "file_size_bytes"),
        (
            (
                layout.image_address(archive, member.path),
                label,
                member.path.rsplit("/", 1)[-1],
                split,
                member.modified.strftime("%Y-%m-%dT%H:%M:%SZ"),
                member.size,
            )
            for member, split, label in labelled
        ),
    )
    counts = Counter((split, label) for _, split, label in labelled)
    files.write_csv(run.stats_table, ("split", "label", "count"), ((*key, n) for key, n in sorted(counts.items())))
    return len({label for _, label in counts})
