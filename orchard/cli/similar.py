"""`orchard similar`: which images of a run are most like a picture."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchard.cli.earlier import find_earlier
from orchard.cli.output import ends_well, progress_console, results_console, show_table, table_of
from orchard.cli.params import AsJson, RunOrFolder
from orchard.cli.rescue import unwritable_is_an_error
from orchard.errors import UsageError, require_extra, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orchard.cli.settings import Settings
    from orchard.runs.similar.nearest import Answer, Similar
    from orchard.runs.similar.results import Results

_PAGE_BEGINS = b"<!doctype html"


@ends_well
def similar(
    ctx: typer.Context,
    run: RunOrFolder,
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURE...", help="Files, folders of files, and - for one through a pipe.")
    ],
    local: Annotated[
        bool, typer.Option("--local", help="RUN is the folder of a run's results on this machine.")
    ] = False,
    neighbours: Annotated[
        int, typer.Option("--neighbours", "-k", metavar="K", min=1, help="How many images to find for each picture.")
    ] = 5,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the answers to a page, with the pictures.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the images of a run that are most like pictures of yours, and the label that they vote for.

    It needs no Spark and no cluster. A picture that cannot be read is told, and the others are answered all the same.
    """
    require_extra("similar", "orchard similar")
    from orchard.runs.similar.pictures import Given

    console = progress_console()
    given = Given.typed(pictures)
    if html is not None:
        _check_page(html)
    asked: dict[int, bytes] = {}
    keep = None
    if html is not None:
        from orchard.runs.similar.page import little

        def keep(number: int, content: bytes) -> None:
            asked[number] = little(content)

    with opened(ctx.obj, Path(run) if local else run, lambda what: console.print(f"{what} …")) as (results, known):
        answers = known.answers(given, neighbours, keep)
        _check(answers)
        if html is not None:
            _write(html, results, known, answers, asked)
    if as_json:
        about = {"run": known.run, "images": known.images, "components": known.components}
        typer.echo(json.dumps({**about, "pictures": [answer.to_json() for answer in answers]}, indent=2))
    else:
        _show(answers)
    for answer in answers:
        if answer.error:
            console.print(f"{answer.picture} cannot be compared: {answer.error}", style="yellow")
    if html is not None:
        console.print(f"the page is {html}")


@contextmanager
def opened(settings: Settings, run: str | Path, say: Callable[[str], None]) -> Iterator[tuple[Results, Similar]]:
    """What is needed to ask a run: its files, and what the cache has of them.

    Args:
        run: A run's id, or the folder of its results.
        say: Called with a line about each step that takes a while.

    Raises:
        UsageError: There is no such run.
        RunFailedError: It has no results.
        EnvironmentNotReadyError: Its model cannot be had, or the cache not be written.
    """
    from orchard import cache
    from orchard.runs.similar.nearest import Similar
    from orchard.runs.similar.results import Results

    if isinstance(run, Path):
        results = Results.in_folder(run)
        with unwritable_is_an_error(cache.cache_dir(), "orchard clean local --all"):
            known = Similar.of(results, say)
        yield results, known
        return
    from orchard.cli.target import in_aws

    with in_aws(settings) as place:
        results = Results.in_bucket(place.s3, place.stack.results_bucket, find_earlier(place, run))
        with unwritable_is_an_error(cache.cache_dir(), "orchard clean local --all"):
            known = Similar.of(results, say, place.stack.artefacts_bucket)
        yield results, known


def _check_page(file: Path) -> None:
    """Refuse to write over what is no page: a picture, say, that somebody meant to ask about."""
    if file.is_file():
        with unwritable_is_an_error(file, "choose another --html"), file.open("rb") as there:
            start = there.read(len(_PAGE_BEGINS))
        if start and start.lower() != _PAGE_BEGINS:
            cause = "it is there already, and no page: it would be lost"
            raise UsageError(f"The page cannot go to {shown(str(file))}", cause, "choose another --html")


def _check(answers: Sequence[Answer]) -> None:
    wrong = [answer for answer in answers if answer.error]
    if len(wrong) == len(answers):
        what = shown(wrong[0].picture) if len(wrong) == 1 else f"None of the {len(wrong):,} pictures"
        cause = wrong[0].error if len(wrong) == 1 else f"{shown(wrong[0].picture)}: {wrong[0].error}"
        raise UsageError(f"{what} can{'not' if len(wrong) == 1 else ''} be compared", cause)


def _show(answers: Sequence[Answer]) -> None:
    console = results_console()
    for answer in answers:
        if answer.error:
            continue
        sure = f"{answer.votes} of {answer.voters} say so"
        unlike = "; it looks like nothing in this run" if answer.unknown else ""
        console.print(f"{answer.picture}: {answer.label or 'no folder'}, {sure}{unlike}", style="bold")
        table = table_of(">Distance", "Label", "Split", "Image")
        for one in answer.neighbours:
            table.add_row(f"{one.distance:.2f}", one.label, one.split, one.s3_path)
        show_table(table, console)


def _write(file: Path, results: Results, known: Similar, answers: Sequence[Answer], asked: dict[int, bytes]) -> None:
    from orchard.runs.similar.page import pictures_of, render

    pictures = pictures_of(results, (one.path for answer in answers for one in answer.neighbours))
    with unwritable_is_an_error(file, "choose another --html"):
        file.parent.mkdir(parents=True, exist_ok=True)
        page = render(known, answers, asked, pictures)
        file.write_text(page, encoding="utf-8", errors="backslashreplace")  # a file's name may be no text
