"""A folder of this machine: what is in it, and the same as a zip that is made while it is read."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from orchard.archive.errors import SourceDeniedError
from orchard.archive.names import dropping_reason, no_image_reason
from orchard.archive.records import TIMESTAMP_EXTRA
from orchard.archive.sources.listing import Entries, Listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CHUNK = 1 << 20
_LONGEST_HEADERS = 300
"""Of a member, more or less, beside its name twice."""


@dataclass(frozen=True)
class FolderFile:
    """One file of a folder.

    Attributes:
        name: Its path below the folder.
        size: In bytes, as far as it is packed.
        modified: When it was last modified, seconds since 1970.
        mode: Its Unix mode; that of a link where it leads to no file.
        is_packed: Whether its bytes go into the zip. What is no image goes there as an empty member, so that the books
            count it with its reason, and nobody pays for its way.
    """

    name: str
    path: Path
    size: int
    modified: int
    mode: int
    is_packed: bool


def files_in(folder: Path) -> Iterator[FolderFile]:
    """All files of a folder and its folders, hidden ones too, in the order of their names.

    A link to a file is that file; a link to a folder is not followed, since it may lead in a circle.

    Raises:
        SourceDeniedError: A folder may not be looked into.
    """
    for path in _below(folder):
        name = os.fsencode(path.relative_to(folder)).decode(errors="backslashreplace")
        try:
            found = path.stat()
        except OSError:  # a link to nowhere, or in a circle
            found = path.lstat()
        if stat.S_ISDIR(found.st_mode):
            found = path.lstat()
        is_packed = stat.S_ISREG(found.st_mode) and not (dropping_reason(name) or no_image_reason(name))
        size = found.st_size if is_packed else 0
        yield FolderFile(name, path, size, int(found.st_mtime), found.st_mode, is_packed)


def _below(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except PermissionError as error:
        raise SourceDeniedError.at(str(folder), "you have no permission to look into it") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path))
        else:
            yield Path(entry.path)


def list_folder(folder: Path) -> Listing:
    """What would be in the zip."""
    entries = Entries()
    for file in files_in(folder):
        mode = stat.S_IFMT(file.mode) | 0o644
        entries.add(file.name.encode(), file.size, file.modified, mode=mode)
    return Listing(f"file://{folder.absolute()}/", entries, b"")


def packed_bytes(files: Iterable[FolderFile]) -> int:
    """How long the zip will be, at most, if nothing is written to the folder meanwhile."""
    return sum(file.size + _LONGEST_HEADERS + 2 * len(file.name.encode()) for file in files) + _CHUNK


def pack_folder(files: Iterable[FolderFile], target: IO[bytes]) -> None:
    """Write files as a zip, stored as they are, zip64 where it has to be; the target is written once and not sought in.

    Raises:
        SourceDeniedError: A file may not be read, or is gone.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            info = zipfile.ZipInfo(file.name, max(time.gmtime(file.modified)[:6], (1980, 1, 1, 0, 0, 0)))
            info.external_attr = (stat.S_IFMT(file.mode) | 0o644) << 16
            info.file_size = file.size
            if 0 <= file.modified < 2**31:
                info.extra = struct.pack("<HHBI", TIMESTAMP_EXTRA, 5, 1, file.modified)
            with archive.open(info, "w") as member:
                if file.is_packed:
                    _copy(file.path, member)


def _copy(path: Path, member: IO[bytes]) -> None:
    try:
        with path.open("rb") as content:
            shutil.copyfileobj(content, member, _CHUNK)
    except BrokenPipeError:  # whoever reads the zip has given up
        raise
    except OSError as error:
        raise SourceDeniedError.at(str(path), f"it could not be read while it was packed: {error.strerror}") from error
