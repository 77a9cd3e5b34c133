"""What can be wrong with an archive, or with getting at it.

    orchard.errors.ArchiveError              exit 2
    ├── ArchiveRefusedError                  the archive as a whole cannot be used
    │   ├── NotAZipError                     another kind of file, or an empty one
    │   │   └── GitPointerError              what Git LFS leaves where nobody has fetched the file
    │   ├── TruncatedArchiveError            its end is missing
    │   ├── DamagedDirectoryError            its list of members contradicts itself or the file
    │   ├── MultiDiskArchiveError            one part of an archive split into several files
    │   ├── EncryptedArchiveError            it needs a password
    │   ├── OverlappingMembersError          members share bytes: a bomb or a damaged directory
    │   ├── ArchiveBombError                 too large, or inflating beyond reason
    │   ├── RequestError                    a request, and what it asks for cannot be
    │   ├── LongListError                    more members than inspecting has memory for
    │   └── NoImagesError                    nothing in it is a picture that can be used
    │       └── NestedZipError               but zips are in it
    └── SourceError                          the file or object cannot be read
        ├── SourceMissingError               it is not there
        ├── SourceDeniedError                reading it is not allowed
        │   ├── SourceKeyError               it is encrypted with a key of KMS that may not or cannot be used
        │   └── SourceCustomerKeyError       it is encrypted with a key that only its uploader has (SSE-C)
        ├── SourceArchivedError              it has to be restored first
        ├── SourceChangedError               it is not the one that was inspected any more
        └── SourceUnreachableError  exit 3   no credentials, no connection, or the store fails

Whatever is wrong with a single member is not an error: it is an `orchard.archive.rejection.Rejection`, and the other
members go on.
"""

from __future__ import annotations

from typing import ClassVar, Self

from orchard.errors import ArchiveError, quoted, shown
from orchard.pipeline.kinds import FETCH


def as_typed(uri: str) -> str:
    """The archive in a command: a file of this machine by its path, an object by its name, once it is fetched."""
    return uri.removeprefix("file://") if uri.startswith("file://") else uri.rpartition("/")[2] or uri


class _UriError(ArchiveError):
    """An error about one archive, with its class's own words around the cause."""

    summary: ClassVar[str]
    advice: ClassVar[str] = ""

    @classmethod
    def at(cls, uri: str, cause: str, next_command: str = "") -> Self:
        """The error for one archive.

        Args:
            uri: The archive, as the user knows it.
            cause: Why, in plain words.
            next_command: What to type next, where it takes more than the archive's name to say so.

        Returns:
            The error, ready to raise: its headline names the file, its next command can be pasted.
        """
        name = uri.rsplit("/", 1)[-1] or as_typed(uri)
        stem = name.rsplit(".", 1)[0] or name
        advice = "{list} {where}" if uri.endswith("/") else cls.advice
        command = advice.format(
            list="aws s3 ls" if uri.startswith("s3://") else "ls -l",
            run="orchard run" if uri.startswith("s3://") else "orchard run --local",
            where=quoted(uri.removeprefix("file://")),
            name=quoted(as_typed(uri)),
            stem=quoted(stem),
            plain=quoted(f"{stem}-plain.zip"),
        )
        return cls(f"{shown(name)} {cls.summary}", cause, next_command or command)


class ArchiveRefusedError(_UriError):
    """The archive as a whole cannot be used; no cluster is worth creating for it."""

    summary = "cannot be used"
    advice = "unzip -t {name}"


class NotAZipError(ArchiveRefusedError):
    """The file is not a zip."""

    summary = "is not a zip"
    advice = "file {name}"


class GitPointerError(NotAZipError):
    """The file stands for a zip that Git LFS has not fetched."""

    summary = "is a pointer of Git LFS, not the zip itself"
    advice = FETCH


class TruncatedArchiveError(ArchiveRefusedError):
    """The zip is cut short."""

    summary = "is incomplete"


class DamagedDirectoryError(ArchiveRefusedError):
    """The zip's list of members contradicts itself or the file."""

    summary = "is damaged"


class MultiDiskArchiveError(ArchiveRefusedError):
    """The file is one part of a zip that was split."""

    summary = "is one part of a split zip"
    advice = "zip -s 0 {name} --out {plain}"


class EncryptedArchiveError(ArchiveRefusedError):
    """The zip needs a password."""

    summary = "is encrypted"
    advice = "unzip {name} -d {stem} && (cd {stem} && zip -qr ../{plain} .)"


class OverlappingMembersError(ArchiveRefusedError):
    """Members of the zip share bytes."""

    summary = "has members that overlap"
    advice = "unzip -v {name}"


class ArchiveBombError(ArchiveRefusedError):
    """The zip would become larger than is reasonable."""

    summary = "would unpack beyond the limits"
    advice = "unzip -v {name}"


class RequestError(ArchiveRefusedError):
    """An object that asks for a run asks for what cannot be."""

    summary = "is no request that can be run"
    advice = "aws s3 cp {where} -  # mend it, and upload it again"


class LongListError(ArchiveRefusedError):
    """Inspecting the zip would take more memory than there is."""

    summary = "has more members than one run can take"
    advice = (
        "unzip -q {name} -d {stem} && "
        """(cd {stem} && for one in */; do zip -qr0 "../${{one%/}}.zip" "$one"; done)  # a run for each of them"""
    )


class NoImagesError(ArchiveRefusedError):
    """The zip holds no picture that can be used."""

    summary = "has no images"
    advice = "unzip -l {name}"


class NestedZipError(NoImagesError):
    """The zip holds no pictures, but zips."""

    summary = "holds zips, and no images"


class SourceError(_UriError):
    """The archive's bytes cannot be had."""

    summary = "cannot be read"
    advice = "{list} {where}"


class SourceMissingError(SourceError):
    """There is nothing at that address."""

    summary = "is not there"


class SourceDeniedError(SourceError):
    """Reading is not allowed."""

    summary = "may not be read"


class SourceKeyError(SourceDeniedError):
    """It is encrypted with a key of KMS that may not, or cannot, be used."""

    summary = "is encrypted with a key that may not be used"


class SourceCustomerKeyError(SourceDeniedError):
    """It is encrypted with a key that each request has to bring along."""

    summary = "is encrypted with a key of your own (SSE-C)"
    advice = "aws s3 cp {name} {where}"


class SourceArchivedError(SourceError):
    """It is in an archive of S3, from which it has to be restored first."""

    summary = "is archived"


class SourceChangedError(SourceError):
    """The archive was replaced or deleted since it was inspected."""

    summary = "has changed since the run began"
    advice = "{run} {name}"


class SourceUnreachableError(SourceError):
    """The store cannot be reached, or fails."""

    summary = "cannot be reached"
    advice = "aws s3 ls"
    exit_code = 3
