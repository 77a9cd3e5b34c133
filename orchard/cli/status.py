"""`orchard status`: one look at a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from orchard.cli.one_run import find, look, plain
from orchard.cli.output import ends_well, results_console, show_table, when
from orchard.cli.params import AsJson, LatestRun
from orchard.errors import shown
from orchard.pipeline.origin import in_words

if TYPE_CHECKING:
    from rich.console import Console

    from orchard.cli.settings import Settings
    from orchard.cli.target import Place
    from orchard.runs.deletions import Deleted
    from orchard.runs.progress import Progress


@ends_well
def status(ctx: typer.Context, run: LatestRun = "", as_json: AsJson = False) -> None:
    """Say where a run stands: its state, its cluster, its steps, its cost so far."""
    from orchard.cli.target import in_aws

    with in_aws(ctx.obj) as place:
        run_id = find(place, run)
        progress = look(place, run_id)
        deleted = look_for_deletion(place, run_id, progress)
    after = next_command(run_id, progress, ctx.obj, deleted)
    if as_json:
        typer.echo(json.dumps({"run": run_id, **plain(progress), **plain_deletion(deleted), "next": after}, indent=2))
    else:
        show_status(run_id, progress, after, results_console(), deleted)


def look_for_deletion(place: Place, run: str, progress: Progress) -> Deleted | None:
    """That the results of a run that has ended well are gone; None if they are there, or if there never were any."""
    from orchard.runs.deletions import find_deletion

    return find_deletion(place.s3, place.stack.results_bucket, run) if progress.status == "SUCCEEDED" else None


def plain_deletion(deleted: Deleted | None) -> dict[str, Any]:
    """The same as plain data."""
    time = None if deleted is None or deleted.time is None else deleted.time.isoformat()
    return {"results_deleted": deleted is not None, "results_deleted_at": time}


def next_command(run: str, progress: Progress, settings: Settings, deleted: Deleted | None = None) -> str:
    """What to type next."""
    if not progress.ended and not progress.kept:
        return settings.command("watch", run)
    if progress.complete:
        return settings.command("results", run) if deleted is None else settings.command("run", "ZIP")
    return settings.command("diagnose", run)


def show_status(run: str, progress: Progress, after: str, console: Console, deleted: Deleted | None = None) -> None:
    """Write where a run stands for people to read."""
    from rich.table import Table

    from orchard.cli.display import clock, doing
    from orchard.cli.results import deletion_in_words

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("Run", run)
    table.add_row("Status", progress.status if progress.ended else f"{progress.status}, {doing(progress)}")
    if progress.known.reads:
        table.add_row("Archive", shown(progress.known.reads))
    for number, words in enumerate(in_words(progress.known.plan.origin.runs)):
        table.add_row("" if number else "Uses", words)
    if progress.known.plan.images is not None:
        table.add_row("Images", f"{progress.known.plan.images:,}")
    if progress.started is not None:
        table.add_row("Started", when(progress.started))
    table.add_row("Time", clock(progress.elapsed))
    if progress.known.cluster:
        launch = f" (launch {progress.known.launch})" if progress.known.launch > 1 else ""
        table.add_row("Cluster", f"{progress.known.cluster} is {progress.cluster_state or 'forgotten by EMR'}{launch}")
    elif not progress.begun:
        table.add_row("Cluster", "none")
    if progress.begun:
        for heading, step in zip((progress.compute.works_by, "", ""), progress.steps, strict=False):
            job = f"{step.id} " if step.id and not progress.known.cluster else ""  # which nothing else leads to
            table.add_row(heading, f"{step.name} {job}{step.state or '-'} {clock(step.elapsed)}".rstrip())
    for cost in progress.cost.rows(progress.compute.paid_for, "" if progress.ended else " so far"):
        table.add_row(*cost)
    if progress.cause:
        table.add_row("Cause", progress.cause)
    if deleted is not None:
        table.add_row("Results", f"deleted {deletion_in_words(deleted)}")
    table.add_row("Next", after)
    show_table(table, console)
