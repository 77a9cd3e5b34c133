"""`orchard watch`: a run as it goes on, until it ends or the user leaves."""

from __future__ import annotations

import typer

from orchard.cli.desk import LatestRun, find, follow_run
from orchard.cli.telling import ends_well, progress_console, results_console
from orchard.errors import UsageError


@ends_well
def watch(ctx: typer.Context, run: LatestRun = "") -> None:
    """Follow a run until it ends. Ctrl-C leaves it alone."""
    from orchard.cli.display import clock
    from orchard.cli.endings import failure
    from orchard.cli.places import in_aws
    from orchard.cli.status import next_command
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
        progress = follow_run(place, run_id, console)
    after = next_command(run_id, progress, ctx.obj)
    if progress.status != "SUCCEEDED":
        raise failure(run_id, progress, progress.archive.rpartition("/")[2] or "The archive", after, after)
    cost = f", {phrase}" if (phrase := progress.cost.phrase()) else ""
    done = results_console()
    done.print(f"The run {run_id} is done after {clock(progress.elapsed)}{cost}.")
    done.print(f"Next: {after}")
