"""The files of a complete run: in the results bucket, or in a folder of this machine."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchard.archive.sources.base import SourceFile
from orchard.archive.sources.open import open_source
from orchard.errors import RunFailedError
from orchard.layout import ObjectAddress, RunFiles, run_files
from orchard.runs.deletions import find_deletion
from orchard.runs.download import read_manifest
from orchard.runs.folder import manifest_in, origin_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        return cls(RunFiles(str(folder.absolute())), manifest_in(folder))

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
        """What `summary.json` holds.

        Raises:
            RunFailedError: It is not as the manifest says.
        """
        with self._open(self.files.summary) as file:
            found: dict[str, Any] = json.loads(file.read())
            return found

    def parquet(self, folder: Callable[[RunFiles], str], *taken: str) -> list[SourceFile]:
        """The Parquet files of one of the run's folders, in order, or of that of the earlier run that has made them.

        Args:
            folder: Which one, of `RunFiles`.
            taken: What of an earlier run brings that folder along (`orchard.pipeline.origin.Origin`).

        Raises:
            UsageError: The folder of the origin is not known.
            RunFailedError: The origin was deleted or is not complete any more, or a file is not as its manifest says.
        """
        inside = f"{self.files.relative(folder(self.files))}/"
        found = sorted(path for path in self._sizes if path.startswith(inside) and path.endswith(".parquet"))
        if found:
            return [self._open(self.files.absolute(path)) for path in found]
        origin = self.summary.get("origin", {})
        runs = [origin[what] for what in taken if what in origin]
        return self._earlier(runs[0]).parquet(folder, *taken) if runs else []

    def _earlier(self, run: str) -> Results:
        if self.s3 is None:
            return Results.in_folder(origin_in(Path(self.files.base), run))
        bucket = ObjectAddress.parse(self.files.base).bucket
        if find_deletion(self.s3, bucket, run) is not None:
            headline, cause = f"The results of the run {run} were deleted", f"the run {self.run} uses files of it"
            raise RunFailedError(headline, cause, "orchard run ZIP --fresh")
        return Results.in_bucket(self.s3, bucket, run)

    def _open(self, uri: str) -> SourceFile:
        source = open_source(uri, s3_client=self.s3)
        path = self.files.relative(uri)
        if source.size != self._sizes.get(path):
            cause = f"{path} has {source.size:,} bytes, and its manifest says {self._sizes.get(path, 0):,}"
            raise RunFailedError(f"The results of the run {self.run} were changed", cause)
        return SourceFile(source)

    @cached_property
    def _sizes(self) -> Mapping[str, int]:
        return {file["path"]: file["size"] for file in json.loads(self.manifest)["files"]}
