"""What a stage leaves behind when it is complete, and how a rerun knows that it need not run again.

A folder that exists proves nothing: tasks put their files into place when they end, so the folders of a failed job
look full. A stage is complete when its record is there, which is written last, and when the files are there
that the record names: these, of these sizes, and no others. The record also names the stage's inputs: a rerun with
another archive, model or parameter finds a record of something else and does the work.

A stage may have been done by an earlier run, the origin: its record and its files are looked at where they lie, as
those of a rerun are.

Two jobs that do the same stage at once delete each other's files. The one that began last has the claim; the other
finds at its end that it has lost it, and fails without a record.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from orchard.errors import OrchardError, UsageError
from orchard.layout import STAGES
from orchard.pipeline.origin import NO_ORIGIN, Origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchard.jobs.files import HadoopFiles
    from orchard.jobs.tables import Part
    from orchard.layout import RunFiles, StoredFile

VERSIONS = {"unzip": 1, "featurize": 1, "pca": 1}
"""Stage → the version of what it computes. A change of code that gives other results of the same inputs, or other
columns, raises it: what an earlier release has computed is then computed anew, and no run begins with it."""


_ANEW = "orchard run ZIP --fresh"


class ReadableFiles(Protocol):
    """What records are read from: files below a URI, wherever it leads."""

    def read_text(self, uri: str) -> str | None:
        """The text of a file, or None if there is none."""

    def files_below(self, uri: str) -> Sequence[StoredFile]:
        """All files below a folder; none if it is not there."""


class BooksDoNotBalanceError(OrchardError):
    """Something was counted in but not out: the results cannot be trusted."""


class StageTakenOverError(OrchardError):
    """Another job began the same stage of the same run before this one had ended."""


@dataclass(frozen=True)
class StageRecord:
    """One completed stage.

    Attributes:
        inputs: Everything that determines its output.
        completed: When, ISO 8601 in UTC; identifies this completion to the next stage.
        seconds: Wall time of the driver, without starting Spark.
        counts: Its share of the books.
        files: What it wrote: path below the run's folder → size in bytes.
        facts: What else goes into the summary.
        version: That of what the stage computed, one of `VERSIONS` of some release.
    """

    stage: str
    inputs: dict[str, Any]
    completed: str
    seconds: float
    counts: dict[str, int]
    files: dict[str, int]
    facts: dict[str, Any] = field(default_factory=dict)
    version: int = 1

    def parts(self, run: RunFiles, folder: str) -> dict[str, int]:
        """The files that it wrote into a folder of the run: URI → size in bytes."""
        inside = f"{run.relative(folder)}/"
        return {run.absolute(path): size for path, size in self.files.items() if path.startswith(inside)}


class Stage:
    """The life of one stage: skip, or start, work, complete.

    Args:
        name: One of `orchard.layout.STAGES`.
        inputs: Everything that determines the output; compared as JSON.
    """

    def __init__(self, files: HadoopFiles, run: RunFiles, name: str, inputs: dict[str, Any]) -> None:
        self._files = files
        self._run = run
        self._name = name
        self.inputs = inputs
        self._began = time.monotonic()
        self._claim = uuid.uuid4().hex

    def completed(self) -> StageRecord | None:
        """The record of an earlier completion with the same inputs, or None."""
        record = _read_record(self._files, self._run, self._name)
        if record is None or record.inputs != json.loads(json.dumps(self.inputs)):
            return None
        return None if _fault(self._files, self._run, record) else record

    def start(self) -> None:
        """Take back what said that this stage, and the run, are complete; then what the stage wrote before.

        The record goes first: `publish` looks for it after it has written the manifest.
        """
        self._files.write_text(self._run.claim(self._name), [self._claim])
        for gone in (self._run.stage(self._name), self._run.manifest, self._run.summary, self._run.report):
            self._files.delete(gone)
        for output in self._run.outputs(self._name):
            self._files.delete(output)

    def written(self, tables: Mapping[str, Sequence[Part]]) -> dict[str, int]:
        """What the stage has written, as its record will name it. The books are to be made of just this.

        What is in a table's folder besides was left by tasks that were tried again; it is removed.

        Args:
            tables: Folder of a table that tasks write → its files, as they reported them.

        Raises:
            StageTakenOverError: Another job has begun this stage since.
            BooksDoNotBalanceError: A part is not there, or not whole.
        """
        self._check_claim()  # first: nobody else's files are to be removed
        expected = {self._run.relative(part.uri): part.size for parts in tables.values() for part in parts}
        folders = tuple(f"{self._run.relative(folder)}/" for folder in tables)
        written = {}
        for path, size in _written(self._files, self._run, self._name).items():
            if path.startswith(folders) and path not in expected:
                self._files.delete(self._run.absolute(path))
            else:
                written[path] = size
        if lost := [path for path, size in expected.items() if written.get(path) != size]:
            raise BooksDoNotBalanceError(
                f"The {self._name} stage has lost what it wrote", f"{min(lost)} is missing or incomplete"
            )
        return written

    def complete(self, written: dict[str, int], counts: dict[str, int], **facts: Any) -> StageRecord:  # noqa: ANN401 (facts are any JSON)
        """Write the record.

        Args:
            written: What `written` gave, and what the counts were made of.
            counts: The stage's share of the books.
            facts: What else goes into the summary.

        Raises:
            StageTakenOverError: Another job has begun this stage since.
        """
        self._check_claim()
        record = StageRecord(
            stage=self._name,
            inputs=self.inputs,
            completed=datetime.now(UTC).isoformat(),
            seconds=round(time.monotonic() - self._began, 3),
            counts=counts,
            files=written,
            facts=facts,
            version=VERSIONS[self._name],
        )
        self._files.write_text(self._run.stage(self._name), [json.dumps(asdict(record), indent=2)])
        return record

    def _check_claim(self) -> None:
        if self._files.read_text(self._run.claim(self._name)) != self._claim:
            raise StageTakenOverError(
                f"Another job has begun the {self._name} stage of this run",
                "two jobs of one run write to the same folders, and only the one that began last may complete",
                "wait for the other job, or start this stage again",
            )


def require_records(
    files: ReadableFiles, run: RunFiles, stages: Sequence[str], origin: Origin = NO_ORIGIN
) -> list[StageRecord]:
    """The records of stages that must be complete, each made of what the one before it left.

    Args:
        stages: The first ones of `orchard.layout.STAGES`.
        origin: The earlier runs that have done some of them.

    Raises:
        UsageError: One of them is not complete.
    """
    records: list[StageRecord] = []
    for name in stages:
        done_by = origin.files(name, run)
        record = _read_record(files, done_by, name)
        if record is None:
            fault = f"{done_by.stage(name)} is missing or incomplete"
        elif records and record.inputs.get(records[-1].stage) != records[-1].completed:
            fault = f"the {records[-1].stage} stage was run again after it"
        else:
            fault = _fault(files, done_by, record)
        if record is None or fault:
            raise _incomplete(name, run, done_by, fault)
        records.append(record)
    return records


def require_features(files: ReadableFiles, run: RunFiles, known: RunFiles, made_by: Mapping[str, Any]) -> StageRecord:
    """The record of the featurize stage of an earlier run, whose features may be copied.

    Args:
        run: The run that wants them.
        known: The earlier run.
        made_by: What determines the features of a picture, as the inputs of the stage have it.

    Raises:
        UsageError: The stage is not complete, or was made in another way.
    """
    record = _read_record(files, known, "featurize")
    fault = f"{known.stage('featurize')} is missing or incomplete" if record is None else _fault(files, known, record)
    if record is None or fault:
        headline = f"The featurize stage of the run {known.name}, whose features this one copies, is not complete"
        raise UsageError(headline, fault, _ANEW)
    for name, value in made_by.items():
        if record.inputs.get(name) != value:
            headline = f"The features of the run {known.name} are none of this one's"
            cause = f"it has {name} {record.inputs.get(name)}, and this run {value}"
            raise UsageError(headline, cause, _ANEW)
    return record


def recorded_origin(files: ReadableFiles, run: RunFiles) -> Origin:
    """The earlier runs whose files a complete run uses."""
    record = _read_record(files, run, STAGES[-1])
    return Origin.from_data(record.inputs.get("origin")) if record else NO_ORIGIN


def _incomplete(stage: str, run: RunFiles, done_by: RunFiles, fault: str) -> UsageError:
    if done_by == run:
        headline, fix = f"The {stage} stage of this run is not complete", f"spark-submit spark_jobs/{stage}.py --help"
        return UsageError(headline, fault, fix)
    headline = f"The {stage} stage of the run {done_by.name}, with which this one begins, is not complete"
    return UsageError(headline, fault, _ANEW)


def publish(files: HadoopFiles, run: RunFiles, run_id: str, origin: Origin = NO_ORIGIN) -> None:
    """Write the manifest, which makes the run complete.

    Raises:
        UsageError: A stage is not complete any more: another job has begun it meanwhile, or an origin is gone.
    """
    listed = [asdict(file) for file in files.files_below(run.base)]
    files.write_text(run.manifest, [json.dumps({"run_id": run_id, "files": listed}, indent=2)])
    try:
        # afterwards: a stage that starts later deletes the manifest itself
        require_records(files, run, STAGES, origin)
    except UsageError:
        files.delete(run.manifest)
        raise


def is_published(files: HadoopFiles, run: RunFiles) -> bool:
    """Whether there is a manifest and all that it lists."""
    try:
        listed = {file["path"]: file["size"] for file in json.loads(files.read_text(run.manifest) or "")["files"]}
    except (ValueError, TypeError, KeyError):
        return False
    return listed.items() <= {file.path: file.size for file in files.files_below(run.base)}.items()


def _read_record(files: ReadableFiles, run: RunFiles, name: str) -> StageRecord | None:
    """The record that a stage left, whatever its inputs were; None without one, or with a part of one."""
    try:
        return StageRecord(**json.loads(files.read_text(run.stage(name)) or ""))
    except (ValueError, TypeError):
        return None


def _written(files: ReadableFiles, run: RunFiles, stage: str) -> dict[str, int]:
    """What is in a stage's folders but for what Spark's readers pass over, too: names with `_` or `.` in front."""
    outputs = tuple(run.relative(output) for output in run.outputs(stage))
    return {
        file.path: file.size
        for file in files.files_below(run.base)
        if (file.path in outputs or file.path.startswith(tuple(f"{output}/" for output in outputs)))
        and not any(part.startswith(("_", ".")) for part in file.path.split("/"))
    }


def _fault(files: ReadableFiles, run: RunFiles, record: StageRecord) -> str:
    """What is wrong with what a complete stage wrote; empty if it is all there, and nothing else."""
    if record.version != VERSIONS[record.stage]:
        return f"it has results of version {record.version}, and this release computes version {VERSIONS[record.stage]}"
    there = _written(files, run, record.stage)
    for path in sorted({*there, *record.files}):
        if path not in there:
            return f"{path} is missing"
        if path not in record.files:
            return f"{path} was written by another job than the one that completed the stage"
        if there[path] != record.files[path]:
            return f"{path} has {there[path]:,} bytes instead of {record.files[path]:,}"
    return ""
