"""What each entry of a directory is, by its name and its record alone.

Most entries of most archives are plain: an image's name in a folder that is like any other. A folder is judged once, a
plain name by one pattern; whatever is not plain is decoded, and judged alone by the same rules, which `judge` has.
"""

from __future__ import annotations

import re
import stat
from array import array
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from orchard.archive.encoding import NO_FOLDERS
from orchard.archive.ignored import NOT_AN_IMAGE
from orchard.archive.labels import split_and_label
from orchard.archive.methods import DEFLATED, STORED, unsupported_method
from orchard.archive.names import SUFFIXES, dropping_reason, no_image_reason, unsafe_reason
from orchard.archive.records import COLUMNS, Member

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from orchard.archive.directory import Directory
    from orchard.archive.encoding import Naming

IMAGE, DIRECTORY, IGNORED, REJECTED, UNUSABLE, REPLACED, SKIPPED = range(7)
"""What an entry is. Unusable: a picture that is rejected for how it is packed, or for its size, and so may still be a
bomb. Replaced: another member of the same path comes after it. Skipped: an image that is not wanted."""

_NAMED = (IMAGE, UNUSABLE, REJECTED)
"""What has a path that nothing else may have."""

BYTES_A_FOLDER = 600
"""What a folder takes in memory while an archive is judged and counted, beside four times its name."""

UNICODE_PATH = b"up"
"""The id of the extra field that replaces a name, 0x7075."""

_MOST_REASONS = 1000
_OTHER = f"{NOT_AN_IMAGE}another suffix"

_PLAIN = re.compile(
    rb"(?i)(?!\._|\.trashed-|[a-z]:)[ -.0-\[\]-~\x80-\xff]{1,250}\.(?:%b)" % "|".join(SUFFIXES).encode()
).fullmatch
"""A file name that is an image's by its suffix, and no dropping; it has no control character and no separator."""

_C1 = re.compile("[\x80-\x9f]")
_SPECIAL = 0o7000 & ~stat.S_ISVTX


def judge(member: Member, most_bytes: int) -> tuple[int, str]:
    """What one entry is, and why it is no image.

    Args:
        most_bytes: The largest picture that is read, packed or not.
    """
    path = member.path
    is_directory = path.endswith("/") or stat.S_ISDIR(member.mode)
    if is_directory and member.size == 0:
        return DIRECTORY, ""
    if reason := dropping_reason(path):
        return IGNORED, reason
    if reason := member.name_fault or unsafe_reason(path):
        return REJECTED, reason
    if is_directory:
        return REJECTED, f"it is marked as a folder, but has {member.size:,} bytes"
    if reason := no_image_reason(path):
        return IGNORED, reason
    if reason := _special_reason(member.mode):
        return REJECTED, reason
    if reason := unsupported_method(member.method):
        return UNUSABLE, reason
    length = max(member.size, member.compressed_size)
    if length > most_bytes:
        return UNUSABLE, f"it has {length:,} bytes; at most {most_bytes:,} are read"
    return IMAGE, ""


def _special_reason(mode: int) -> str:
    """Why a Unix mode is not a plain file's; empty when it is, or when the archive does not say."""
    if stat.S_ISLNK(mode):
        return "it is a symbolic link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "it is a device, pipe or socket"
    return "it is set-uid or set-gid" if mode & (stat.S_ISUID | stat.S_ISGID) else ""


