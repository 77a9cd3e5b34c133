"""What the user gives to be run: zips and folders of this machine, and addresses in S3."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchard.errors import UsageError, command_line, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_s3 import S3Client

    from orchard.archive.collection import Collection


@dataclass(frozen=True)
class Given:
    """The arguments of a command.

    Attributes:
        arguments: As they were typed, but for Hadoop's schemes.
    """

    arguments: tuple[str, ...]

    @classmethod
    def of(cls, arguments: Iterable[str | Path]) -> Given:
        """Check them, before anything is looked up.

        Raises:
            UsageError: One cannot be a source, or is given twice.
        """
        from orchard.archive.request import MOST_SOURCES, faults, plain_sources

        given = cls(plain_sources(str(one) for one in arguments))
        for number, cause in faults(given.addresses):
            raise UsageError(f"{given.addresses[number]} cannot be a source", cause, "orchard plan --help")
        files = [path.resolve() for path in given.files]
        for number, file in enumerate(files):
            if file in files[:number]:
                raise UsageError(f"{file.name} is given twice", "its images would be read twice")
        if len(given.arguments) > MOST_SOURCES:
            raise UsageError(f"A run takes at most {MOST_SOURCES:,} sources", "a prefix of S3 is one")
        return given

    @property
    def files(self) -> list[Path]:
        """Those of this machine."""
        return [Path(one) for one in self.arguments if one not in self.addresses]

    @property
    def folders(self) -> list[Path]:
        """Folders of this machine."""
        return [path for path in self.files if path.is_dir()]

    @property
    def addresses(self) -> list[str]:
        """Those in S3."""
        from orchard.archive.sources.base import is_s3

        return [one for one in self.arguments if is_s3(one)]

    @property
    def is_one_file(self) -> bool:
        """Whether it is one zip or folder of this machine, which starts its run itself."""
        return len(self.arguments) == len(self.files) == 1

    @property
    def name(self) -> str:
        """For people: the first, and how many more."""
        from orchard.archive.addresses import told

        first = self.arguments[0]
        return told([first if first in self.addresses else Path(first).name, *self.arguments[1:]])

    def command(self, verb: str, *options: str) -> str:
        """A command of Orchard about the same."""
        return command_line(["orchard", verb, *self.arguments, *options])

    def check_local(self) -> None:
        """Refuse addresses where there is only a local cloud.

        Raises:
            UsageError: There is one.
        """
        for one in self.addresses:
            cause = "a local cloud has buckets of its own, and reads none of AWS"
            fetch = ["aws", "s3", "cp", *(["--recursive"] if one.endswith("/") else []), one, "."]
            raise UsageError(f"{shown(one)} is not on this machine", cause, command_line(fetch))

    def look_into(self, encoding: str | None, s3: S3Client | None = None) -> Collection:
        """What it holds.

        Raises:
            ArchiveError: Some of it cannot be used.
        """
        from orchard.archive.collection import collect, find_source

        return collect(self.arguments, lambda uri, left: find_source(uri, left, s3), encoding=encoding)
