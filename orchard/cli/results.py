"""`orchard results`: bring a run's files home."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchard.cli.one_run import find, look
from orchard.cli.output import ends_well, progress_console, results_console, when
from orchard.cli.params import AsJson, LatestRun
from orchard.cli.rescue import unwritable_is_an_error
from orchard.errors import RunFailedError, command_line
from orchard.layout import RESULTS

if TYPE_CHECKING:
    from collections.abc import Collection

    from orchard.cli.target import Place
    from orchard.runs.deletions import Deleted
    from orchard.runs.download import RemoteFile

_PARTS = ", ".join(name.partition(".")[0] for name in RESULTS)


@ends_well
def results(
    ctx: typer.Context,
    run: LatestRun = "",
    out: Annotated[Path | None, typer.Option(help="The folder for the results. Default: out/<run id>.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help=f"Copy only this part; may be repeated: {_PARTS}.")
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Copy the files of a run that is not complete.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy a run's results to a folder, and check them against the run's manifest."""
    from rich.filesize import decimal

    from orchard.cli.target import in_aws
    from orchard.runs.download import result_names

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

    Results, and the notes of their deletion, outlive executions: an id that has some is one, whatever Step Functions
    knows of it.

    Raises:
        UsageError: There is no such run, or more than one.
        RunFailedError: Its results were deleted.
    """
    from orchard.runs.deletions import find_deletion

    bucket = place.stack.results_bucket
    deleted = find_deletion(place.s3, bucket, name)
    if deleted is None:
        return name
    if deleted.time is None:
        name = find(place, name)
        if look(place, name).status != "SUCCEEDED":
            return name
        deleted = find_deletion(place.s3, bucket, name)
    if deleted is not None:
        raise RunFailedError(
            f"The results of the run {name} were deleted", deletion_in_words(deleted), "orchard run ZIP"
        )
    return name


def deletion_in_words(deleted: Deleted) -> str:
    """How results were deleted, in words."""
    if deleted.time is None:
        return "not by orchard clean; the time is not known"
    return f"by orchard clean, on {when(deleted.time)}"


def fetch(place: Place, run: str, folder: Path, only: Collection[str], partial: bool) -> list[RemoteFile]:
    """Copy results with a progress bar, as `orchard.runs.download.copy_results` does."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from orchard.runs.download import copy_results

    console = progress_console()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"copying to {folder}", total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        with unwritable_is_an_error(folder, command_line(["orchard", "results", run, "--out", "FOLDER"])):
            return copy_results(place.s3, place.stack.results_bucket, run, folder, advance, only=only, partial=partial)