class Judgement:
    """What all entries of an archive are.

    Args:
        most_bytes: The largest picture that is read, packed or not.
        check_folders: Called with the number of folders and the length of all their names, where there are more than
            before; refuses what is too much.

    Attributes:
        verdicts: What each entry is, in the order of the directory.
        ignored: How many are ignored, by reason.
        guessed: How many images have a name that is read as cp437 for want of a better word.
        example: One of these, as it is read; empty when there is none.
    """

    def __init__(
        self, directory: Directory, naming: Naming, most_bytes: int, check_folders: Callable[[int, int], None]
    ) -> None:
        self.verdicts: NDArray[np.uint8] = np.zeros(len(directory), np.uint8)
        self.ignored: Counter[str] = Counter()
        self.guessed = 0
        self.example = ""
        self._directory = directory
        self._naming = naming
        self._most_bytes = most_bytes
        self._check_folders = check_folders
        self._folders: dict[bytes, int] = {}
        self._is_plain = bytearray()
        self._images = array("l")  # by folder
        self._folder_bytes = 0
        hashes = array("q")
        for some, found in directory.chunks():
            self._judge(some, found, hashes)
        self._replace_earlier(np.frombuffer(hashes, np.int64) if hashes else np.empty(0, np.int64))

    def labels(self, below: str = "") -> dict[tuple[str, str], int]:
        """How many images by split and label, sorted.

        Args:
            below: What their paths begin with, where the archive is one of several sources.
        """
        counts: Counter[tuple[str, str]] = Counter()
        for folder, images in zip(self._folders, self._images, strict=True):
            if images:
                counts[split_and_label(below + folder.decode())] += images
        return dict(sorted(counts.items()))

    def _judge(self, some: slice, found: NDArray[np.void], hashes: array[int]) -> None:
        """Judge some entries; the hashes of the paths of images and rejections are noted in their order."""
        directory, raw, fixed = self._directory, self._directory.raw, COLUMNS.itemsize
        folders, is_plain, images, note = self._folders, self._is_plain, self._images, hashes.append
        numbers = range(some.start, some.start + len(found))
        columns = (directory.places[some], found["name_length"], found["extra_length"], self._is_usual(some, found))
        for number, place, length, extra, usual in zip(numbers, *(one.tolist() for one in columns), strict=True):
            first = place + fixed
            last = first + length
            name = raw[first:last]
            cut = name.rfind(b"/") + 1
            folder = folders.get(name[:cut])
            if folder is None:
                folder = self._folder(name[:cut])
            if usual and is_plain[folder] and (not extra or raw.find(UNICODE_PATH, last, last + extra) < 0):
                base = name[cut:]
                if _PLAIN(base) and (base.isascii() or _is_plain_text(base)):
                    images[folder] += 1
                    note(hash(name))
                    continue
            self._look_at(number, hashes)

    def _is_usual(self, some: slice, found: NDArray[np.void]) -> NDArray[np.bool_]:
        """Whether an entry's record alone lets it be an image."""
        mode = found["attributes"] >> 16
        kind = mode & 0o170000
        usual: NDArray[np.bool_] = ((kind == 0) | (kind == stat.S_IFREG)) & (mode & _SPECIAL == 0)
        usual &= (found["method"] == STORED) | (found["method"] == DEFLATED)
        usual &= np.maximum(self._directory.sizes[some], self._directory.compressed[some]) <= self._most_bytes
        return usual

    def _look_at(self, number: int, hashes: array[int]) -> None:
        """Judge one entry that is not plain."""
        member = self._directory.member(number, self._naming)
        verdict, reason = judge(member, self._most_bytes)
        self.verdicts[number] = verdict
        path = member.path.encode()
        if verdict in _NAMED:
            hashes.append(hash(path))
        if verdict == IMAGE:
            self._images[self._folder(path[: path.rfind(b"/") + 1])] += 1
            if member.is_guess:
                self.guessed += 1
                self.example = self.example or member.path
        elif verdict == IGNORED:
            self.ignored[reason if reason in self.ignored or len(self.ignored) < _MOST_REASONS else _OTHER] += 1

    def _folder(self, name: bytes) -> int:
        """The number of a folder, which is judged when it is first seen."""
        known = self._folders.get(name)
        if known is not None:
            return known
        number = self._folders[name] = len(self._folders)
        self._folder_bytes += len(name)
        if number % 1024 == 0:
            self._check_folders(number, self._folder_bytes)
        self._is_plain.append(_is_plain_folder(name))
        self._images.append(0)
        return number

    def _replace_earlier(self, hashes: NDArray[np.int64]) -> None:
        """Of images with one path leave the last one in the file: an archive is updated by appending to it.

        So it is where the last cannot be read: a path has one fate. Paths are told apart by their hashes, which differ
        from process to process, and compared where these are equal.
        """
        in_order = np.sort(hashes)
        twice = in_order[1:][in_order[1:] == in_order[:-1]]
        if not twice.size:
            return
        last: dict[str, int] = {}
        for number in np.flatnonzero(np.isin(self.verdicts, _NAMED))[np.isin(hashes, twice)].tolist():
            path = self._directory.member(number, self._naming).path
            earlier = last.get(path)
            last[path] = number
            if earlier is not None:
                if self.verdicts[earlier] == IMAGE:
                    folder = path.encode()
                    self._images[self._folder(folder[: folder.rfind(b"/") + 1])] -= 1
                self.verdicts[earlier] = REPLACED
                self.ignored[REPLACED_REASON] += 1


REPLACED_REASON = "a later member has the same path"


def _is_plain_folder(name: bytes) -> bool:
    """Whether a plain name makes an image in this folder, and the path is what the bytes say."""
    try:
        path = name.decode()
    except UnicodeDecodeError:
        return False
    if "\\" in path or NO_FOLDERS.search(path):
        return False
    inside = f"{path}1.jpg"
    return not (dropping_reason(inside) or unsafe_reason(inside))


def _is_plain_text(base: bytes) -> bool:
    try:
        return not _C1.search(base.decode())
    except UnicodeDecodeError:
        return False
