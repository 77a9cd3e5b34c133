"""The unzip stage: one archive becomes a few packed Parquet files and the tables about them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa

from orchard import layout
from orchard.archive.checks import inspect
from orchard.archive.labels import split_and_label
from orchard.archive.members import Picture, read_span
from orchard.archive.rejection import Rejection
from orchard.archive.sources.open import open_source, reopen
from orchard.archive.spans import plan_spans
from orchard.jobs.files import HadoopFiles
from orchard.jobs.rejections import check_share, write_rejections
from orchard.jobs.stages import BooksDoNotBalanceError, Stage, StageRecord
from orchard.jobs.tables import IMAGES, Part, write_part
from orchard.jobs.tasks import run_tasks
from orchard.options import DEFAULT_MAX_REJECTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyspark.sql import SparkSession

    from orchard.archive.directory import Member
    from orchard.archive.sources.base import PinnedSource, SourceReference
    from orchard.archive.spans import Span
    from orchard.layout import RunFiles


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
    stage.start()
    images, damaged = _write_images(spark, run, plan_spans(inventory), pinned)
    rejected = [(rejection.path, rejection.reason) for rejection in (*inventory.rejected, *damaged)]
    lost = {rejection.path for rejection in damaged}
    classes = _write_tables(files, run, pinned.uri, [member for member in inventory.images if member.path not in lost])
    write_rejections(files, run, "unzip", rejected)
    written = stage.written(run.images, images)
    counts = {
        "entries": inventory.entries,
        "directories": inventory.directories,
        "ignored": inventory.ignored,
        "rejected_in_unzip": len(rejected),
        "images": sum(part.rows for part in images),
    }
    _check_books(counts)
    return stage.complete(written, counts, archive={"uri": pinned.uri, "size": pinned.size}, classes=classes)


def _write_images(
    spark: SparkSession, run: RunFiles, spans: list[Span], source: SourceReference
) -> tuple[list[Part], list[Rejection]]:
    """Write the pictures, one file a span; what the tasks rejected comes back with the files."""
    folder = run.images

    def work(span: Span) -> tuple[Part | None, list[Rejection]]:
        rejected: list[Rejection] = []
        return write_part(IMAGES, folder, pack(read_span(reopen(source), span), rejected)), rejected

    done = run_tasks(spark, work, spans)
    return [part for part, _ in done if part], [rejection for _, rejected in done for rejection in rejected]


def pack(outcomes: Iterable[Picture | Rejection], rejected: list[Rejection]) -> Iterator[pa.RecordBatch]:
    """Pack pictures into batches of one row group each.

    Args:
        outcomes: What was read.
        rejected: Where those go that are no pictures.

    Yields:
        Batches with the columns of `orchard.jobs.tables.IMAGES`.
    """
    waiting: list[Picture] = []
    filled = 0
    for outcome in outcomes:
        if isinstance(outcome, Rejection):
            rejected.append(outcome)
            continue
        waiting.append(outcome)
        filled += len(outcome.content)
        if filled >= IMAGES.group_bytes:
            yield _to_batch(waiting)
            waiting, filled = [], 0
    if waiting:
        yield _to_batch(waiting)


def _to_batch(pictures: list[Picture]) -> pa.RecordBatch:
    columns = (
        [picture.path for picture in pictures],
        [picture.split for picture in pictures],
        [picture.label for picture in pictures],
        [picture.filename for picture in pictures],
        [picture.modification_time for picture in pictures],
        [len(picture.content) for picture in pictures],
        [picture.content for picture in pictures],
    )
    arrays = [pa.array(values, field.type) for values, field in zip(columns, IMAGES.schema, strict=True)]
    return pa.record_batch(arrays, schema=IMAGES.schema)


def _check_books(counts: dict[str, int]) -> None:
    out = counts["directories"] + counts["ignored"] + counts["rejected_in_unzip"] + counts["images"]
    if counts["entries"] != out:
        raise BooksDoNotBalanceError(
            "The counts of the unzip stage do not balance",
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
