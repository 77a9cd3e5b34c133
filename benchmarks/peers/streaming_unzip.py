"""One process that reads the zip as one stream, from its first byte on, and writes the same packed Parquet.

What a task does that is given a whole archive, and as fast as Python can: no JVM, no second copy of a picture.
"""

from __future__ import annotations

import io
import os
import time
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from orchard.archive.end_record import LOCAL_SIGNATURE
from orchard.archive.labels import split_and_label
from orchard.archive.methods import DEFLATED, STORED
from orchard.archive.records import LOCAL_HEADER
from orchard.archive.spans import TARGET_BYTES
from orchard.layout import ObjectAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

_READ_BYTES = 8 << 20
_ROW_GROUP_BYTES = 1 << 20
"""As ours, so that the next stage could cut the files alike."""

_SIZES_FOLLOW = 0x0008
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp")


class _Row(NamedTuple):
    """A row of ours, in its order."""

    path: str
    split: str
    label: str
    filename: str
    modification_time: datetime
    file_size_bytes: int
    content: bytes


_SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("path", "split", "label", "filename")],
        ("modification_time", pa.timestamp("us", "UTC")),
        ("file_size_bytes", pa.int64()),
        ("content", pa.binary()),
    ]
)


def unzip(archive: str, base: str) -> dict[str, float]:
    """Read the archive and write its pictures. There is no session: the clock starts when this is called.

    Args:
        archive: The zip's `s3://` URI.
        base: The `s3://` URI to write below, in files about as large as ours.

    Returns:
        `seconds`, and the number of `images` and of their `bytes`.
    """
    began = time.monotonic()
    source, target = ObjectAddress.parse(archive), ObjectAddress.parse(base)
    body = boto3.client("s3").get_object(Bucket=source.bucket, Key=source.key)["Body"]
    store = _store()
    images = total = part = 0
    writer: pq.ParquetWriter | None = None
    written = 0
    for group, size in _groups(_rows(io.BufferedReader(_Stream(body), _READ_BYTES))):
        if writer is None:
            where = f"{target.bucket}/{target.key}/part-{part:05}.parquet"
            writer = pq.ParquetWriter(
                where, _SCHEMA, filesystem=store, compression="none", use_dictionary=["split", "label"]
            )
            part += 1
        writer.write_batch(group)
        images, total, written = images + group.num_rows, total + size, written + size
        if written >= TARGET_BYTES:
            writer.close()
            writer, written = None, 0
    if writer is not None:
        writer.close()
    body.close()
    return {"seconds": time.monotonic() - began, "images": images, "bytes": total}


class _Stream(io.RawIOBase):
    """An object's body as a file."""

    def __init__(self, body: Any) -> None:  # noqa: ANN401 (botocore's)
        self._body = body

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (any writable buffer)
        """Read what comes, up to the buffer's length."""
        content = self._body.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def _rows(stream: io.BufferedReader) -> Iterator[_Row]:
    """Walk from local header to local header (APPNOTE.TXT 6.3.10, section 4.3.7) until the directory begins.

    Raises:
        ValueError: A member that cannot be read in one pass, or is not what its header says.
    """
    while (head := stream.read(LOCAL_HEADER.size)).startswith(LOCAL_SIGNATURE):
        _, _, flags, method, at, day, crc, packed, size, name_length, extra_length = LOCAL_HEADER.unpack(head)
        name = stream.read(name_length).decode()
        stream.read(extra_length)
        if flags & _SIZES_FOLLOW or method not in (STORED, DEFLATED):
            raise ValueError(f"{name} cannot be read from a stream")
        content = stream.read(packed)
        if method == DEFLATED:
            content = zlib.decompress(content, -zlib.MAX_WBITS, size)
        if len(content) != size or zlib.crc32(content) != crc:
            raise ValueError(f"{name} is damaged")
        if name.lower().endswith(_PICTURES):
            date, clock = (1980 + (day >> 9), day >> 5 & 0x0F, day & 0x1F), (at >> 11, at >> 5 & 0x3F, (at & 0x1F) * 2)
            modified = datetime(*date, *clock, tzinfo=UTC)
            yield _Row(name, *split_and_label(name), name.rsplit("/", 1)[-1], modified, size, content)


def _groups(rows: Iterator[_Row]) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Row groups and how many bytes of pictures are in them."""
    pending: list[_Row] = []
    size = 0
    for row in rows:
        pending.append(row)
        size += row.file_size_bytes
        if size >= _ROW_GROUP_BYTES:
            yield _batch(pending), size
            pending, size = [], 0
    if pending:
        yield _batch(pending), size


def _batch(rows: list[_Row]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(column, kind.type) for column, kind in zip(zip(*rows, strict=True), _SCHEMA, strict=True)],
        schema=_SCHEMA,
    )


def _store() -> fs.S3FileSystem:
    """Arrow's S3 from the same variables as everybody's; it has no idea of an endpoint's."""
    endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    return fs.S3FileSystem(endpoint_override=endpoint.netloc, scheme=endpoint.scheme, region=os.environ["AWS_REGION"])
