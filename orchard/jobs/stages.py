"""What a stage leaves behind when it is complete, and how a rerun knows that it need not run again.

A folder that exists proves nothing: S3A's MagicV2 committer publishes files when a task commits, so the folders of a
failed job look full. A stage is complete when its record is there, and the record is written last. It names its inputs:
a rerun with another archive, model or parameter finds a record of something else and does the work.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchard.errors import OrchardError, UsageError

if TYPE_CHECKING:
    from orchard.jobs.files import HadoopFiles
    from orchard.layout import RunFiles


class BooksDoNotBalanceError(OrchardError):
    """Something was counted in but not out: the results cannot be trusted."""


@dataclass(frozen=True)
class StageRecord:
    """One completed stage.

    Attributes:
        stage: Its name.
        inputs: Everything that determines its output.
        completed: When, ISO 8601 in UTC; identifies this completion to the next stage.
        seconds: Wall time of the driver, without starting Spark.
        counts: Its share of the books.
        facts: What else the summary tells.
    """

    stage: str
    inputs: dict[str, Any]
    completed: str
    seconds: float
    counts: dict[str, int]
    facts: dict[str, Any] = field(default_factory=dict)


class Stage:
    """The life of one stage: skip, or start, work, complete.

    Args:
        files: Where the run's folder is reached.
        run: The run's files.
        name: One of `orchard.layout.STAGES`.
        inputs: Everything that determines the output; compared as JSON.
    """

    def __init__(self, files: HadoopFiles, run: RunFiles, name: str, inputs: dict[str, Any]) -> None:
        self._files = files
        self._run = run
        self._name = name
        self._inputs = inputs
        self._began = time.monotonic()

    def completed(self) -> StageRecord | None:
        """The record of an earlier completion with the same inputs, or None."""
        record = read_record(self._files, self._run, self._name)
        if record is None or record.inputs != json.loads(json.dumps(self._inputs)):
            return None
        return record

    def start(self) -> None:
        """Take back what said that the run, or this stage, is complete; then the work may begin."""
        self._files.delete(self._run.manifest)
        self._files.delete(self._run.stage(self._name))
        self._began = time.monotonic()

    def complete(self, counts: dict[str, int], **facts: Any) -> StageRecord:  # noqa: ANN401 (facts are any JSON)
        """Write the record."""
        record = StageRecord(
            stage=self._name,
            inputs=self._inputs,
            completed=datetime.now(UTC).isoformat(),
            seconds=round(time.monotonic() - self._began, 3),
            counts=counts,
            facts=facts,
        )
        self._files.write_text(self._run.stage(self._name), [json.dumps(asdict(record), indent=2)])
        return record


def read_record(files: HadoopFiles, run: RunFiles, name: str) -> StageRecord | None:
    """The record that a stage left, whatever its inputs were; None if it is not complete."""
    text = files.read_text(run.stage(name))
    return None if text is None else StageRecord(**json.loads(text))


def require_record(files: HadoopFiles, run: RunFiles, name: str) -> StageRecord:
    """The record of a stage that must be complete.

    Raises:
        UsageError: It is not.
    """
    record = read_record(files, run, name)
    if record is None:
        raise UsageError(
            f"The {name} stage of this run is not complete",
            f"there is no {run.stage(name)}",
            f"spark-submit spark_jobs/{name}.py --help",
        )
    return record
