"""`orchard results`: bring a run's files home."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchard.cli.desk import AsJson, LatestRun, find
from orchard.cli.telling import ends_well, progress_console, results_console
from orchard.layout import RESULTS

if TYPE_CHECKING:
    from collections.abc import Collection

    from orchard.cli.places import Place
    from orchard.results import RemoteFile

_PARTS = ", ".join(name.partition(".")[0] for name in RESULTS)


@ends_well
def results(
    ctx: typer.Context,
    run: LatestRun = "",
    out: Annotated[Path | None, typer.Option(help="The folder for the results; else out/<run id>.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=f"Only this, and each further --only: {_PARTS}.")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Copy what there is of a run that is not complete.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy a run's results to a folder, and check them against the run's manifest."""
    from rich.filesize import decimal

    from orchard.cli.places import in_aws
    from orchard.results import result_names

    names = result_names(only or ())
    with in_aws(ctx.obj) as place:
        run_id = find_results(place, run)
        folder = out or Path("out") / run_id
        copied = fetch(place, run_id, folder, names, partial)
    size = sum(file.size for file in copied)
    if as_json:
        typer.echo(
            json.dumps({"run": run_id, "folder": str(folder), "files": len(copied), "bytes": size, "partial": partial})
        )
    else:
        results_console().print(f"{len(copied):,} files ({decimal(size)}) of the run {run_id} are in {folder}")


def find_results(place: Place, name: str) -> str:
    """The id of the run whose results are meant.

    Results outlive their executions, so that an id that has results is one, whatever Step Functions knows of it.

    Raises:
        UsageError: There is no such run, or more than one.
    """
    from orchard.layout import run_prefix

    prefix = run_prefix(name)
    found = place.s3.list_objects_v2(Bucket=place.stack.results_bucket, Prefix=prefix, MaxKeys=1)
    return name if found.get("Contents") else find(place, name)


def fetch(place: Place, run: str, folder: Path, only: Collection[str], partial: bool) -> list[RemoteFile]:
    """Copy results with a progress bar, as `orchard.results.copy_results` does."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from orchard.results import copy_results

    console = progress_console()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"copying to {folder}", total=None)

        def told(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return copy_results(place.s3, place.stack.results_bucket, run, folder, told, only=only, partial=partial)
