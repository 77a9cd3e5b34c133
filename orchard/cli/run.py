"""`orchard run`: upload what is to be run, follow its run, bring the results home."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchard.cli.given import Given
from orchard.cli.output import busy, ends_well, facts_table, progress_console, results_console, show_table
from orchard.cli.params import SOURCES_HELP, Weights, takes_run_options
from orchard.cli.settings import Settings
from orchard.errors import UsageError, quoted, shown
from orchard.options import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from rich.console import Console

    from orchard.cli.target import Place
    from orchard.features.model import ModelFolder
    from orchard.runs.progress import Progress
    from orchard.runs.upload import Upload


@dataclass(frozen=True)
class RunResult:
    """What a run has come to.

    Attributes:
        status: The execution's status; `STARTED` when nobody waited.
        folder: Where the results are; None when nobody waited.
        summary: What `summary.json` holds; likewise.
        seconds: From the execution's start to its end; likewise.
    """

    run_id: str
    status: str
    folder: Path | None = None
    summary: dict[str, Any] | None = None
    seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "folder": None if self.folder is None else str(self.folder),
            "report": None if self.folder is None else str(self.folder / "report.html"),
            "seconds": self.seconds,
            "summary": self.summary,
        }


@ends_well
@takes_run_options
def run(
    ctx: typer.Context,
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help=SOURCES_HELP)],
    options: RunOptions,
    weights: Weights = None,
    local: Annotated[bool, typer.Option("--local", help="Run on this machine, in a local cloud.")] = False,
    out: Annotated[Path | None, typer.Option(help="The folder for the results. Default: out/<run id>.")] = None,
    wait: Annotated[bool, typer.Option(help="Follow the run and copy its results, or only start it.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Upload what is to be run, follow the run, and copy the results to a folder."""
    result = run_sources(
        sources, options, settings=ctx.obj, local=local, weights=weights, out=out, wait=wait, table=not as_json
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
            deployed release, or in a local cloud, which is made for this run, for the ImageNet weights.
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
    from orchard.cli.display import RunDisplay, follow_run
    from orchard.cli.target import check_local
    from orchard.runs.folder import check_folder, check_writable
    from orchard.runs.upload import size_of, upload_key

    given = Given.of(sources)
    for file in given.files:
        upload_key(file)
    room = sum(size_of(file) for file in given.files)  # of the results, the images alone take so much
    if out is not None:
        check_folder(out, room)
    elif wait:
        check_writable(Path("out"), room)
    if local and not wait:
        cause = "the local cloud ends with the command"
        raise UsageError("--local and --no-wait exclude each other", cause, "orchard local up")
    if (options.fit_split is not None or options.only_label is not None) and not given.addresses:
        _check_choice(given, options)
    if local:
        given.check_local()
        check_local()
    console = progress_console()
    for folder in given.folders:
        _tell_of(folder, options.encoding, console)
    if local and weights is None:
        weights = "imagenet"
    model = None if weights is None else exported_model(weights, console)
    with _place(settings or Settings(), model, options.engine, local, console) as place:
        if model is not None:
            options = replace(options, model=_publish_model(place, model))
        upload = _upload(place, given, options, console)
        if not wait:
            console.print(place.after_interruption(upload.run_id, out))
            return RunResult(upload.run_id, "STARTED")
        progress = follow_run(place, upload.run_id, console, RunDisplay(console, upload.run_id), out)
        return _finish(place, given, upload, progress, out or Path("out") / upload.run_id, console, table)


def _tell_of(folder: Path, encoding: str | None, console: Console) -> None:
    """Refuse a folder without images, and say what of it stays here."""
    from orchard.archive.ignored import ignored_in_words

    found = Given((str(folder),)).look_into(encoding)
    left = f"; {found.ignored:,} files stay here: {ignored_in_words(found.ignored, found.ignored_reasons)}"
    console.print(f"{shown(folder.name)} holds {found.images:,} images{left if found.ignored else ''}")


def _check_choice(given: Given, options: RunOptions) -> None:
    """Refuse a split or a label that is not there before anything is uploaded."""
    from orchard.runs.found import ArchiveCounts
    from orchard.runs.plan import canonical_split

    chosen = given.look_into(options.encoding).select(options.limit, options.only_label)
    canonical_split(options.fit_split, ArchiveCounts.of(chosen), given.command("plan"))


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


def _publish_model(place: Place, model: ModelFolder) -> str:
    from orchard.release.models import publish_model

    return publish_model(place.s3, place.stack.artefacts_bucket, model)


def _upload(place: Place, given: Given, options: RunOptions, console: Console) -> Upload:
    from orchard.runs.follow import PATIENCE
    from orchard.runs.started import await_run, latest_of
    from orchard.runs.upload import request_key, upload_archive, upload_key, upload_request, upload_source

    stack, sfn, own = place.stack, place.step_functions, place.stack.owns_input_bucket
    before: set[str] = set()
    key = upload_key(given.files[0]) if given.is_one_file else request_key(given.arguments)
    if not own:
        before = {run for run, _ in latest_of(sfn, stack.state_machine_arn, stack.input_bucket, key)}
    if given.is_one_file:
        [file] = given.files
        with _progress(file, console) as progress:
            upload = upload_archive(place.s3, file, stack.input_bucket, options, progress, own=own)
    else:
        addresses = []
        for argument in given.arguments:
            if argument in given.addresses:
                addresses.append(argument)
                continue
            with _progress(Path(argument), console) as progress:
                addresses.append(upload_source(place.s3, Path(argument), stack.input_bucket, progress))
        upload = upload_request(place.s3, addresses, stack.input_bucket, options, own=own)
        console.print(f"asked for a run of {shown(given.name)} by {shown(upload.archive.uri)}")
    if upload.run_id:
        return upload
    with busy(console, "waiting for the bucket's event, which names the run"):
        return replace(upload, run_id=await_run(sfn, stack.state_machine_arn, upload.archive, before, PATIENCE))


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


def _finish(
    place: Place, given: Given, upload: Upload, progress: Progress, folder: Path, console: Console, table: bool
) -> RunResult:
    """Bring home what a run has left, whether it succeeded or not."""
    from orchard.cli.one_run import failure
    from orchard.cli.rescue import as_kept, copy_or_rescue, unwritable_is_told, what_is_kept
    from orchard.cli.summary import RANDOM_WARNING, summary_rows
    from orchard.pipeline.state import REFUSED
    from orchard.runs import download
    from orchard.runs.folder import LOGS, write_notice

    bucket, run_id = place.stack.results_bucket, upload.run_id
    logs: list[Path] = []
    listed = elsewhere = None
    if progress.status == "SUCCEEDED":
        folder, elsewhere = copy_or_rescue(place, run_id, folder, lambda what: console.print(f"{what} …"))
    elif progress.error != REFUSED:
        with unwritable_is_told(console, "the logs"), busy(console, "copying the logs"):
            logs = download.copy_logs(place.s3, bucket, run_id, folder)
        if logs:
            console.print(f"the logs are in {folder / LOGS}")
        with unwritable_is_told(console, "the list of rejected images"):
            listed = download.copy_rejections(place.s3, bucket, run_id, folder)
        if listed:
            console.print(f"the rejected images are listed in {listed}")
    next_step = _next_step(place, run_id, progress, logs)
    kept = {} if place.later("diagnose", run_id) else what_is_kept(bucket, upload, given, folder, listed, next_step)
    if notices := place.notices():
        with unwritable_is_told(console, "the pipeline's notice"):
            notice = write_notice(folder, as_kept("\n\n".join(notices), kept))
            console.print(f"the pipeline's notice is in {notice}")
    if progress.status != "SUCCEEDED":
        plan = given.command("plan")
        told = replace(progress, cause=as_kept(progress.cause, kept))
        raise failure(run_id, told, given.name, plan, next_step)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    if table:
        show_table(facts_table(summary_rows(summary, progress, folder)), results_console())
    if summary["model"]["weights"] == "random":
        console.print(RANDOM_WARNING, style="bold yellow")
    if elsewhere is not None:
        raise elsewhere
    return RunResult(run_id, progress.status, folder, summary, round(progress.elapsed.total_seconds(), 1))


def _next_step(place: Place, run_id: str, progress: Progress, logs: list[Path]) -> str:
    """What to type after a failed run: where nothing is left that could be asked, the log that was copied is."""
    log = _likeliest_log(progress, logs)
    return place.later("diagnose", run_id) or ("" if log is None else f"zless {quoted(str(log))}")


def _likeliest_log(progress: Progress, logs: list[Path]) -> Path | None:
    """The log in which the cause most likely is: what Python or Spark wrote in the failed step, else a boot's, or any.

    Python's comes first: `spark-submit` sends it to stdout.
    """
    failed = {step.id for step in progress.steps if step.state == "FAILED"}
    stderr = [log for log in logs if log.name.startswith("stderr")]
    of_step = [log for log in logs if log.name.startswith("stdout") and log.parent.name in failed]
    of_step += [log for log in stderr if log.parent.name in failed]
    of_boot = [log for log in stderr if "bootstrap-actions" in log.parts]
    return next(iter([*of_step, *of_boot, *stderr, *logs]), None)
