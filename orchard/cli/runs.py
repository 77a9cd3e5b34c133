"""`orchard runs`: all runs, the newest first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchard.cli.one_run import plain_cost
from orchard.cli.output import ends_well, fits, now, progress_console, results_console, show_table, when
from orchard.cli.params import AsJson
from orchard.errors import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console
    from rich.table import Table

    from orchard.cli.target import Place
    from orchard.runs.listing import RunLine

_SHOWN = 20
_PARALLEL = 4  # EMR allows few calls a second


@ends_well
def runs(
    ctx: typer.Context,
    failed: Annotated[bool, typer.Option("--failed", help="Only runs that ended without results.")] = False,
    running: Annotated[bool, typer.Option("--running", help="Only runs that are still going on.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="How many to list. Default: 20; with --by-month all.", show_default=False)
    ] = None,
    months: Annotated[bool, typer.Option("--by-month", help="Add up the runs of each month.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the runs of the last 90 days, the newest first, and below each those that use its files."""
    from orchard.cli.months import by_month, show_months
    from orchard.cli.target import in_aws
    from orchard.runs.listing import BADLY_ENDED, UNDER_WAY

    most = limit or (None if months else _SHOWN)
    with in_aws(ctx.obj) as place:
        lines = read_lines(place, (*(BADLY_ENDED if failed else ()), *(UNDER_WAY if running else ())), most)
    if as_json and months:
        typer.echo(json.dumps([month.to_json() for month in by_month(lines)], indent=2))
    elif as_json:
        typer.echo(json.dumps([plain_line(line) for line in lines], indent=2))
    elif lines and months:
        show_months(by_month(lines), results_console())
    elif lines:
        show_runs(lines, results_console())
    else:
        progress_console().print("No run matches." if failed or running else "No run has started yet.")


def read_lines(place: Place, statuses: Sequence[Any], limit: int | None) -> list[RunLine]:
    """Read what the list says, and then what it leaves out, of several runs at a time.

    Args:
        statuses: Only runs of these statuses; all when empty.
        limit: At most so many; None for all.

    Returns:
        The runs, the newest first.
    """
    from concurrent.futures import ThreadPoolExecutor
    from itertools import islice

    from orchard.runs.listing import list_runs, look_up

    sfn, computes, present = place.step_functions, place.computes, now()
    found = list(islice(list_runs(sfn, place.stack.state_machine_arn, statuses), limit))
    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(lambda run: look_up(run, sfn, computes, present), found))


def plain_line(line: RunLine) -> dict[str, Any]:
    """A run as plain data."""
    return {
        "run": line.run.id,
        "status": line.run.status,
        "started": line.run.started.isoformat(),
        "seconds": round(line.took.total_seconds(), 1),
        "images": line.known.plan.images,
        "ahead": line.awaits.ahead if line.awaits else None,
        **plain_cost(line.cost),
        "archive": line.known.reads,
        "origin": dict(line.known.plan.origin.runs),
    }


def as_tree(lines: Sequence[RunLine]) -> list[tuple[int, RunLine]]:
    """Runs with those after each that use its files.

    Returns:
        How far each is below the run that it comes from, among these, and the run; otherwise the order stays.
    """
    ids = {line.run.id for line in lines}
    children: dict[str, list[RunLine]] = {}
    for line in lines:
        origin = line.known.plan.origin.run
        children.setdefault(origin if origin in ids - {line.run.id} else "", []).append(line)

    def below(run: str, depth: int) -> Iterator[tuple[int, RunLine]]:
        for line in children.get(run, ()):
            yield depth, line
            yield from below(line.run.id, depth + 1)

    return list(below("", 0))


def show_runs(lines: Sequence[RunLine], console: Console) -> None:
    """Write the list for people to read: on a terminal those columns that have room, and ids whole in any case."""
    every = list(_columns())
    chosen = {"Run"}
    for title in _BY_IMPORTANCE:
        if fits(_table(lines, [one for one in every if one in {*chosen, title}]), console):
            chosen.add(title)
    show_table(_table(lines, [one for one in every if one in chosen]), console)
    if left_out := [one for one in every if one not in chosen]:
        message = f"{', '.join(left_out)} left out for want of room; --json or a pipe shows everything."
        progress_console().print(message, style="dim")


_BY_IMPORTANCE = ("Status", "Started", "Actual on AWS", "Took", "Images", "Archive")


def _columns() -> dict[str, Callable[[RunLine], str]]:
    from orchard.cli.display import clock
    from orchard.compute.cost import ACTUAL

    return {
        "Run": lambda line: line.run.id,
        "Status": _status,
        "Started": lambda line: when(line.run.started),
        "Took": lambda line: clock(line.took),
        "Images": lambda line: "" if line.known.plan.images is None else f"{line.known.plan.images:,}",
        ACTUAL: lambda line: line.cost.short,
        "Archive": lambda line: shown(line.known.reads),
    }


def _status(line: RunLine) -> str:
    behind = "" if line.awaits is None or line.awaits.ahead is None else f" behind {line.awaits.ahead}"
    return line.run.status if line.awaits is None else f"waits{behind}"


def _table(lines: Sequence[RunLine], columns: Sequence[str]) -> Table:
    from rich.table import Table

    cells = _columns()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in columns:
        table.add_column(title, no_wrap=True, justify="right" if title in _NUMBERS else "left")
    for depth, line in as_tree(lines):
        first, *others = (cells[title](line) for title in columns)
        table.add_row(f"{'  ' * (depth - 1)}└ {first}" if depth else first, *others)
    return table


_NUMBERS = ("Took", "Images", "Actual on AWS")
