"""Single files on any Hadoop file system, written and read by the driver.

Spark writes folders of part files; a summary, a report or a small table is one file, and is written through the same
Hadoop client, so that a run's folder may be `s3://`, `hdfs://` or `file://` alike.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JJavaError

from orchard.archive.errors import SourceMissingError
from orchard.archive.sources.base import SourceFile
from orchard.archive.sources.open import open_source
from orchard.layout import StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyspark.sql import SparkSession

_CHUNK_CHARACTERS = 1 << 20
_CHUNK_BYTES = 4 << 20


class DamagedFileError(ValueError):
    """A file is not what was written into it."""


class HadoopFiles:
    """The Hadoop file systems that a Spark session knows."""

    def __init__(self, spark: SparkSession) -> None:
        self._jvm: Any = spark.sparkContext._jvm
        self._configuration: Any = spark.sparkContext._jsc.hadoopConfiguration()

    def _open(self, uri: str) -> tuple[Any, Any]:
        path = self._jvm.org.apache.hadoop.fs.Path(uri)
        return path.getFileSystem(self._configuration), path

    def exists(self, uri: str) -> bool:
        """Whether there is a file or a folder at this URI."""
        file_system, path = self._open(uri)
        return bool(file_system.exists(path))

    def read_text(self, uri: str) -> str | None:
        """The text of a UTF-8 file, or None if there is no such file.

        Raises:
            DamagedFileError: It is not what was written: Hadoop keeps checksums beside files on a disk of its own.
        """
        file_system, path = self._open(uri)
        if not file_system.exists(path):
            return None
        stream = file_system.open(path)
        try:
            return str(self._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))
        except Py4JJavaError as error:
            if error.java_exception.getClass().getName() == "org.apache.hadoop.fs.ChecksumException":
                raise DamagedFileError(uri) from error
            raise
        finally:
            stream.close()

    def write_text(self, uri: str, chunks: Iterable[str]) -> None:
        """Write a UTF-8 file from pieces of text, replacing what was there."""
        file_system, path = self._open(uri)
        stream = file_system.create(path, True)
        try:
            for chunk in chunks:
                stream.write(chunk.encode())
        finally:
            stream.close()

    def write_csv(self, uri: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a CSV (RFC 4180 quoting, a line feed after each row) with a header."""
        self.write_text(uri, csv_text(itertools.chain([header], rows)))

    def read_csv(self, uri: str) -> Iterator[dict[str, str]]:
        """The rows of a CSV with a header, one at a time, whatever its length; none if there is no such file.

        Raises:
            SourceError: It cannot be read.
        """
        try:
            source = open_source(uri)
        except SourceMissingError:
            return
        with io.TextIOWrapper(io.BufferedReader(SourceFile(source), _CHUNK_BYTES), "utf-8", newline="") as text:
            yield from csv.DictReader(text)

    def delete(self, uri: str) -> None:
        """Remove a file or a whole folder; nothing happens where there is none."""
        file_system, path = self._open(uri)
        file_system.delete(path, True)

    def files_below(self, uri: str) -> list[StoredFile]:
        """All files below a folder but Hadoop's own side files (`.crc`), sorted by path; none if it is not there."""
        file_system, path = self._open(uri)
        if not file_system.exists(path):
            return []
        root = path.makeQualified(file_system.getUri(), file_system.getWorkingDirectory()).toString().rstrip("/") + "/"
        found = []
        entries = file_system.listFiles(path, True)
        while entries.hasNext():
            entry = entries.next()
            name = entry.getPath().toString().removeprefix(root)
            if not name.rsplit("/", 1)[-1].startswith("."):
                found.append(StoredFile(name, int(entry.getLen())))
        return sorted(found, key=lambda file: file.path)


def csv_text(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Rows as CSV (RFC 4180 quoting, a line feed after each), in pieces of about a megabyte."""
    buffer = io.StringIO()
    for row in rows:
        buffer.write(",".join(_quoted(str(value)) for value in row) + "\n")
        if buffer.tell() > _CHUNK_CHARACTERS:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _quoted(value: str) -> str:
    """One value. The csv module would leave a lone carriage return bare, which readers take for the end of the row."""
    return '"' + value.replace('"', '""') + '"' if re.search('[",\r\n]', value) else value
