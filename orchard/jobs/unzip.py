"""The unzip stage: one archive becomes a few packed Parquet files and the tables about them."""

from __future__ import annotations

import itertools
import zlib
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from orchard.archive.collection import archive_facts, collect, pictures_of, pinned
from orchard.archive.duplicates import ContentIds
from orchard.archive.labels import split_and_label
from orchard.archive.members import Picture
from orchard.archive.sources.open import open_source
from orchard.jobs.duplicates import duplicates_told
from orchard.jobs.files import HadoopFiles, csv_text
from orchard.jobs.rejections import check_share, rejection_lines, write_rejections
from orchard.jobs.stages import BooksDoNotBalanceError, Stage, StageRecord
from orchard.jobs.tables import IMAGES, Part, write_part, write_text_part
from orchard.jobs.tasks import run_tasks
from orchard.layout import RunFiles
from orchard.options import DEFAULT_MAX_REJECTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyspark.sql import SparkSession

    from orchard.archive.collection import Collection, Source
    from orchard.archive.rejection import Rejection
    from orchard.archive.sources.base import SourceReference
    from orchard.archive.spans import Span

METADATA = ("s3_path", "label", "filename", "split", "modification_time", "file_size_bytes")
"""The columns of `metadata/`."""

IMAGES_IN_ONE_TABLE = 1_000_000
"""Up to so many images `metadata/` is one file, which the driver puts together of what the tasks wrote; above, each
task leaves its own."""

_REASONS_TOLD = 20
_ROW_BYTES = 256
"""What a picture takes in a batch beside its content, so that empty ones end a batch too."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a task has done with its span; small, since the driver holds what all of them did.

    Attributes:
        images: Its file of `images/`; None where no picture was whole.
        metadata: Its file of `metadata/`; None where the driver writes one for all.
        described: Otherwise its lines of `metadata/`, compressed.
        reasons: Its lines of `rejected/`, compressed.
        lost: How many images it rejected by split and label.
        contents: What tells the contents of its pictures apart.
    """

    images: Part | None
    metadata: Part | None
    described: bytes
    rejected: int
    reasons: bytes
    lost: Counter[tuple[str, str]]
    contents: ContentIds


