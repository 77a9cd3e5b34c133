"""What Git LFS leaves in the place of a large file where nobody has fetched it: a text of three lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BEGINNING = b"version https://git-lfs.github.com/spec/"  # of every pointer (the specification of Git LFS)

NOT_FETCHED = "the file itself is in Git LFS, and nobody has fetched it into the clone that this is from"
FETCH = "git lfs pull"


def is_pointer(head: bytes) -> bool:
    """Whether a file that begins so is a pointer."""
    return head.startswith(_BEGINNING)


def is_pointer_file(path: Path) -> bool:
    """Whether a file is a pointer."""
    with path.open("rb") as file:
        return is_pointer(file.read(len(_BEGINNING)))
