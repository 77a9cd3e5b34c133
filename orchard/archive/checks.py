"""Judging an archive by its directory alone, before a cluster is created or anything is inflated.

Every entry ends up in exactly one of four places, so that the books balance:
`entries = directories + ignored + rejected + images`.

    directories   folders, which hold no bytes of their own
    ignored       not one of the user's pictures: macOS and Windows droppings, files that are not JPEG or PNG
    rejected      unsafe name, link or device, unsupported compression, too large, second of two with the same path
    images        the rest

Of members with the same path the first in the file is kept, among those that are not rejected for another reason.
"""

from __future__ import annotations

import stat
from collections import Counter
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from orchard.archive.directory import ENCRYPTED_FLAG, Member, read_directory
from orchard.archive.errors import ArchiveBombError, EncryptedArchiveError, NoImagesError, OverlappingMembersError
from orchard.archive.labels import split_and_label
from orchard.archive.methods import unsupported_method
from orchard.archive.names import noise_reason, unsafe_reason
from orchard.archive.rejection import UNZIP, Rejection
from orchard.errors import in_quotes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchard.archive.sources.base import RangedSource

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold. The defaults let through any data set of photographs up to a size, and no bomb.

    Attributes:
        entries: Members of any kind.
        directory_bytes: The length of the central directory; 118 bytes an entry are usual. Together with `entries` it
            keeps inspecting below 256 MB and 10 s, whatever the entries hold.
        total_bytes: All pictures, uncompressed. ImageNet is 150 GB.
        member_bytes: One picture, packed or not; a larger one is rejected, since it is held in memory whole. A JPEG of
            50 megapixels, the largest that are decoded, stays below.
        ratio: How many bytes may come out of one. JPEG and PNG are compressed already, so that real ones stay below 2,
            and deflate reaches 1,032.
        member_ratio_from: Pictures smaller than this many bytes uncompressed may have any ratio.
        archive_ratio_from: The same for all pictures together.
    """

    entries: int = 200_000
    directory_bytes: int = 28 * _MIB
    total_bytes: int = 2**40
    member_bytes: int = 64 * _MIB
    ratio: float = 100
    member_ratio_from: int = 1_000_000
    archive_ratio_from: int = 64_000_000


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is in an archive that was accepted.

    Attributes:
        entries: Members of any kind.
        directories: How many of them are folders.
        ignored: How many are none of the user's pictures.
        ignored_reasons: The same by reason.
        rejected: Which are left out and why, sorted by path.
        images: The rest, sorted by header offset.
        directory_start: Where the central directory starts, which is where the last member has ended.
        uncompressed_bytes: All images, as they are declared to come out.
        counts: How many images by (split, label), sorted.
    """

    entries: int
    directories: int
    ignored: int
    ignored_reasons: Mapping[str, int]
    rejected: tuple[Rejection, ...]
    images: tuple[Member, ...]
    directory_start: int
    uncompressed_bytes: int
    counts: Mapping[tuple[str, str], int]

    @property
    def is_balanced(self) -> bool:
        """Whether every entry is accounted for."""
        return self.entries == self.directories + self.ignored + len(self.rejected) + len(self.images)


def inspect(source: RangedSource, limits: Limits = DEFAULT_LIMITS) -> Inventory:
    """Read an archive's directory, refuse it or say what is in it.

    Args:
        source: The archive. Two or three ranges of it are read: its tail, and the directory.
        limits: What it may hold.

    Returns:
        The inventory; its books balance and it has at least one image.

    Raises:
        ArchiveRefusedError: The archive cannot be used; see `orchard.archive.errors` for the kinds.
        SourceError: It cannot be read.
    """
    directory = read_directory(source, max_bytes=limits.directory_bytes, max_entries=limits.entries)
    _refuse_encrypted(source.uri, directory.members)
    _refuse_overlaps(source.uri, directory.members)
    directories = 0
    ignored: Counter[str] = Counter()
    rejected: list[Rejection] = []
    pictures: list[Member] = []
    for member in directory.members:
        path = member.path
        is_directory = path.endswith("/") or stat.S_ISDIR(member.mode)
        if is_directory and member.size == 0:
            directories += 1
        elif reason := member.name_fault or unsafe_reason(path):
            rejected.append(Rejection(path, UNZIP, reason))
        elif is_directory:
            rejected.append(Rejection(path, UNZIP, f"it is said to be a folder, and has {member.size:,} bytes"))
        elif reason := noise_reason(path):
            ignored[reason] += 1
        elif reason := _special_reason(member.mode):
            rejected.append(Rejection(path, UNZIP, reason))
        else:
            pictures.append(member)
    _refuse_bombs(source.uri, pictures, limits)
    images, unusable = _usable(pictures, limits)
    rejected += unusable
    rejected.sort(key=attrgetter("path"))
    if not images:
        raise NoImagesError.at(source.uri, _nothing_found(len(directory.members), directories, ignored, rejected))
    return Inventory(
        entries=len(directory.members),
        directories=directories,
        ignored=ignored.total(),
        ignored_reasons=dict(sorted(ignored.items())),
        rejected=tuple(rejected),
        images=tuple(images),
        directory_start=directory.start,
        uncompressed_bytes=sum(member.size for member in images),
        counts=dict(sorted(Counter(split_and_label(member.path) for member in images).items())),
    )


