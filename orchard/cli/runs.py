"""`orchard runs`: all runs, the newest first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchard.cli.desk import AsJson, now, plain_cost, show_table, when
from orchard.cli.telling import ends_well, progress_console, results_console
from orchard.shown import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from orchard.cli.places import Place
    from orchard.runs import RunLine

_PARALLEL = 4  # EMR allows few calls a second


@ends_well
def runs(
    ctx: typer.Context,
    failed: Annotated[bool, typer.Option("--failed", help="Only runs that ended without results.")] = False,
    running: Annotated[bool, typer.Option("--running", help="Only runs that go on.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the runs of the last 90 days, the newest first."""
    from orchard.cli.places import in_aws
    from orchard.runs import BADLY_ENDED, UNDER_WAY

    with in_aws(ctx.obj) as place:
        lines = read_lines(place, (*(BADLY_ENDED if failed else ()), *(UNDER_WAY if running else ())), limit)
    if as_json:
        typer.echo(json.dumps([plain_line(line) for line in lines], indent=2))
    elif lines:
        show_runs(lines, results_console())
    else:
        progress_console().print("There is no such run." if failed or running else "There is no run yet.")


def read_lines(place: Place, statuses: Sequence[Any], limit: int) -> list[RunLine]:
    """Read what the list says, and then what it leaves out, of several runs at a time.

    Args:
        place: Where the runs are.
        statuses: Only runs of these statuses; all when empty.
        limit: At most so many.

    Returns:
        The runs, the newest first.
    """
    from concurrent.futures import ThreadPoolExecutor
    from itertools import islice

    from orchard.runs import list_runs, look_up

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
        "images": line.images,
        **plain_cost(line.cost),
        "archive": line.archive,
    }


def show_runs(lines: Sequence[RunLine], console: Console) -> None:
    """Write the list for people to read."""
    from rich.table import Table

    from orchard.cli.display import clock
    from orchard.cluster.cost import ACTUAL

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Run", "Status", "Started"):
        table.add_column(title, overflow="fold")
    for title in ("Took", "Images", ACTUAL):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("Archive", overflow="fold")
    for line in lines:
        table.add_row(
            line.run.id,
            line.run.status,
            when(line.run.started),
            clock(line.took),
            "" if line.images is None else f"{line.images:,}",
            line.cost.short,
            shown(line.archive),
        )
    show_table(table, console)
