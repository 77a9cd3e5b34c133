"""`orchard watch`: a run as it goes on, until it ends or the user leaves."""

from __future__ import annotations

from typing import Annotated

import typer

from orchard.cli.one_run import find, plain
from orchard.cli.output import ends_well, progress_console, results_console
from orchard.cli.params import LatestRun
from orchard.errors import UsageError


@ends_well
def watch(
    ctx: typer.Context,
    run: LatestRun = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what happens as JSON, one event per line; the last is the end.")
    ] = False,
) -> None:
    """Follow a run until it ends. Ctrl-C leaves it alone."""
    from orchard.cli.display import Events, RunDisplay, clock, follow_run, write_event
    from orchard.cli.one_run import failure
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
            console.print(f"The run {run} has not started yet: the event of an upload can take a while.")
        display = Events(run_id) if as_json else RunDisplay(console, run_id)
        progress = follow_run(place, run_id, console, display)
        deleted = look_for_deletion(place, run_id, progress)
    after = next_command(run_id, progress, ctx.obj, deleted)
    if as_json:
        write_event("end", run_id, {**plain(progress), **plain_deletion(deleted), "next": after})
    if progress.status != "SUCCEEDED":
        raise failure(run_id, progress, progress.known.archive.uri.rpartition("/")[2] or "The archive", after, after)
    if not as_json:
        cost = f", {phrase}" if (phrase := progress.cost.phrase()) else ""
        done = results_console()
        done.print(f"The run {run_id} is done after {clock(progress.elapsed)}{cost}.")
        done.print(f"Next: {after}")
