"""Show a run while it goes on: a live table on a terminal, plain lines anywhere else, or events as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

import typer
from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from orchard.cli.one_run import follower, plain
from orchard.cli.output import spinner
from orchard.compute.cost import dollars
from orchard.runs.follow import follow

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from rich.console import Console

    from orchard.cli.target import Place
    from orchard.pipeline.state import PlannedRun
    from orchard.runs.progress import Progress

MILESTONES = {
    "InspectArchive": "reading the zip's list of members",
    "CreateCluster": "asking for a cluster",
    "BackOff": "there is no cluster yet, waiting to ask again",
    "QueueSteps": "queueing the steps",
    "AwaitSteps": "waiting for the steps",
    "TerminateCluster": "ending the cluster",
    "StartJob": "starting a job",
    "AwaitJob": "waiting for the jobs",
    "CancelJob": "cancelling the job",
    "AwaitEnd": "waiting for the cluster's end",
    "DescribeRun": "describing what happened",
    "Notify": "notifying",
    "RunSucceeded": "done",
    "ArchiveRefused": "the archive was refused",
    "RunFailed": "failed",
}
"""The states of statemachine/pipeline.asl.json that mean something to a reader, and what; the others are plumbing."""

KEPT = "done, and its cluster is kept"

_STYLES = {"COMPLETED": "green", "RUNNING": "bold", "FAILED": "red", "CANCELLED": "red", "INTERRUPTED": "red"}


def clock(elapsed: timedelta | None) -> str:
    """A duration as `1:02:03` or `2:03`; empty for None."""
    if elapsed is None:
        return ""
    minutes, seconds = divmod(max(0, int(elapsed.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def doing(progress: Progress) -> str:
    """What a run that goes on is doing."""
    if progress.kept:
        return KEPT
    return str(progress.awaits) if progress.awaits else MILESTONES.get(progress.state, progress.state or "starting")


def news(before: Progress | None, now: Progress) -> list[str]:
    """What has happened between two looks at a run, a line each.

    Args:
        before: The earlier look; None at the first.
    """
    known = set(before.passed) if before else set()
    lines = [MILESTONES[state] for state in now.passed if state in MILESTONES and state not in known]
    if now.known.plan.keep and not (before and before.known.plan.keep):
        lines.append(_will_be_kept(now.known.plan))
    if now.awaits and (before is None or str(now.awaits) != str(before.awaits)):
        lines.append(str(now.awaits))
    if now.known.launch > max(1, before.known.launch if before else 0):
        lines.append(f"launch {now.known.launch}")
    if now.known.cluster and (before is None or before.works != now.works):
        lines.append(now.works)
    earlier = {step.name: step.state for step in before.steps} if before else {}
    for step in now.steps:
        if step.state and step.state != earlier.get(step.name, ""):
            took = f" after {clock(step.elapsed)}" if step.elapsed and step.state != "RUNNING" else ""
            lines.append(f"step {step.name} is {step.state}{took}")
    if now.kept and not (before and before.kept):
        lines.append(KEPT)
    return lines


def _will_be_kept(plan: PlannedRun) -> str:
    """For how long a cluster will be kept, and what that costs at most if nobody uses or ends it."""
    line = f"the cluster will be kept for {clock(timedelta(seconds=plan.keep))} after its last step"
    rate = plan.estimate.usd_per_hour
    return line if rate is None or not plan.charged else f"{line}, which costs {dollars(rate * plan.keep / 3600)}"


class RunDisplay:
    """Shows one run; a context manager."""

    def __init__(self, console: Console, run: str) -> None:
        self._console = console
        self._run = run
        self._before: Progress | None = None
        # Where there is no terminal, Live would print its last table once more, after the lines.
        self._live = Live(console=console, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        self._console.print(f"Run {self._run}")
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, progress: Progress) -> None:
        """Show a look at the run."""
        if self._before is not None and progress.elapsed < self._before.elapsed:
            progress = replace(progress, elapsed=self._before.elapsed)  # it ended before the last look
        for line in news(self._before, progress):
            self._console.print(f"{clock(progress.elapsed):>8}  {line}")
        self._before = progress
        if self._live is not None:
            self._live.update(panel(progress, spinner(self._console)))

    def trouble(self, message: str) -> None:
        """Say that a look failed; the run is not concerned."""
        self._console.print(f"          AWS did not answer, trying again: {message}", style="yellow")


def panel(progress: Progress, spinner: str = "dots") -> Group:
    """Where a run stands, as a few lines at the foot of a terminal, beside a spinner of this name."""
    cost = f", {phrase}" if (phrase := progress.cost.phrase(" so far")) else ""
    state = progress.awaits or progress.state or "starting"
    head = f"{clock(progress.elapsed)}  {state}, {progress.works}{cost}"
    table = Table.grid(padding=(0, 2))
    for step in progress.steps:
        style = _STYLES.get(step.state, "dim")
        table.add_row("  " + step.name, step.state or "-", clock(step.elapsed), style=style)
    return Group(Spinner(spinner, text=head), table)


class Events:
    """Writes what happens to one run as lines of JSON; a context manager, as `RunDisplay` is."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._before: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def update(self, progress: Progress) -> None:
        """Write what a look at the run tells that the one before did not."""
        if changes := news(self._before, progress):
            write_event("progress", self._run, {**plain(progress), "news": changes})
        self._before = progress

    def trouble(self, message: str) -> None:
        """Write that a look failed."""
        write_event("trouble", self._run, {"message": message})


def write_event(event: str, run: str, facts: dict[str, Any]) -> None:
    """Write an event: a line of JSON, at once."""
    typer.echo(json.dumps({"event": event, "run": run, **facts}))  # which flushes


def follow_run(
    place: Place,
    run: str,
    console: Console,
    display: RunDisplay | Events,
    out: Path | None = None,
    *,
    until_kept: bool = False,
) -> Progress:
    """Show a run until it has ended.

    Args:
        run: Its id; it may be about to start.
        out: The folder that was chosen for its results.
        until_kept: Whether it is enough that its steps are done and its cluster is kept.

    Raises:
        KeyboardInterrupt: The user has left; it was said how to come back.
        RunFailedError: No such run starts.
    """
    try:
        with display:
            look = follower(place, run).look
            return follow(
                look,
                display.update,
                on_trouble=display.trouble,
                function_logs=place.function_logs,
                until_kept=until_kept,
            )
    except KeyboardInterrupt:
        console.print(place.after_interruption(run, out))
        raise
