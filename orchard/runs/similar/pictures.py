"""The pictures that somebody asks about: files, folders, what comes through a pipe, and bytes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchard.archive.checks import DEFAULT_LIMITS
from orchard.archive.sources.folder import files_in
from orchard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from typing import BinaryIO

PIPE = "-"
"""What stands for a picture that comes through a pipe."""

_MOST_BYTES = DEFAULT_LIMITS.member_bytes


class UnreadablePictureError(Exception):
    """A file that cannot be read, and why.

    Attributes:
        reason: Why, in one short line.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Given:
    """A picture that somebody asks about, not read yet.

    Attributes:
        name: What it is called, for people.
        source: Its file, or what it holds; None for what comes through a pipe.
    """

    name: str
    source: Path | bytes | None

    @classmethod
    def of(cls, pictures: Iterable[str | PathLike[str] | bytes]) -> list[Given]:
        """What is given: folders are the pictures in them and their folders, by the names of files.

        Raises:
            UsageError: There are no pictures.
        """
        found: list[Given] = []
        for picture in pictures:
            if isinstance(picture, bytes):
                found.append(cls(f"{len(picture):,} bytes", picture))
                continue
            path = Path(picture)
            if not path.is_dir():
                found.append(cls(str(path), path))
                continue
            inside = [cls(str(file.path), file.path) for file in files_in(path) if file.is_packed]
            if not inside:
                raise UsageError(f"There are no pictures in {path}", "none of its files has a name of a picture's")
            found += inside
        if not found:
            raise UsageError("There are no pictures", "nothing was given to be compared")
        return found

    @classmethod
    def typed(cls, pictures: Iterable[str]) -> list[Given]:
        """The same of a command's arguments, where `-` is what comes through a pipe.

        Raises:
            UsageError: There are no pictures, or two are to come through one pipe.
        """
        words = list(pictures)
        if words.count(PIPE) > 1:
            raise UsageError("- is given twice", "one picture comes through a pipe")
        return [one for word in words for one in ([cls(PIPE, None)] if word == PIPE else cls.of([word]))]

    def content(self) -> bytes:
        """Read it.

        Raises:
            UnreadablePictureError: It cannot be read, or is larger than a picture of a run may be.
        """
        if isinstance(self.source, bytes):
            return self.source
        if self.source is None:
            return _content(sys.stdin.buffer)
        try:
            with self.source.open("rb") as file:
                return _content(file)
        except OSError as error:
            raise UnreadablePictureError(error.strerror or str(error)) from error


def _content(file: BinaryIO) -> bytes:
    content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise UnreadablePictureError(f"it has more than {_MOST_BYTES >> 20} MiB")
    return content
