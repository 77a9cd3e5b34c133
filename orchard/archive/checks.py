"""Judging an archive by its directory alone, before a cluster is created or anything is inflated.

Every entry ends up in exactly one of five places, so that the books balance:
`entries = directories + ignored + skipped + rejected + images`.

    directories   folders, which hold no bytes of their own
    ignored       none of the user's images: droppings of tools, files of other kinds, members that a later one replaces
    skipped       images that the user does not want, in `orchard.archive.selection`
    rejected      unsafe name, link or device, unsupported compression, too large
    images        the rest

Every entry is looked at, and every check is made of all of them; memory grows by some dozen bytes an entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from orchard.archive.directory import BYTES_A_MEMBER, CHUNK, Directory, read_directory
from orchard.archive.encoding import Naming
from orchard.archive.errors import (
    ArchiveBombError,
    EncryptedArchiveError,
    LongListError,
    NoImagesError,
    OverlappingMembersError,
)
from orchard.archive.ignored import ignored_in_words
from orchard.archive.judging import (
    BYTES_A_FOLDER,
    DIRECTORY,
    IGNORED,
    IMAGE,
    REJECTED,
    REPLACED,
    REPLACED_REASON,
    UNUSABLE,
    Judgement,
    judge,
)
from orchard.archive.nested import is_zip, nested_zips
from orchard.archive.records import ENCRYPTED_FLAG
from orchard.archive.rejection import UNZIP, Rejection
from orchard.errors import in_quotes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from orchard.archive.records import Member
    from orchard.archive.sources.base import RangedSource

_MIB = 2**20
_BASE_BYTES = 200 * _MIB
"""What the process takes that inspects, beside the archive's list: Python, its libraries, one range on its way."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold. The defaults let through any data set of photographs up to a size, and no bomb.

    Attributes:
        memory_bytes: What inspecting may take, all in all; the number of members and the length of their list follow
            from it. The default is what the template gives InspectArchive, and takes ten million members.
        total_bytes: All pictures, uncompressed. ImageNet is 150 GB.
        member_bytes: One picture, packed or not; a larger one is rejected, since it is held in memory whole. A JPEG of
            50 megapixels, the largest that are decoded, stays below.
        ratio: How many bytes may come out of one. JPEG and PNG are compressed already, so that real ones stay below 2,
            and deflate reaches 1,032.
        keys: Objects of all prefixes of S3: a thousand are listed in some 0.2 s, one page after the other, and
            InspectArchive has 900 s.
        member_ratio_from: Pictures smaller than this many bytes uncompressed may have any ratio.
        archive_ratio_from: The same for all pictures together.
    """

    memory_bytes: int = 3008 * _MIB
    total_bytes: int = 2**40
    member_bytes: int = 64 * _MIB
    ratio: float = 100
    keys: int = 3_000_000
    member_ratio_from: int = 1_000_000
    archive_ratio_from: int = 64_000_000

    def within(self, memory_bytes: int) -> Limits:
        """The same with less memory; not with more, since jobs and laptops inspect the same archives again."""
        return replace(self, memory_bytes=min(self.memory_bytes, memory_bytes))

    def needed_bytes(self, list_bytes: int, members: int, folders: int = 0, folder_bytes: int = 0) -> int:
        """What inspecting takes, more or less.

        Args:
            list_bytes: The length of the central directory; 118 bytes a member are usual.
            folder_bytes: The length of all their names.
        """
        kept = list_bytes + members * BYTES_A_MEMBER
        return _BASE_BYTES + kept + folders * BYTES_A_FOLDER + 4 * folder_bytes


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is in an archive that was accepted.

    Attributes:
        entries: Members of any kind.
        directories: How many of them are folders.
        ignored: How many are none of the user's images.
        ignored_reasons: The same by reason, sorted.
        rejected: How many are left out that should be images.
        image_bytes: All images, as they are declared to come out.
        counts: How many images by (split, label), sorted.
        guessed: How many images have a name that is neither UTF-8 nor said to be anything else, and is read as cp437.
        guessed_example: One of them.
        verdicts: What each of its entries is, one of `orchard.archive.judging`'s numbers.
        member_bytes: The largest picture that is read.
        below: What paths begin with where this is one of several sources: `train/`, say.
        skipped: How many images the user does not want.
    """

    entries: int
    directories: int
    ignored: int
    ignored_reasons: Mapping[str, int]
    rejected: int
    images: int
    image_bytes: int
    counts: Mapping[tuple[str, str], int]
    guessed: int
    guessed_example: str
    directory: Directory = field(compare=False, repr=False)
    naming: Naming = field(compare=False, repr=False)
    verdicts: NDArray[np.uint8] = field(compare=False, repr=False)
    member_bytes: int
    below: str = ""
    skipped: int = 0

    @property
    def kept_bytes(self) -> int:
        """What its list takes in memory from now on, more or less."""
        return len(self.directory.raw) + self.entries * BYTES_A_MEMBER

    @property
    def is_balanced(self) -> bool:
        """Whether every entry is accounted for."""
        return self.entries == self.directories + self.ignored + self.skipped + self.rejected + self.images

    def rejections(self) -> Iterator[Rejection]:
        """What is left out that should be an image, and why, in the order of the file."""
        for member in self._members(REJECTED, UNUSABLE):
            yield Rejection(self.below + member.path, UNZIP, judge(member, self.member_bytes)[1])

    def ignored_entries(self) -> Iterator[tuple[str, str]]:
        """Path and reason of what is no image of the user's, in the order of the file."""
        for number in np.flatnonzero((self.verdicts == IGNORED) | (self.verdicts == REPLACED)).tolist():
            member = self.directory.member(number, self.naming)
            replaced = self.verdicts[number] == REPLACED
            yield self.below + member.path, REPLACED_REASON if replaced else judge(member, self.member_bytes)[1]

    def _members(self, *verdicts: int) -> Iterator[Member]:
        for number in np.flatnonzero(np.isin(self.verdicts, verdicts)).tolist():
            yield self.directory.member(number, self.naming)