def unzip(
    spark: SparkSession,
    archive: str,
    run: RunFiles,
    *,
    version_id: str | None = None,
    etag: str | None = None,
    encoding: str | None = None,
    limit: int | None = None,
    only_label: Sequence[str] | None = None,
    max_rejected: float = DEFAULT_MAX_REJECTED,
) -> StageRecord:
    """Read the archive by ranges, one task a span; write `images/` and `metadata/`, `stats/`, `rejected/`, `ignored/`.

    Args:
        archive: The zip's URI; or that of the file by which a run's sources are pinned, `sources.json`.
        version_id: The object version to read, for S3.
        etag: What the object's ETag must be, for S3 without versions.
        encoding: What names are that are not UTF-8; cp437 by default.
        limit: Take so many of the images; None for all.
        only_label: Take the images of these labels only; None for all.
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
    if archive.endswith(".json"):
        sources = _pinned(archive)
    else:
        sources = [open_source(archive, version_id=version_id, etag=etag)]
    inputs = {
        "sources": [asdict(source.reference) for source in sources],
        "encoding": encoding,
        "limit": limit,
        "only_label": list(only_label) if only_label else None,
    }
    stage = Stage(files, run, "unzip", inputs)
    record = stage.completed() or _unzip(spark, files, run, stage, sources)
    uris, unread = [one.uri for one in sources], record.facts["unread"]
    check_share(files, {"unzip": run}, record.counts, record.counts["images"], max_rejected, uris, unread)
    return record


def _unzip(spark: SparkSession, files: HadoopFiles, run: RunFiles, stage: Stage, sources: list[Source]) -> StageRecord:
    by_uri, wanted = {source.uri: source for source in sources}, stage.inputs
    found = collect(list(by_uri), lambda uri, _: by_uri[uri], encoding=wanted["encoding"])
    inventory = found.select(wanted["limit"], wanted["only_label"])
    stage.start()
    parts = list(inventory.spans())
    done = _run_tasks(spark, run, parts, in_parts=inventory.images > IMAGES_IN_ONE_TABLE)
    tables = {run.images: [one.images for one in done if one.images]}
    if inventory.images > IMAGES_IN_ONE_TABLE:
        tables[run.metadata] = [one.metadata for one in done if one.metadata]
    else:
        described = (zlib.decompress(one.described).decode() for one in done)
        files.write_text(run.metadata_table, itertools.chain(csv_text([METADATA]), described))
    files.write_csv(run.ignored_table, ("path", "reason"), inventory.ignored_entries())
    reasons = (zlib.decompress(one.reasons).decode() for one in done)
    write_rejections(files, run, "unzip", itertools.chain(rejection_lines(inventory.rejections()), reasons))
    classes = _write_stats(files, run, inventory, done)
    written = stage.written(tables)
    counts = {
        "entries": inventory.entries,
        "directories": inventory.directories,
        "ignored": inventory.ignored,
        "skipped": inventory.skipped,
        "rejected_in_unzip": inventory.rejected + sum(one.rejected for one in done),
        "images": sum(part.rows for part in tables[run.images]),
    }
    _check_books(counts)
    commonest = dict(Counter(inventory.ignored_reasons).most_common(_REASONS_TOLD))
    archive = {**archive_facts(inventory), "guessed_names": inventory.guessed}
    unread = inventory.rejected if inventory.skipped else 0
    duplicates = duplicates_told([span for _, span in parts], [one.contents for one in done])
    return stage.complete(
        written,
        counts,
        archive=archive,
        classes=classes,
        ignored=commonest,
        unread=unread,
        duplicates=duplicates,
    )


def _pinned(uri: str) -> list[Source]:
    """What `inspect_archive` has found; its listings lie beside it."""

    def content(uri: str) -> bytes:
        source = open_source(uri)
        return source.read(0, source.size)

    run = RunFiles(uri.rpartition("/")[0])
    return pinned(content(uri).decode(), uri, lambda number: content(run.listing(number)))


def _run_tasks(
    spark: SparkSession, run: RunFiles, parts: list[tuple[SourceReference, Span]], *, in_parts: bool
) -> list[Unpacked]:
    def work(part: tuple[SourceReference, Span]) -> Unpacked:
        notes = Notes()
        images = write_part(IMAGES, run.images, pack(notes.pictures(pictures_of(*part))))
        described = "".join(csv_text(notes.described))
        header = "".join(csv_text([METADATA]))
        return Unpacked(
            images=images,
            metadata=write_text_part(run.metadata, header + described) if in_parts and described else None,
            described=b"" if in_parts else zlib.compress(described.encode()),
            rejected=len(notes.rejected),
            reasons=zlib.compress("".join(rejection_lines(notes.rejected)).encode()),
            lost=Counter(split_and_label(rejection.path) for rejection in notes.rejected),
            contents=notes.contents,
        )

    return run_tasks(spark, work, parts)


class Notes:
    """What is written about the pictures of a span while they are read.

    Attributes:
        described: The rows of `metadata/`.
        rejected: What is no picture.
        contents: What tells their contents apart.
    """

    def __init__(self) -> None:
        self.described: list[tuple[object, ...]] = []
        self.rejected: list[Rejection] = []
        self.contents = ContentIds()

    def pictures(self, outcomes: Iterable[Picture | Rejection]) -> Iterator[Picture]:
        """Pass on the pictures, each described, and keep the rejections."""
        for outcome in outcomes:
            if not isinstance(outcome, Picture):
                self.rejected.append(outcome)
                self.contents.leave_out()
                continue
            modified = outcome.modification_time.strftime("%Y-%m-%dT%H:%M:%SZ")
            about = (outcome.address, outcome.label, outcome.filename, outcome.split, modified, len(outcome.content))
            self.described.append(about)
            self.contents.add(outcome.content, outcome.split, outcome.label)
            yield outcome


def pack(pictures: Iterable[Picture]) -> Iterator[pa.RecordBatch]:
    """Pack pictures into batches of one row group each, with the columns of `orchard.jobs.tables.IMAGES`."""
    waiting: list[Picture] = []
    filled = 0
    for picture in pictures:
        waiting.append(picture)
        filled += len(picture.content) + _ROW_BYTES
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
    out = sum(counts[part] for part in ("directories", "ignored", "skipped", "rejected_in_unzip", "images"))
    if counts["entries"] != out:
        raise BooksDoNotBalanceError(
            "The counts of the unzip stage do not balance",
            f"the archive has {counts['entries']} entries, but {out} came out: {counts}",
        )


def _write_stats(files: HadoopFiles, run: RunFiles, inventory: Collection, done: Iterable[Unpacked]) -> int:
    """Write `stats/`: what the directory says, less what the tasks rejected.

    Returns:
        The number of classes.
    """
    counts = Counter(inventory.counts)
    for one in done:
        counts.subtract(one.lost)
    left = sorted((key, count) for key, count in counts.items() if count)
    files.write_csv(run.stats_table, ("split", "label", "count"), ((*key, count) for key, count in left))
    return len({label for (_, label), _ in left})
