"""The files of a complete run: in the results bucket, or in a folder of this machine."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orchard.archive.sources.base import SourceFile
from orchard.archive.sources.open import open_source
from orchard.errors import RunFailedError, UsageError, command_line
from orchard.layout import RunFiles, run_files
from orchard.runs.download import read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Results:
    """The files of a complete run.

    Attributes:
        manifest: What `_manifest.json` holds; another run's, and one that was made again, has another.
        s3: What reads them; None in a folder.
    """

    files: RunFiles
    manifest: bytes
    s3: S3Client | None = None

    @classmethod
    def in_bucket(cls, s3: S3Client, bucket: str, run: str) -> Results:
        """Those of a run by its id.

        Raises:
            RunFailedError: The run is not complete.
        """
        return cls(run_files(bucket, run), read_manifest(s3, bucket, run), s3)

    @classmethod
    def in_folder(cls, folder: Path) -> Results:
        """Those that `orchard run` or `orchard results` copied to a folder, or that jobs left in one.

        Raises:
            UsageError: There is no such folder, or no complete run in it.
        """
        files = RunFiles(str(folder.absolute()))
        again = command_line(["orchard", "results", "RUN", "--out", str(folder)])
        if not folder.is_dir():
            raise UsageError(f"There is no folder {folder}", "--local takes the folder of a run's results", again)
        try:
            return cls(files, (folder / files.relative(files.manifest)).read_bytes())
        except FileNotFoundError:
            cause = f"it has no {files.relative(files.manifest)}, which is written last and copied with all the rest"
            raise UsageError(f"{folder} does not hold a complete run", cause, again) from None

    @property
    def run(self) -> str:
        """The run's id."""
        return str(json.loads(self.manifest)["run_id"])

    @property
    def digest(self) -> str:
        """The SHA-256 of the manifest, in hex."""
        return hashlib.sha256(self.manifest).hexdigest()

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds."""
        with self.open(self.files.summary) as file:
            found: dict[str, Any] = json.loads(file.read())
            return found

    def parts(self, folder: str) -> list[str]:
        """The URIs of the Parquet files in one of the run's folders, in order."""
        inside = f"{self.files.relative(folder)}/"
        return sorted(
            self.files.absolute(path) for path in self._sizes if path.startswith(inside) and path.endswith(".parquet")
        )

    def open(self, uri: str) -> SourceFile:
        """One of the files, pinned, to be read by ranges.

        Raises:
            RunFailedError: It is not as the manifest says.
            SourceError: It cannot be read.
        """
        source = open_source(uri, s3_client=self.s3)
        path = self.files.relative(uri)
        if source.size != self._sizes.get(path):
            cause = f"{path} has {source.size:,} bytes, and its manifest says {self._sizes.get(path, 0):,}"
            raise RunFailedError(f"The results of the run {self.run} were changed", cause)
        return SourceFile(source)

    @cached_property
    def _sizes(self) -> Mapping[str, int]:
        return {file["path"]: file["size"] for file in json.loads(self.manifest)["files"]}
