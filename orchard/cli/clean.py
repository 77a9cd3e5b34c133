"""`orchard clean`: delete outputs, logs, uploads or local state, each asked for by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchard.cli.clean_local import clean_local
from orchard.cli.output import (
    delete_confirmed,
    ends_well,
    now,
    progress_console,
    results_console,
    show_table,
    table_of,
    when,
)
from orchard.cli.params import AsJson, DryRun, Yes, complete_run
from orchard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta

    from rich.console import Console

    from orchard.cli.settings import Settings
    from orchard.cli.target import Place
    from orchard.runs.cleanup import RunObjects, StoredRuns

_NAMED = 5  # runs that a message names
_THINGS = ("outputs", "logs", "uploads", "local")

_PATIENCE_FOR_REQUESTS = 24 * 3600
"""Seconds: the first of several zips is there before the last is uploaded, and the request comes after all of them."""


@ends_well
def clean(
    ctx: typer.Context,
    thing: Annotated[str, typer.Argument(metavar="|".join(_THINGS), help="What to delete.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Run ids, or unique beginnings of them. For local: "
            "clouds, environments, jars, models, similar, wheels.",
            autocompletion=complete_run,
            show_default=False,
        ),
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Only what is at least this old: 12h, 30d, 8w.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything of every run, or everything local.")] = False,
    needed: Annotated[
        bool, typer.Option("--needed", help="Delete also outputs with which other runs have begun, and need.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Delete what runs have left. It shows what would be deleted, and asks.

    Everything of a run that is still going on is kept, and so are outputs that other runs need.
    """
    from orchard.runs.cleanup import age

    if thing not in _THINGS:
        raise UsageError(f"{thing!r} cannot be cleaned", f"choose {', '.join(_THINGS)}")
    old = None if older_than is None else age(older_than)
    if thing == "local":
        facts = clean_local(names or (), old, everything, yes=yes, dry_run=dry_run, show=not as_json)
    else:
        facts = _clean_stored(
            ctx.obj, thing, names or (), old, everything, needed=needed, yes=yes, dry_run=dry_run, show=not as_json
        )
    if as_json:
        typer.echo(json.dumps(facts, indent=2))


def _clean_stored(
    settings: Settings,
    thing: str,
    names: Sequence[str],
    older_than: timedelta | None,
    everything: bool,
    *,
    needed: bool,
    yes: bool,
    dry_run: bool,
    show: bool,
) -> dict[str, Any]:
    from rich.filesize import decimal

    from orchard.cli.target import in_aws
    from orchard.runs import cleanup
    from orchard.runs.deletions import note_deletion

    console = progress_console()
    with in_aws(settings) as place:
        stored = cleanup.gather(place.s3, place.stack, thing, _started(place, thing))
        chosen = cleanup.choose(stored, names, older_than, everything, now())
        going_on = _going_on(place, stored)
        in_use = [objects.run for objects in chosen if objects.run in going_on]
        for run in in_use:
            if names:
                raise UsageError(
                    f"The run {run} is still going on", f"it needs its {thing}", settings.command("stop", run)
                )
            console.print(f"The run {run} is still going on; its {thing} are kept.")
        chosen = tuple(objects for objects in chosen if objects.run not in in_use)
        needing = {} if needed or thing != "outputs" else _needing(place, stored, chosen, going_on)
        for run, others in needing.items():
            told = f"{', '.join(others[:_NAMED])}{f' and {len(others) - _NAMED} more' if len(others) > _NAMED else ''}"
            if names:
                raise UsageError(
                    f"Other runs need the outputs of the run {run}",
                    f"{told}: their images, features or components are in it, and were not copied",
                    settings.command("clean", thing, *names, "--needed"),
                )
            console.print(f"The outputs of the run {run} are kept, since {told} needs them; --needed deletes them.")
        chosen = tuple(objects for objects in chosen if objects.run not in needing)
        versions = cleanup.to_delete(stored, chosen, going_on)
        if kept := len({one for objects in chosen for one in objects.versions}) - len(versions):
            console.print(f"{kept:,} of the {thing} stay: other runs have named them, too, or go on and read them.")
        size = sum(version.size for version in versions)
        if show:
            _show(chosen, results_console())
        amount = f"{len(versions):,} object{'' if len(versions) == 1 else 's'} ({decimal(size)})"
        deleted = False

        def delete() -> None:
            if thing == "outputs":
                note_deletion(place.s3, stored.bucket, [objects.run for objects in chosen], now())
            _delete(place, stored.bucket, versions)

        if versions:
            where = f"s3://{stored.bucket}/ for good"
            deleted = delete_confirmed(amount, where, delete, yes=yes, dry_run=dry_run)
        else:
            console.print(f"No {thing} match.")
    runs = [
        {
            "run": objects.run,
            "objects": len(objects.versions),
            "bytes": objects.size,
            "modified": objects.modified.isoformat(),
        }
        for objects in chosen
    ]
    facts = {"thing": thing, "runs": runs, "objects": len(versions), "bytes": size, "deleted": deleted}
    return {**facts, "needed": needing}


def _needing(
    place: Place, stored: StoredRuns, chosen: Sequence[RunObjects], going_on: Collection[str]
) -> dict[str, list[str]]:
    """Of the chosen runs those that others need, which stay."""
    from orchard.runs.in_use import dependents, still_needed

    needed = dependents(place.s3, stored.bucket, [objects.run for objects in stored.runs], going_on)
    return still_needed([objects.run for objects in chosen], needed)


def _started(place: Place, thing: str) -> dict[tuple[str, str], str] | None:
    """The runs of a bucket in which not everything is the stack's."""
    from orchard.runs.started import runs_by_archive

    if thing != "uploads" or place.stack.owns_input_bucket:
        return None
    return runs_by_archive(place.step_functions, place.stack.state_machine_arn, place.stack.input_bucket)


def _going_on(place: Place, stored: StoredRuns) -> set[str]:
    """The runs that go on, or are about to start: an upload's event takes its time, and the request of sources more."""
    from orchard.pipeline.kinds import SOURCES_FOLDER
    from orchard.runs.follow import PATIENCE
    from orchard.runs.listing import UNDER_WAY, list_runs

    sfn = place.step_functions
    running = {run.id for run in list_runs(sfn, place.stack.state_machine_arn, UNDER_WAY)}

    def starts(objects: RunObjects) -> bool:
        age = (now() - objects.modified).total_seconds()
        if all(one.key.startswith(SOURCES_FOLDER) for one in objects.versions):
            return age <= _PATIENCE_FOR_REQUESTS
        if age > PATIENCE:
            return False
        try:
            sfn.describe_execution(executionArn=place.stack.execution_arn(objects.run))
        except sfn.exceptions.ExecutionDoesNotExist:
            return True
        return False

    about_to = {objects.run for objects in stored.runs if starts(objects)} if stored.thing == "uploads" else set()
    return running | about_to


def _delete(place: Place, bucket: str, versions: Sequence[Any]) -> None:
    from rich.progress import Progress

    from orchard.runs.cleanup import delete

    console = progress_console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("deleting", total=len(versions))
        delete(place.s3, bucket, versions, lambda number: bar.advance(task, number))


def _show(runs: Sequence[RunObjects], console: Console) -> None:
    from rich.filesize import decimal

    if not runs:
        return
    table = table_of("Run", ">Objects", ">Size", ">Last written")
    for objects in runs:
        table.add_row(objects.run, f"{len(objects.versions):,}", decimal(objects.size), when(objects.modified))
    show_table(table, console)
