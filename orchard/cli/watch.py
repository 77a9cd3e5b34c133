"""`orchard watch`: a run as it goes on, until it ends or the user leaves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from orchard.cli.output import ends_well, progress_console, results_console
from orchard.cli.runs_common import LatestRun, find, follow_run, plain
from orchard.errors import UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from orchard.runs.progress import Progress


@ends_well
def watch(
    ctx: typer.Context,
    run: LatestRun = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what happens as JSON, one event a line, the end last.")
    ] = False,
) -> None:
    """Follow a run until it ends. Ctrl-C leaves it alone."""
    from orchard.cli.display import RunDisplay, clock
    from orchard.cli.signals import failure
    from orchard.cli.status import look_for_deletion, next_command, plain_deletion
    from orchard.cli.target import in_aws
    from orchard.layout import is_run_id

    console = progress_console()
    with in_aws(ctx.obj) as place:
        try:
            run_id = find(place, run)
        except UsageError:
            if not is_run_id(run):
                raise
            run_id = run
            console.print(f"The run {run} has not started: an upload's event takes its time.")
        display = Events(run_id) if as_json else RunDisplay(console, run_id)
        progress = follow_run(place, run_id, console, display)
        deleted = look_for_deletion(place, run_id, progress)
    after = next_command(run_id, progress, ctx.obj, deleted)
    if as_json:
        tell("end", run_id, {**plain(progress), **plain_deletion(deleted), "next": after})
    if progress.status != "SUCCEEDED":
        raise failure(run_id, progress, progress.archive.rpartition("/")[2] or "The archive", after, after)
    if not as_json:
        cost = f", {phrase}" if (phrase := progress.cost.phrase()) else ""
        done = results_console()
        done.print(f"The run {run_id} is done after {clock(progress.elapsed)}{cost}.")
        done.print(f"Next: {after}")


class Events:
    """Writes what happens to one run as lines of JSON; a context manager, as `orchard.cli.display.RunDisplay` is.

    Args:
        run: The run's id.
    """

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
        from orchard.cli.display import news

        if told := news(self._before, progress):
            tell("progress", self._run, {**plain(progress), "news": told})
        self._before = progress

    def trouble(self, message: str) -> None:
        """Write that a look failed."""
        tell("trouble", self._run, {"message": message})


def tell(event: str, run: str, facts: dict[str, Any]) -> None:
    """Write an event: a line of JSON, at once."""
    typer.echo(json.dumps({"event": event, "run": run, **facts}))  # which flushes
