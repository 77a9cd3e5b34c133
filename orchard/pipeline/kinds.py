"""What the key of an uploaded object says that it is: a zip, what somebody took for one, a folder, or none of these."""

from __future__ import annotations

import re
from enum import StrEnum


class Kind(StrEnum):
    """What an object is, by its key."""

    ZIP = "zip"
    """Starts a run."""

    ARCHIVE = "archive"
    """Somebody meant a run by it, and is told why there is none."""

    FOLDER = "folder"
    """A key that ends with a slash, as consoles and other tools make for a folder; likewise."""

    OTHER = "other"
    """A single picture, say: counted, and nobody is told."""


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
    if key.lower().endswith(".zip"):
        return Kind.ZIP
    return Kind.ARCHIVE if another_archive(key) else Kind.OTHER


def top_folder(key: str) -> str:
    """The uppermost folder of the one that a key stands for: a tree of folders is one mistake, told once."""
    return f"{key.lstrip('/').partition('/')[0]}/"


def another_archive(key: str) -> re.Match[str] | None:
    """The ending, dot included, by which a key is another kind of archive; its group `broken` is that of half a zip."""
    return _ARCHIVE.search(key)
