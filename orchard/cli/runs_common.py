"""What the commands about runs have in common: which run is meant, how its facts are said, and asking first."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchard.cli.settings import Settings
from orchard.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

    from orchard.cli.display import RunDisplay
    from orchard.cli.target import Place
    from orchard.cli.watch import Events
    from orchard.compute.cost import Cost
    from orchard.runs.progress import Progress

_COMPLETED = 50  # names that a shell is given


def complete_run(ctx: typer.Context, incomplete: str) -> list[str]:
    """The latest runs, for a shell that completes a name; none where that cannot be said."""
    try:
        from itertools import islice

        from orchard.cli.target import in_aws
        from orchard.runs.listing import list_runs

        # Nothing that the commands before this one do has been done: Click completes from the bare arguments.
        given = ctx.parent.params if ctx.parent is not None else {}
        settings = Settings(given.get("region"), given.get("profile"), given.get("stack") or Settings.stack)
        with in_aws(settings) as place:
            runs = islice(list_runs(place.step_functions, place.stack.state_machine_arn), _COMPLETED)
            return [run.id for run in runs if run.id.startswith(incomplete)]
    except Exception:  # a shell has no use for a message in the middle of a line
        return []


_RUN_HELP = "A run's id, or a beginning of it that no other run has"
OneRun = Annotated[str, typer.Argument(metavar="RUN", help=f"{_RUN_HELP}.", autocompletion=complete_run)]
LatestRun = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help=f"{_RUN_HELP}; else the latest run.", autocompletion=complete_run, show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the facts as JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def now() -> datetime:
    """The present."""
    return datetime.now(UTC)


def find(place: Place, name: str) -> str:
    """The id of the run that is meant, by its id, the beginning of it, or "" for the latest.

    Raises:
        UsageError: There is no such run, or more than one.
    """
    from orchard.runs.listing import find_run

    return find_run(place.step_functions, place.stack.state_machine_arn, name).rpartition(":")[2]


def look(place: Place, run: str) -> Progress:
    """Where a run stands.

    Args:
        place: Where it is.
        run: Its id.

    Raises:
        UsageError: There is no such run.
    """
    from orchard.runs.follow import Follower

    progress = Follower(place.step_functions, place.computes, place.stack.execution_arn(run), now).look()
    if progress is None:
        raise UsageError(f"There is no run {run!r}", "", "orchard runs")
    return progress


def follow_run(
    place: Place, run: str, console: Console, display: RunDisplay | Events, out: Path | None = None
) -> Progress:
    """Show a run until it has ended.

    Args:
        place: Where it is.
        run: Its id; it may be about to start.
        console: Where to say how to come back.
        display: What shows it.
        out: The folder that was chosen for its results.

    Returns:
        How it ended.

    Raises:
        KeyboardInterrupt: The user has left; it was said how to come back.
        RunFailedError: No such run starts.
    """
    from orchard.runs.follow import Follower, follow

    follower = Follower(place.step_functions, place.computes, place.stack.execution_arn(run), now)
    try:
        with display:
            return follow(follower.look, display.update, on_trouble=display.trouble, function_logs=place.function_logs)
    except KeyboardInterrupt:
        console.print(place.after_interruption(run, out))
        raise


def confirm(question: str, yes: bool) -> bool:
    """Ask before something is done that cannot be undone.

    Args:
        question: What would be done, as a question.
        yes: The answer was given with `--yes`.

    Returns:
        Whether to do it.

    Raises:
        UsageError: There is nobody to ask.
    """
    if yes:
        return True
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise KeyboardInterrupt from None
        raise UsageError("Nothing was done", "nobody answered the question", "say --yes to do it unasked") from None


def when(time: datetime) -> str:
    """A time as the user's clock shows it."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def plain(progress: Progress) -> dict[str, Any]:
    """Where a run stands, as plain data."""
    return {
        "status": progress.status,
        "state": progress.state,
        "started": None if progress.started is None else progress.started.isoformat(),
        "elapsed_seconds": round(progress.elapsed.total_seconds(), 1),
        "archive": progress.archive,
        "images": progress.images,
        "awaits_turn": progress.awaits is not None,
        "ahead": progress.awaits.ahead if progress.awaits else None,
        "launch": progress.launch,
        "cluster": progress.cluster,
        "cluster_state": progress.cluster_state,
        "steps": [
            {
                "name": step.name,
                "id": step.id,
                "state": step.state,
                "seconds": None if step.elapsed is None else round(step.elapsed.total_seconds(), 1),
            }
            for step in progress.steps
        ],
        **plain_cost(progress.cost),
        "error": progress.error,
        "cause": progress.cause,
    }


def plain_cost(cost: Cost) -> dict[str, Any]:
    """A run's cost as plain data."""
    return {
        "cost_usd": None if cost.usd is None else round(cost.usd, 4),
        "estimate_usd": cost.estimate,
        "price_date": cost.price_date or None,
        "price_region": cost.price_region or None,
    }


def show_table(table: Table, console: Console) -> None:
    """Write a table, no word of it broken: what is longer than a terminal is wide, the terminal itself breaks.

    Within a terminal's width if it can be, and in one line a row everywhere else, for `grep` and `cut`.
    """
    least, most = _widths(table, console)
    console.width = max(console.width, least) if console.is_terminal else most
    console.print(table, soft_wrap=False)


def fits(table: Table, console: Console) -> bool:
    """Whether a table has room, one line a row."""
    return not console.is_terminal or _widths(table, console)[1] <= console.width


def _widths(table: Table, console: Console) -> tuple[int, int]:
    from rich.measure import Measurement

    least, most = Measurement.get(console, console.options.update(width=_UNLIMITED), table)
    return least, most


_UNLIMITED = 100_000
