"""An earlier run, read once: what it has left, and whether another run can begin with it.

It can when it is complete: with its manifest, and with the records of its stages, whose files are there in the sizes
that they had; when its books balance; and when this release would compute the same (`orchard.jobs.stages.VERSIONS`).
What it has taken from a still earlier run is looked for there, so that an origin is always where the files really lie.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchard.errors import UsageError
from orchard.jobs.stages import recorded_origin, require_records
from orchard.layout import STAGES, ObjectAddress, RunFiles, StoredFile, deletion_note, run_files
from orchard.pipeline.origin import Origin
from orchard.pipeline.values import parsed
from orchard.runs.download import list_files
from orchard.runs.folder import manifest_in, origin_in, run_in
from orchard.runs.found import ArchiveCounts, Found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_s3 import S3Client

    from orchard.jobs.stages import ReadableFiles, StageRecord


@dataclass(frozen=True)
class S3Files:
    """Files in S3, as `orchard.jobs.stages` reads records of them; each folder is listed once."""

    s3: S3Client
    _folders: dict[str, list[StoredFile]] = field(default_factory=dict)

    def read_text(self, uri: str) -> str | None:
        """The text of an object, or None if there is none."""
        address = ObjectAddress.parse(uri)
        try:
            return self.s3.get_object(Bucket=address.bucket, Key=address.key)["Body"].read().decode()
        except self.s3.exceptions.NoSuchKey:
            return None

    def files_below(self, uri: str) -> list[StoredFile]:
        """All objects below a folder."""
        if uri not in self._folders:
            address = ObjectAddress.parse(f"{uri.rstrip('/')}/")
            listed = list_files(self.s3, address.bucket, address.key)
            self._folders[uri] = [StoredFile(file.name, file.size) for file in listed]
        return self._folders[uri]


class FolderFiles:
    """Files of this machine, by their paths."""

    def read_text(self, uri: str) -> str | None:
        """The text of a file, or None if there is none."""
        try:
            return Path(uri).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def files_below(self, uri: str) -> list[StoredFile]:
        """All files below a folder."""
        folder = Path(uri)
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return [StoredFile(path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths]


@dataclass(frozen=True)
class EarlierRun:
    """A complete run.

    Attributes:
        run_id: Its id.
        files: Its own.
        origin: The still earlier runs whose files it uses.
        records: Those of the stages that were asked for, whoever has done them.
        counts: Its books, and how many images are in which split.
        summary: What its `summary.json` holds.
    """

    run_id: str
    files: RunFiles
    origin: Origin
    records: Mapping[str, StageRecord]
    counts: ArchiveCounts
    summary: Mapping[str, Any]

    @property
    def model(self) -> Mapping[str, str]:
        """What is known of the model of its features: `id`, `name`, `weights`, `weights_sha256`."""
        found: Mapping[str, str] = self.records["featurize"].facts["model"]
        return found

    @property
    def engine(self) -> str:
        """What has computed them."""
        return str(self.records["featurize"].facts["engine"])

    def for_refit(self) -> Found:
        """What a run finds that fits other components on its features."""
        features = self.origin.files("featurize", self.files).base
        archive = self.records["unzip"].facts["archive"]
        return Found(archive, self.counts, origin=Origin(self.origin.images, features), model=self.model["id"])


def read_earlier(
    s3: S3Client, results_bucket: str, run: str, stages: Sequence[str] = ("unzip", "featurize")
) -> EarlierRun:
    """Read an earlier run of a stack.

    Args:
        run: Its whole id.
        stages: Those whose files are needed, the first ones of `orchard.layout.STAGES`; two at least.

    Raises:
        UsageError: There is no such run, it was deleted, it is not complete, or this release would compute something
            else.
    """
    files, own = S3Files(s3), run_files(results_bucket, run)
    if files.read_text(own.manifest) is None:
        raise _absent(files, results_bucket, own)
    # origins by their names: a folder of results may have come from another bucket
    return _read(files, run, own, lambda name: run_files(results_bucket, name), stages)


def read_fitted(s3: S3Client, results_bucket: str, run: str) -> EarlierRun:
    """Read the run onto whose components others are projected: the named one, or that onto whose it is itself.

    Args:
        run: Its whole id.

    Raises:
        UsageError: As `read_earlier`.
    """
    found = read_earlier(s3, results_bucket, run, STAGES)
    further = found.origin.runs.get("components")
    return read_earlier(s3, results_bucket, further, STAGES) if further else found


def read_folder(folder: Path, stages: Sequence[str] = ("unzip", "featurize")) -> EarlierRun:
    """Read an earlier run whose results are in a folder of this machine; as `read_earlier`.

    Raises:
        UsageError: Likewise; or the folder of a run whose files it uses is not known.
    """
    manifest_in(folder)
    own = RunFiles(str(folder.absolute()))
    return _read(
        FolderFiles(), run_in(folder) or own.name, own, lambda name: RunFiles(str(origin_in(folder, name))), stages
    )


def _read(
    files: ReadableFiles, run: str, own: RunFiles, locate: Callable[[str], RunFiles], stages: Sequence[str]
) -> EarlierRun:
    named = recorded_origin(files, own)
    origin = Origin(**{what: locate(name).base for what, name in named.runs.items()})
    try:
        records = {record.stage: record for record in require_records(files, own, stages, origin)}
    except UsageError as error:
        headline = f"No run can begin with the results of {run}"
        raise UsageError(headline, f"{error.headline}: {error.cause}", "orchard run ZIP") from error
    counts = _counts(files, origin.files("unzip", own), records)
    return EarlierRun(run, own, origin, records, counts, parsed(files.read_text(own.summary) or "") or {})


def _absent(files: S3Files, results_bucket: str, run: RunFiles) -> UsageError:
    """Why a run has no manifest."""
    name = run.name
    if files.read_text(ObjectAddress(results_bucket, deletion_note(name)).uri) is not None:
        return UsageError(f"The results of the run {name} were deleted", "no run can begin with them", "orchard runs")
    if not files.files_below(run.base):
        return UsageError(f"There is no run {name}", f"nothing is in {run.base}/", "orchard runs")
    cause = f"{run.manifest} is not there: it goes on, has failed or was stopped"
    return UsageError(f"The run {name} is not complete", cause, f"orchard status {name}")


def _counts(files: ReadableFiles, unzipped: RunFiles, records: Mapping[str, StageRecord]) -> ArchiveCounts:
    """The books of a run.

    Raises:
        UsageError: They do not balance.
    """
    unzip, featurize = records["unzip"].counts, records["featurize"].counts
    splits: Counter[str] = Counter()
    for row in csv.DictReader(io.StringIO(files.read_text(unzipped.stats_table) or "", newline="")):
        splits[row["split"]] += int(row["count"])
    out = featurize["features"] + featurize["rejected_in_featurize"]
    if not unzip["images"] == splits.total() == out:
        cause = f"{unzip['images']:,} images, {splits.total():,} in stats/, {out:,} that have features or are rejected"
        raise UsageError(f"The books of the run {unzipped.name} do not balance", cause, "orchard run ZIP")
    return ArchiveCounts(
        entries=unzip["entries"],
        directories=unzip["directories"],
        ignored=unzip["ignored"],
        skipped=unzip["skipped"],
        rejected=unzip["rejected_in_unzip"],
        images=unzip["images"],
        image_bytes=sum(records["unzip"].parts(unzipped, unzipped.images).values()),
        classes=records["unzip"].facts["classes"],
        splits=dict(sorted(splits.items())),
    )
