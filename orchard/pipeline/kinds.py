"""What an upload is: by its key a zip, a request, what was taken for one, a folder or none; by its bytes a pointer."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_POINTER = b"version https://git-lfs.github.com/spec/"  # begins each pointer (the specification of Git LFS)

REQUEST_ENDING = ".orchard.json"

SOURCES_FOLDER = "sources/"
"""What is below this key of the input bucket starts no run: it is there for requests to name it."""

NOT_FETCHED = "the file itself is in Git LFS and was not fetched into this clone"
FETCH = "git lfs pull"


class Kind(StrEnum):
    """What an object is, by its key."""

    ZIP = "zip"
    """Starts a run."""

    REQUEST = "request"
    """Starts a run of what it names."""

    ARCHIVE = "archive"
    """It was meant to start a run, and a notice says why it does not."""

    FOLDER = "folder"
    """A key that ends with a slash, as consoles and other tools make for a folder; likewise."""

    OTHER = "other"
    """Such as a single picture: counted, without a notice. And whatever lies in `SOURCES_FOLDER`."""


# Not what only holds one compressed file (.gz), and of a zip that was split the first part only.
_ARCHIVE = re.compile(
    r"\.(7z|rar|zipx|tar|tgz|tbz2?|txz|tzst|tar\.[a-z0-9]{2,4}|7z\.001|"
    r"zip\.(?P<broken>part|partial|filepart|crdownload|tmp|001))$",
    re.IGNORECASE,
)


def kind_of(key: str) -> Kind:
    """What an object is.

    Args:
        key: Its key, decoded; the ending may be in any case.
    """
    if key.endswith("/"):
        return Kind.FOLDER
    if key.lower().endswith(REQUEST_ENDING):
        return Kind.REQUEST
    if key.lower().endswith(".zip"):
        return Kind.ZIP
    return Kind.ARCHIVE if another_archive(key) else Kind.OTHER


def top_folder(key: str) -> str:
    """The uppermost folder of the one that a key stands for: a tree of folders is one mistake with one notice."""
    return f"{key.lstrip('/').partition('/')[0]}/"


def another_archive(key: str) -> re.Match[str] | None:
    """The ending, dot included, by which a key is another kind of archive; its group `broken` is that of half a zip."""
    return _ARCHIVE.search(key)


def is_pointer(head: bytes) -> bool:
    """Whether a file that begins so is what Git LFS leaves where nobody has fetched it: a text of three lines."""
    return head.startswith(_POINTER)


def is_pointer_file(path: Path) -> bool:
    """Whether a file is a pointer."""
    with path.open("rb") as file:
        return is_pointer(file.read(len(_POINTER)))