def _refuse_encrypted(uri: str, members: Sequence[Member]) -> None:
    encrypted = [member.path for member in members if member.flags & ENCRYPTED_FLAG]
    if encrypted:
        cause = f"{len(encrypted):,} members need a password, {in_quotes(encrypted[0])} first"
        raise EncryptedArchiveError.at(uri, cause)


def _refuse_overlaps(uri: str, members: Sequence[Member]) -> None:
    """Refuse members that do not end before the next begins (CVE-2024-0450; Fifield, "A better zip bomb", 2019)."""
    for member in members:
        if member.least_end_offset > member.end_offset:
            name, size = in_quotes(member.path), member.compressed_size
            cause = f"{name} takes {size:,} bytes and does not end before what follows it"
            raise OverlappingMembersError.at(uri, cause)


def _refuse_bombs(uri: str, pictures: Sequence[Member], limits: Limits) -> None:
    total = compressed = 0
    for member in pictures:
        total += member.size
        compressed += member.compressed_size
        if member.size >= limits.member_ratio_from and member.size > limits.ratio * member.compressed_size:
            cause = f"{in_quotes(member.path)} would become {member.size:,} bytes out of {member.compressed_size:,}"
            raise ArchiveBombError.at(uri, cause)
    if total > limits.total_bytes:
        raise ArchiveBombError.at(uri, f"{total:,} bytes would come out of it, and at most {limits.total_bytes:,} may")
    if total >= limits.archive_ratio_from and total > limits.ratio * compressed:
        raise ArchiveBombError.at(uri, f"{total:,} bytes would come out of {compressed:,}")


def _usable(pictures: Sequence[Member], limits: Limits) -> tuple[list[Member], list[Rejection]]:
    """Part the pictures into those to inflate and those that are rejected beforehand."""
    images: list[Member] = []
    rejected: list[Rejection] = []
    seen: set[bytes] = set()
    for member in pictures:
        reason = unsupported_method(member.method)
        length = max(member.size, member.compressed_size)
        path = member.path.encode()  # as text it could take four times the memory
        if not reason and length > limits.member_bytes:
            reason = f"it has {length:,} bytes, and at most {limits.member_bytes:,} are read"
        if not reason and path in seen:
            reason = "another member has the same path"
        if reason:
            rejected.append(Rejection(member.path, UNZIP, reason))
        else:
            seen.add(path)
            images.append(member)
    return images, rejected


def _special_reason(mode: int) -> str:
    """Why a Unix mode is not a plain file's; empty when it is, or when the archive does not say."""
    if stat.S_ISLNK(mode):
        return "it is a symbolic link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "it is a device, pipe or socket"
    return "it is set-uid or set-gid" if mode & (stat.S_ISUID | stat.S_ISGID) else ""


def _nothing_found(entries: int, directories: int, ignored: Mapping[str, int], rejected: Sequence[Rejection]) -> str:
    if entries == 0:
        return "the zip is empty"
    found = [f"{directories:,} folders"] if directories else []
    found += [f"{count:,} {reason}" for reason, count in sorted(ignored.items())]
    if rejected:
        found.append(f"{len(rejected):,} rejected, {in_quotes(rejected[0].path)} since {rejected[0].reason}")
    return f"of its {entries:,} entries none is a usable JPEG or PNG: {'; '.join(found)}"
