"""Reading an archive by ranges from a file of this machine, or of any file system that `pyarrow.fs` knows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from orchard.archive.errors import (
    SourceChangedError,
    SourceDeniedError,
    SourceError,
    SourceMissingError,
    SourceUnreachableError,
)
from orchard.archive.sources.base import PinnedSource, SourceReference

if TYPE_CHECKING:
    from pathlib import Path


class FileSource(PinnedSource):
    """A file of this machine, opened anew for each read."""

    def __init__(self, reference: SourceReference, path: Path) -> None:
        super().__init__(reference)
        self._path = path

    @classmethod
    def find(cls, path: Path) -> Self:
        """Pin a file by its size and time of modification.

        Raises:
            SourceError: It is not there, or not readable.
        """
        path = path.absolute()
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
        except OSError as error:
            raise _file_error(str(path), error) from error
        return cls(SourceReference(f"file://{path}", status.st_size, etag=_file_tag(status)), path)

    def _read(self, start: int, length: int) -> bytes:
        try:
            with self._path.open("rb") as file:
                if _file_tag(os.fstat(file.fileno())) != self.reference.etag:
                    raise SourceChangedError.at(self.uri, "the file was written to after it was inspected")
                file.seek(start)
                return file.read(length)
        except OSError as error:
            raise _file_error(self.uri, error) from error


class ArrowSource(PinnedSource):
    """A file on any other file system, through `pyarrow.fs`."""

    @classmethod
    def find(cls, uri: str) -> Self:
        """Pin a file by its size and time of modification.

        Raises:
            SourceError: There is no such file, or no such file system.
        """
        try:
            filesystem, path = arrow_filesystem(uri)
            info = filesystem.get_file_info(path)
        except (OSError, ValueError, NotImplementedError) as error:
            raise SourceUnreachableError.at(uri, str(error)) from error
        if not info.is_file:
            raise SourceMissingError.at(uri, "there is no such file")
        return cls(SourceReference(uri, info.size, etag=_arrow_tag(info)))

    def _read(self, start: int, length: int) -> bytes:
        try:
            filesystem, path = arrow_filesystem(self.uri)
            if _arrow_tag(filesystem.get_file_info(path)) != self.reference.etag:
                raise SourceChangedError.at(self.uri, "the file was written to after it was inspected")
            with filesystem.open_input_file(path) as file:
                content: bytes = file.read_at(length, start)
                return content
        except OSError as error:
            raise SourceUnreachableError.at(self.uri, str(error)) from error


def arrow_filesystem(uri: str) -> tuple[Any, str]:
    """What `pyarrow.fs` makes of a URI: the file system, and the path in it."""
    from pyarrow import fs

    # Arrow decodes what it is given, and Hadoop's URIs are verbatim.
    filesystem, path = fs.FileSystem.from_uri(quote(uri, safe=":/@?&=,"))
    return filesystem, path


def _file_tag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


def _arrow_tag(info: Any) -> str:  # noqa: ANN401 (pyarrow ships no types)
    return f"{info.mtime_ns or 0:x}-{info.size or 0:x}"


def _file_error(name: str, error: OSError) -> SourceError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return SourceMissingError.at(name, "there is no such file")
    if isinstance(error, IsADirectoryError):
        return SourceMissingError.at(name, "it is a folder, not a zip")
    if isinstance(error, PermissionError):
        return SourceDeniedError.at(name, "you have no permission to read it")
    return SourceUnreachableError.at(name, error.strerror or str(error))