def inspect(
    source: RangedSource, limits: Limits = DEFAULT_LIMITS, encoding: str | None = None, below: str = ""
) -> Inventory:
    """Read an archive's directory, refuse it or say what is in it.

    Args:
        source: The archive. Few ranges of it are read: its tail, and the directory.
        encoding: What names are that are not UTF-8; cp437 by default.
        below: What paths begin with, where this is one of several sources.

    Returns:
        The inventory; its books balance and it has at least one image.

    Raises:
        ArchiveRefusedError: The archive cannot be used; see `orchard.archive.errors` for the kinds.
        SourceError: It cannot be read.
    """

    def check_list(list_bytes: int, members: int) -> None:
        check_memory(source.uri, limits, limits.needed_bytes(list_bytes, members), list_bytes, members)

    return inspect_directory(source.uri, read_directory(source, check_list), limits, encoding, below)


def inspect_directory(uri: str, directory: Directory, limits: Limits, encoding: str | None, below: str) -> Inventory:
    """The same of a directory that has been read; see `inspect`."""
    naming = Naming(encoding, backslash_parts=not _has_slash(directory))
    _refuse_encrypted(uri, directory, naming)
    _refuse_overlaps(uri, directory, naming)

    def check_folders(folders: int, folder_bytes: int) -> None:
        needed = limits.needed_bytes(len(directory.raw), len(directory), folders, folder_bytes)
        check_memory(uri, limits, needed, len(directory.raw), len(directory), folders)

    judgement = Judgement(directory, naming, limits.member_bytes, check_folders)
    verdicts = judgement.verdicts
    _refuse_bombs(uri, directory, naming, verdicts, limits)
    counted = np.bincount(verdicts, minlength=REPLACED + 1).tolist()
    inventory = Inventory(
        entries=len(directory),
        directories=counted[DIRECTORY],
        ignored=counted[IGNORED] + counted[REPLACED],
        ignored_reasons=dict(sorted(judgement.ignored.items())),
        rejected=counted[REJECTED] + counted[UNUSABLE],
        images=counted[IMAGE],
        image_bytes=int(directory.sizes.sum(where=verdicts == IMAGE)),
        counts=judgement.labels(below),
        guessed=judgement.guessed,
        guessed_example=judgement.example,
        directory=directory,
        naming=naming,
        verdicts=verdicts,
        member_bytes=limits.member_bytes,
        below=below,
    )
    if not inventory.images:
        zips = [path for path, _ in inventory.ignored_entries() if is_zip(path)]
        raise nested_zips(uri, zips) if zips else NoImagesError.at(uri, _nothing_found(inventory))
    return inventory


