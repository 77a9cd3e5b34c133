"""A run that a command has asked for, followed to its end, and what it leaves, brought home."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchard.cli.output import busy, facts_table, results_console, show_table
from orchard.errors import UsageError, command_line, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from orchard.cli.target import Place
    from orchard.runs.progress import Progress
    from orchard.runs.upload import Upload


_ELSEWHERE = ("sam ", "aws ")
"""How what mends a refusal begins that a plan would not find: it is in the stack, or in S3."""


@dataclass(frozen=True)
class Asked:
    """What was asked for, as messages have it.

    Attributes:
        name: In a few words.
        plan: The command that shows what it would take.
        again: The command that asks for the same in a local cloud.
        source: What was uploaded, as the user knows it.
        uploaded: Where sources of this machine were uploaded to, beside it → what they are here.
    """

    name: str
    plan: str
    again: str
    source: str
    uploaded: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunResult:
    """What a run has come to.

    Attributes:
        status: The execution's status; `STARTED` when nobody waited.
        folder: Where the results are; None when nobody waited.
        summary: What `summary.json` holds; likewise.
        seconds: From the execution's start to its end; likewise.
    """

    run_id: str
    status: str
    folder: Path | None = None
    summary: dict[str, Any] | None = None
    seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "folder": None if self.folder is None else str(self.folder),
            "report": None if self.folder is None else str(self.folder / "report.html"),
            "seconds": self.seconds,
            "summary": self.summary,
        }


def check_where(out: Path | None, room: int, *, local: bool, wait: bool, keep: int | None) -> None:
    """Make sure, before anything is asked for, that there is a place for what a run will leave.

    Args:
        out: The folder for the results; None for `out/<run id>`.
        room: Bytes that it needs, at least.
        keep: For how many seconds the cluster is to be kept.

    Raises:
        UsageError: There is none, or the local cloud would end before the run, or its cluster.
    """
    from orchard.runs.folder import check_folder, check_writable

    if out is not None:
        check_folder(out, room)
    elif wait:
        check_writable(Path("out"), room)
    if local and not wait:
        cause = "the local cloud ends with the command"
        raise UsageError("--local and --no-wait exclude each other", cause, "orchard local up")
    if local and keep:
        cause = "the local cloud ends with the command, and its clusters with it"
        raise UsageError("--local and --keep exclude each other", cause, "orchard local up")


def start(place: Place, key: str, send: Callable[[], Upload], console: Console) -> Upload:
    """Upload what starts a run, and learn which run it is.

    Args:
        key: Where it is uploaded to.
        send: Uploads it.
    """
    from orchard.runs.follow import PATIENCE
    from orchard.runs.started import await_run, latest_of

    stack, sfn = place.stack, place.step_functions
    before: set[str] = set()
    if not stack.owns_input_bucket:
        before = {run for run, _ in latest_of(sfn, stack.state_machine_arn, stack.input_bucket, key)}
    upload = send()
    if upload.run_id:
        return upload
    with busy(console, "waiting for the bucket's event, which names the run"):
        return replace(upload, run_id=await_run(sfn, stack.state_machine_arn, upload.archive, before, PATIENCE))


def see_through(
    place: Place, asked: Asked, upload: Upload, console: Console, *, out: Path | None, wait: bool, table: bool
) -> RunResult:
    """Follow a run to its end and copy what it leaves; or say how to come back to it.

    Args:
        out: The folder for the results; None for `out/<run id>`.
        wait: Whether to follow it.
        table: Whether to end with the table of what it came to.

    Raises:
        ArchiveError: The pipeline refused it.
        RunFailedError: The run failed.
        EnvironmentNotReadyError: The folder could be written before the run, and not after it.
    """
    from orchard.cli.display import RunDisplay, follow_run

    if not wait:
        console.print(place.after_interruption(upload.run_id, out))
        return RunResult(upload.run_id, "STARTED")
    progress = follow_run(place, upload.run_id, console, RunDisplay(console, upload.run_id), out, until_kept=True)
    return _finish(place, asked, upload, progress, out or Path("out") / upload.run_id, console, table)


def _finish(
    place: Place, asked: Asked, upload: Upload, progress: Progress, folder: Path, console: Console, table: bool
) -> RunResult:
    """Bring home what a run has left, whether it succeeded or not."""
    from orchard.cli.display import clock
    from orchard.cli.one_run import failure
    from orchard.cli.rescue import copy_or_rescue, unwritable_is_told
    from orchard.cli.summary import RANDOM_WARNING, summary_rows
    from orchard.pipeline.state import REFUSED
    from orchard.runs import download
    from orchard.runs.folder import LOGS, write_notice

    bucket, run_id = place.stack.results_bucket, upload.run_id
    logs: list[Path] = []
    listed = elsewhere = None
    if progress.complete:
        folder, elsewhere = copy_or_rescue(place, run_id, folder, lambda what: console.print(f"{what} …"))
    elif progress.error != REFUSED:
        with unwritable_is_told(console, "the logs"), busy(console, "copying the logs"):
            logs = download.copy_logs(place.s3, bucket, run_id, folder)
        if logs:
            console.print(f"the logs are in {folder / LOGS}")
        with unwritable_is_told(console, "the list of rejected images"):
            listed = download.copy_rejections(place.s3, bucket, run_id, folder)
        if listed:
            console.print(f"the rejected images are listed in {listed}")
    next_step = _next_step(place, run_id, progress, logs)
    kept = {} if place.later("diagnose", run_id) else what_is_kept(bucket, upload, asked, folder, listed, next_step)
    if notices := place.notices():
        with unwritable_is_told(console, "the pipeline's notice"):
            notice = write_notice(folder, as_kept("\n\n".join(notices), kept))
            console.print(f"the pipeline's notice is in {notice}")
    if not progress.complete:
        told = replace(progress, cause=as_kept(progress.cause, kept))
        mend = progress.known.plan.next
        raise failure(
            run_id, told, asked.name, asked.plan if kept or not mend.startswith(_ELSEWHERE) else mend, next_step
        )
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    if table:
        rows = [(title, as_kept(text, kept)) for title, text in summary_rows(summary, progress, folder)]
        show_table(facts_table(rows), results_console())
    if summary["model"]["weights"] == "random":
        console.print(RANDOM_WARNING, style="bold yellow")
    if progress.kept:
        keep = clock(timedelta(seconds=progress.known.plan.keep))
        console.print(f"the cluster {progress.known.cluster} is kept until nothing has run there for {keep}:")
        console.print(f"  {place.later('submit', run_id)} pca --components K")
        console.print(f"  {place.later('stop', run_id)}")
    if elsewhere is not None:
        raise elsewhere
    return RunResult(run_id, progress.status, folder, summary, round(progress.elapsed.total_seconds(), 1))


def what_is_kept(
    bucket: str, upload: Upload, asked: Asked, folder: Path, listed: Path | None, next_step: str
) -> dict[str, str]:
    """What messages name of a cloud that ends with the command, and what there is instead once it has ended.

    Args:
        bucket: Its results bucket.
        upload: What was uploaded.
        asked: What was asked for.
        folder: Where the run's files were copied to.
        listed: Where the list of rejected images was copied to, if it was copied alone.
        next_step: What to type after a failure; "" for nothing.

    Returns:
        An address or a command → what to put in its place, in the order in which to do so.
    """
    from orchard.layout import log_prefix, run_prefix
    from orchard.runs.download import REJECTED
    from orchard.runs.folder import LOGS

    run = upload.run_id
    return {
        f"s3://{bucket}/{run_prefix(run)}{REJECTED}/": f"{listed or folder / REJECTED}/",
        f"s3://{bucket}/{run_prefix(run)}": f"{folder}/",
        f"s3://{bucket}/{log_prefix(run)}": f"{folder / LOGS}/",
        upload.archive.uri: asked.source,
        **asked.uploaded,
        command_line(["orchard", "diagnose", run]): next_step or asked.again,
        command_line(["orchard", "report", run]): str(folder / "report.html"),
        command_line(["orchard", "results", run, "--out", f"out/{run}"]): str(folder),
    }


def as_kept(text: str, kept: Mapping[str, str]) -> str:
    """A message with what `what_is_kept` says in place of what is gone."""
    for gone, there in kept.items():
        text = text.replace(gone, there)
    return text


def _next_step(place: Place, run_id: str, progress: Progress, logs: list[Path]) -> str:
    """What to type after a failed run: where nothing is left that could be asked, the log that was copied is."""
    log = _likeliest_log(progress, logs)
    return place.later("diagnose", run_id) or ("" if log is None else f"zless {quoted(str(log))}")


def _likeliest_log(progress: Progress, logs: list[Path]) -> Path | None:
    """The log in which the cause most likely is: what Python or Spark wrote in the failed step, else a boot's, or any.

    Python's comes first: `spark-submit` sends it to stdout.
    """
    failed = {step.id for step in progress.steps if step.state == "FAILED"}
    stderr = [log for log in logs if log.name.startswith("stderr")]
    of_step = [log for log in logs if log.name.startswith("stdout") and log.parent.name in failed]
    of_step += [log for log in stderr if log.parent.name in failed]
    of_boot = [log for log in stderr if "bootstrap-actions" in log.parts]
    return next(iter([*of_step, *of_boot, *stderr, *logs]), None)
