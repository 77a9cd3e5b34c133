"""`orchard run`: upload what is to be run, follow its run, bring the results home."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchard.cli.earlier import check_model, known_here, known_in, remember, weights_for
from orchard.cli.ending import Asked, RunResult, check_where, see_through, start
from orchard.cli.given import Given
from orchard.cli.output import busy, ends_well, progress_console
from orchard.cli.params import SOURCES_HELP, ComponentsOf, Weights, check_nothing_is_fitted, takes_run_options
from orchard.cli.settings import Settings
from orchard.errors import shown
from orchard.options import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from rich.console import Console

    from orchard.cli.target import Place
    from orchard.features.model import ModelFolder
    from orchard.runs.earlier import EarlierRun
    from orchard.runs.upload import Upload


@ends_well
@takes_run_options
def run(
    ctx: typer.Context,
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help=SOURCES_HELP)],
    options: RunOptions,
    weights: Weights = None,
    components_of: ComponentsOf = None,
    local: Annotated[bool, typer.Option("--local", help="Run on this machine, in a local cloud.")] = False,
    out: Annotated[Path | None, typer.Option(help="The folder for the results. Default: out/<run id>.")] = None,
    wait: Annotated[bool, typer.Option(help="Follow the run and copy its results, or only start it.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Upload what is to be run, follow the run, and copy the results to a folder."""
    check_nothing_is_fitted(ctx, components_of)
    result = run_sources(
        sources,
        options,
        settings=ctx.obj,
        local=local,
        weights=weights,
        components_of=components_of,
        out=out,
        wait=wait,
        table=not as_json,
    )
    if as_json:
        typer.echo(json.dumps(result.to_json(), indent=2))


def run_sources(
    sources: Sequence[str | Path],
    options: RunOptions,
    *,
    settings: Settings | None = None,
    local: bool = False,
    weights: str | None = None,
    components_of: str | None = None,
    out: Path | None = None,
    wait: bool = True,
    table: bool = True,
) -> RunResult:
    """What `orchard run` does.

    Args:
        sources: Zips of this machine, and zips and prefixes in S3.
        options: How the run is to be made.
        settings: Where to work; None for the defaults.
        local: In a local cloud that ends with the run, instead of AWS.
        weights: The network's weights, as `orchard.features.weights.resolve_weights` takes them; None for those of the
            deployed release, or in a local cloud, which is made for this run, for the ImageNet weights; or for those of
            the run whose components are used.
        components_of: The run onto whose components the images are projected, as a command takes it: its id, or with
            `local` the folder of its results, which stays as it is; None to fit some.
        out: The folder for the results; None for `out/<run id>`.
        wait: Follow the run and copy its results; False to return as soon as the zip is uploaded.

    Raises:
        UsageError: There is no such zip, the folder holds other things or cannot be written, or the arguments
            contradict each other.
        EnvironmentNotReadyError: Weights, credentials, the stack or a tool are missing; or the folder could be written
            before the run, and not after it.
        ArchiveError: The pipeline refused the archive.
        OptionsError: The zip does not have the split on which the components are to be fitted, or a chosen label.
        RunFailedError: The run failed.
    """
    from orchard.cli.target import check_local
    from orchard.runs.upload import size_of, upload_key

    given = Given.of(sources)
    for file in given.files:
        upload_key(file)
    # the images alone take that
    check_where(out, sum(size_of(file) for file in given.files), local=local, wait=wait, keep=options.keep)
    wanted = (options.fit_split, options.only_label, options.max_usd if local else None)
    if any(one is not None for one in wanted) and not given.addresses:
        _check_choice(given, options, local)
    if local:
        given.check_local()
        check_local()
    more = ["--components-of", components_of] if components_of else []
    known = known_here(Path(components_of), out) if local and components_of else None
    console = progress_console()
    for folder in given.folders:
        _tell_of(folder, options.encoding, console)
    if local and weights is None:
        weights = weights_for(known, given.command("run", "--local", *more))
    model = None if weights is None else exported_model(weights, console)
    check_model(known, model)
    there: dict[str, str] = {}
    with _place(settings or Settings(), model, options.engine, local, console) as place:
        if known:
            there = _bring(place, known, console)
        elif components_of:
            known = known_in(place, components_of)
            check_model(known, model)
        if model is not None:
            options = replace(options, model=_publish_model(place, model))
        upload, uploaded = _upload(place, given, options, known.run_id if known else "", console)
        asked = Asked(
            given.name,
            plan=given.command("plan", *more),
            again=given.command("run", "--local", *more),
            source=given.arguments[0] if given.is_one_file else given.name,
            uploaded=uploaded,
        )
        done = see_through(place, asked, upload, console, out=out, wait=wait, table=table)
    if there and done.folder is not None:
        remember(done.folder, there)
    return done