def check_memory(
    uri: str,
    limits: Limits,
    needed: int,
    list_bytes: int,
    members: int,
    folders: int = 0,
    what: str = "reading it",
) -> None:
    """Refuse a list that takes more memory than there is; see `Limits.needed_bytes`.

    Raises:
        LongListError: It is one.
    """
    if needed <= limits.memory_bytes:
        return
    counted = [f"{members:,} members"] if members else []
    counted += [f"{folders:,} folders"] if folders else []
    subject = f"the list of its {' in '.join(counted)}" if counted else "the list of its members"
    cause = f"{subject} has {list_bytes:,} bytes: {what} takes {needed:,} bytes of memory"
    raise LongListError.at(uri, f"{cause}; {limits.memory_bytes:,} are available")


def _has_slash(directory: Directory) -> bool:
    return any(b"/" in directory.name(number) for number in range(len(directory)))


def _refuse_encrypted(uri: str, directory: Directory, naming: Naming) -> None:
    encrypted, first = 0, None
    for some, found in directory.chunks():
        which = np.flatnonzero(found["flags"] & ENCRYPTED_FLAG)
        if which.size and first is None:
            first = some.start + int(which[0])
        encrypted += which.size
    if first is not None:
        path = directory.member(first, naming).path
        raise EncryptedArchiveError.at(uri, f"{encrypted:,} members need a password, {in_quotes(path)} first")


def _refuse_overlaps(uri: str, directory: Directory, naming: Naming) -> None:
    """Refuse members that do not end before the next begins (CVE-2024-0450; Fifield, "A better zip bomb", 2019)."""
    for first in range(0, len(directory), CHUNK):
        which = np.arange(first, min(first + CHUNK, len(directory)))
        over = which[directory.least_ends(which) > directory.ends(which)]
        if over.size:
            member = directory.member(int(over[0]), naming)
            name, size = in_quotes(member.path), member.compressed_size
            cause = f"{name} takes {size:,} bytes and runs into what follows it"
            raise OverlappingMembersError.at(uri, cause)


def _refuse_bombs(uri: str, directory: Directory, naming: Naming, verdicts: NDArray[np.uint8], limits: Limits) -> None:
    is_picture = (verdicts == IMAGE) | (verdicts == UNUSABLE)
    is_bomb = is_picture & (directory.sizes >= limits.member_ratio_from)
    is_bomb &= directory.sizes > limits.ratio * directory.compressed
    if is_bomb.any():
        member = directory.member(int(is_bomb.argmax()), naming)
        cause = f"{in_quotes(member.path)} would become {member.size:,} bytes out of {member.compressed_size:,}"
        raise ArchiveBombError.at(uri, cause)
    # no picture is above a hundred times its bytes in the file from here on, so that sums do not overflow
    total, compressed = (int(column.sum(where=is_picture)) for column in (directory.sizes, directory.compressed))
    if total > limits.total_bytes:
        raise ArchiveBombError.at(uri, f"it unpacks to {total:,} bytes; at most {limits.total_bytes:,} are allowed")
    if total >= limits.archive_ratio_from and total > limits.ratio * compressed:
        raise ArchiveBombError.at(uri, f"{compressed:,} bytes would unpack to {total:,}")


def _nothing_found(inventory: Inventory) -> str:
    if not inventory.entries:
        return "it is empty"
    found = [f"{inventory.directories:,} folder{'s' * (inventory.directories > 1)}"] if inventory.directories else []
    found += [ignored_in_words(inventory.ignored, dict(inventory.ignored_reasons))] if inventory.ignored else []
    for rejection in islice(inventory.rejections(), 1):
        found.append(f"{inventory.rejected:,} rejected, {in_quotes(rejection.path)} since {rejection.reason}")
    which = f"none of its {inventory.entries:,} entries is a" if inventory.entries > 1 else "its only entry is no"
    return f"{which} usable image: {'; '.join(found)}"
