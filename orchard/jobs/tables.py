"""The Parquet tables that the stages hand on: their columns, and how a task writes its file of one.

A task writes one file, which appears under its own name as a whole or not at all, and reports it. What a task left that
was tried again is not reported, and so is no part of the table; the driver removes it (`orchard.jobs.stages`).
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import LocalFileSystem

from orchard.archive.sources.base import is_s3, local_path
from orchard.archive.sources.files import arrow_filesystem
from orchard.layout import ObjectAddress

if TYPE_CHECKING:
    from collections.abc import Iterable

_LABELS = ("split", "label")

NAMES = ["path", *_LABELS]
"""The columns by which every table calls a picture."""

_NAMES = [(name, pa.string()) for name in NAMES]


@dataclass(frozen=True)
class Table:
    """What a table's files have in common.

    Attributes:
        payload: The large column. It is stored as it is: no two pictures or numbers are equal, so a dictionary of them
            only takes time, and nobody asks for their least and greatest.
        group_bytes: How much of the payload makes a row group, in bytes.
        compression: Parquet's name of the codec.
    """

    schema: pa.Schema
    payload: str
    group_bytes: int
    compression: str


IMAGES = Table(
    pa.schema(
        [
            *_NAMES,
            ("filename", pa.string()),
            ("modification_time", pa.timestamp("us", "UTC")),
            ("file_size_bytes", pa.int64()),
            ("content", pa.binary()),
        ]
    ),
    payload="content",
    group_bytes=1 << 20,  # so small that featurize can cut a file between them, and a small archive feeds every core
    compression="none",  # pictures are compressed already
)

FEATURES = Table(
    pa.schema([*_NAMES, ("features", pa.list_(pa.float32()))]),
    payload="features",
    group_bytes=32 << 20,
    compression="snappy",
)

DIGEST_BYTES = 16

DIGESTS = Table(
    pa.schema([("digest", pa.binary(DIGEST_BYTES)), ("file", pa.string()), ("row", pa.int32()), ("told", pa.string())]),
    payload="digest",
    group_bytes=32 << 20,
    compression="snappy",
)
"""Of each picture its content's digest, and the file and the row of `features/` where its features are, or, of one that
has none, -1 and why; `orchard.jobs.known` reads it."""

COMPONENTS = Table(
    pa.schema([*_NAMES, ("components", pa.list_(pa.float64()))]),
    payload="components",
    group_bytes=32 << 20,
    compression="snappy",
)

_PREDICTED = [("predicted_label", pa.string()), ("votes", pa.int32()), ("distance", pa.float64())]

PREDICTED_NAMES = [name for name, _ in _PREDICTED]

PREDICTED = replace(COMPONENTS, schema=pa.schema([*COMPONENTS.schema, *_PREDICTED]))
"""Components of pictures on which known ones have voted; see `orchard.components.votes.Votes`."""


@dataclass(frozen=True)
class Part:
    """One file of a table.

    Attributes:
        size: In bytes.
    """

    uri: str
    size: int
    rows: int


def write_part(table: Table, folder: str, batches: Iterable[pa.RecordBatch]) -> Part | None:
    """Write one file of a table.

    Args:
        folder: The table's folder: `s3://`, `file:` or a path, or what else `pyarrow.fs` knows.
        batches: The rows, in batches of the table's columns. One batch is held in memory at a time, and what makes a
            row group.

    Returns:
        The file; None without rows, when there is none.

    Raises:
        botocore.exceptions.ClientError: S3 refuses it.
        OSError: It cannot be written, there or, before that, on this machine's disk.
    """
    uri = f"{folder}/part-{uuid.uuid4().hex}.parquet"
    rows = 0
    with tempfile.TemporaryDirectory(prefix="orchard-") as scratch:
        file = Path(scratch, "part.parquet")
        with pq.ParquetWriter(
            file,
            table.schema,
            compression=table.compression,
            use_dictionary=list(_LABELS),
            write_statistics=[name for name in table.schema.names if name != table.payload],
        ) as writer:
            for group in _groups(batches, table):
                writer.write_table(group)
                rows += group.num_rows
        if not rows:
            return None
        size = file.stat().st_size
        _put(file, uri)
    return Part(uri, size, rows)


def write_text_part(folder: str, text: str) -> Part:
    """Write one file of a table that is text.

    Args:
        folder: The table's folder, as `write_part` takes it.
        text: The file, a header and lines.

    Returns:
        The file; its rows are not counted.
    """
    uri = f"{folder}/part-{uuid.uuid4().hex}.csv"
    with tempfile.TemporaryDirectory(prefix="orchard-") as scratch:
        file = Path(scratch, "part.csv")
        file.write_text(text, encoding="utf-8", newline="")
        _put(file, uri)
        return Part(uri, file.stat().st_size, 0)


def _groups(batches: Iterable[pa.RecordBatch], table: Table) -> Iterable[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    filled = 0
    for batch in batches:
        waiting.append(batch)
        filled += batch.column(table.payload).nbytes
        if filled >= table.group_bytes:
            yield pa.Table.from_batches(waiting, table.schema)
            waiting, filled = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting, table.schema)


def _put(file: Path, uri: str) -> None:
    """Copy a file to where it belongs, under a name that nobody sees until it is whole."""
    if is_s3(uri):
        from orchard.aws import clients

        address = ObjectAddress.parse(uri)
        with file.open("rb") as content:
            clients.s3().put_object(Bucket=address.bucket, Key=address.key, Body=content)
        return
    path = local_path(uri)
    filesystem, name = arrow_filesystem(uri) if path is None else (LocalFileSystem(), str(path.absolute()))
    folder, base = name.rsplit("/", 1)
    filesystem.create_dir(folder)
    with filesystem.open_output_stream(f"{folder}/.{base}") as hidden, file.open("rb") as content:
        shutil.copyfileobj(content, hidden)
    filesystem.move(f"{folder}/.{base}", name)