def _tell_of(folder: Path, encoding: str | None, console: Console) -> None:
    """Refuse a folder without images, and say what of it stays here."""
    from orchard.archive.ignored import ignored_in_words

    found = Given((str(folder),)).look_into(encoding)
    left = f"; {found.ignored:,} files stay here: {ignored_in_words(found.ignored, found.ignored_reasons)}"
    console.print(f"{shown(folder.name)} holds {found.images:,} images{left if found.ignored else ''}")


def _check_choice(given: Given, options: RunOptions, local: bool) -> None:
    """Refuse before anything is uploaded a split or a label that is not there, and money for which there is no size.

    In AWS the pipeline knows better what a run costs there, and what of it has been computed before.
    """
    from orchard.aws.sessions import DEFAULT_REGION
    from orchard.compute.money import choose
    from orchard.compute.registry import COMPUTES, DEFAULT
    from orchard.runs.found import Found
    from orchard.runs.plan import canonical_split

    found = Found.of(given.look_into(options.encoding).select(options.limit, options.only_label))
    canonical_split(options.fit_split, found.counts, given.command("plan"))
    if local:
        again = given.command("run", "--local")
        choose(COMPUTES[DEFAULT], found.work, options, region=DEFAULT_REGION, given={}, again=again)


def exported_model(weights: str, console: Console) -> ModelFolder:
    """The model with these weights, exported for both engines.

    Args:
        weights: As `orchard.features.weights.resolve_weights` takes them.

    Raises:
        WeightsUnavailableError: They are neither on this machine nor to be had.
    """
    from orchard import cache
    from orchard.cli.summary import RANDOM_WARNING
    from orchard.errors import require_extra

    require_extra("export", "A model of your own weights")
    from orchard.features.export import model_for
    from orchard.features.weights import RANDOM, resolve_weights

    cache.check_cache()
    found = resolve_weights(weights)
    if found.name == RANDOM:
        console.print(RANDOM_WARNING, style="bold yellow")
    with busy(console, f"preparing the network with {found.name} weights"):
        return model_for(found, cache.models_dir())


def _place(
    settings: Settings, model: ModelFolder | None, engine: str, local: bool, console: Console
) -> AbstractContextManager[Place]:
    from orchard.cli.target import in_aws, in_local_cloud

    if local and model is not None:
        return in_local_cloud(model, engine, lambda what: console.print(f"{what} …", style="dim"))
    return in_aws(settings)


def _bring(place: Place, known: EarlierRun, console: Console) -> dict[str, str]:
    from orchard.runs.bring import bring

    with busy(console, f"putting the results of {known.run_id} into the local cloud"):
        return bring(place.s3, place.stack.results_bucket, known)


def _publish_model(place: Place, model: ModelFolder) -> str:
    from orchard.release.models import publish_model

    return publish_model(place.s3, place.stack.artefacts_bucket, model)


def _upload(
    place: Place, given: Given, options: RunOptions, components_of: str, console: Console
) -> tuple[Upload, dict[str, str]]:
    """Upload what starts the run, and before it what it names; and where that is → what it is on this machine."""
    from orchard.archive.request import write_request
    from orchard.runs.upload import request_key, upload_archive, upload_key, upload_request, upload_source

    bucket, own = place.stack.input_bucket, place.stack.owns_input_bucket
    if given.is_one_file and not components_of:
        [file] = given.files

        def send() -> Upload:
            with _progress(file, console) as progress:
                return upload_archive(place.s3, file, bucket, options, progress, own=own)

        return start(place, upload_key(file), send, console), {}
    addresses, uploaded = [], {}
    for argument in given.arguments:
        if argument in given.addresses:
            addresses.append(argument)
            continue
        with _progress(Path(argument), console) as progress:
            addresses.append(upload_source(place.s3, Path(argument), bucket, progress))
            uploaded[addresses[-1]] = argument
    key, body = request_key(given.arguments), write_request(addresses, options, components_of=components_of)
    upload = start(place, key, lambda: upload_request(place.s3, key, body, bucket, own=own), console)
    console.print(f"asked for a run of {shown(given.name)} by {shown(upload.archive.uri)}")
    return upload, uploaded


@contextmanager
def _progress(file: Path, console: Console) -> Iterator[Callable[[int], None]]:
    """Show how far the upload of a file is, and say when it is done."""
    from rich.filesize import decimal
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from orchard.runs.upload import size_of

    size = size_of(file)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"uploading {shown(file.name)}", total=size)
        yield lambda n: bar.advance(task, n)
    console.print(f"uploaded {shown(file.name)} ({decimal(size)})")
