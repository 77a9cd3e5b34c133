"""`orchard refit`: other components of an earlier run, on the features that it has computed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchard.cli.earlier import find_earlier, remember
from orchard.cli.ending import Asked, RunResult, check_where, see_through, start
from orchard.cli.output import busy, ends_well, progress_console, results_console
from orchard.cli.params import RunOrFolder, takes_refit_options
from orchard.cli.settings import Settings
from orchard.errors import command_line, shown
from orchard.options import RunOptions

if TYPE_CHECKING:
    from rich.console import Console

    from orchard.cli.target import Place
    from orchard.runs.earlier import EarlierRun
    from orchard.runs.plan import Plan
    from orchard.runs.upload import Upload


@ends_well
@takes_refit_options
def refit(
    ctx: typer.Context,
    run: RunOrFolder,
    options: RunOptions,
    local: Annotated[
        bool, typer.Option("--local", help="Run on this machine; RUN is the folder of a run's results.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="The folder for the results. Default: out/<run id>.")] = None,
    wait: Annotated[bool, typer.Option(help="Follow the run and copy its results, or only start it.")] = True,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what it would take and cost.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result, or the plan, as JSON.")] = False,
) -> None:
    """Fit other components on the features of an earlier run, as a run of its own: nothing is unzipped or featurized.

    The earlier run is not changed, and nothing of it is copied.
    """
    if plan:
        from orchard.cli.plan import show_plan

        found = plan_refit(run, options, settings=ctx.obj, local=local)
        if as_json:
            typer.echo(json.dumps(found.to_json(), indent=2))
        else:
            show_plan(found, results_console())
        return
    result = refit_run(run, options, settings=ctx.obj, local=local, out=out, wait=wait, table=not as_json)
    if as_json:
        typer.echo(json.dumps(result.to_json(), indent=2))


def plan_refit(run: str, options: RunOptions, *, settings: Settings, local: bool) -> Plan:
    """Plan a refit, from the records of the earlier run.

    Raises:
        UsageError: No run can begin with it, or it has no such split.
    """
    from orchard.aws import sessions
    from orchard.cli.target import in_aws
    from orchard.compute.registry import COMPUTES, DEFAULT
    from orchard.runs.earlier import read_earlier, read_folder
    from orchard.runs.plan import Plan

    if local:
        earlier, compute = read_folder(Path(run)), COMPUTES[DEFAULT]
        region = sessions.chosen_region(settings.region, settings.profile)
    else:
        with in_aws(settings) as place:
            earlier = read_earlier(place.s3, place.stack.results_bucket, find_earlier(place, run))
            compute, region = COMPUTES[place.stack.compute], place.session.region_name
    return Plan.of(earlier.for_refit(), replace(options, engine=earlier.engine), compute, region=region)


def refit_run(
    run: str | Path,
    options: RunOptions,
    *,
    settings: Settings | None = None,
    local: bool = False,
    out: Path | None = None,
    wait: bool = True,
    table: bool = True,
) -> RunResult:
    """What `orchard refit` does.

    Args:
        run: A run's id or the beginning of one; with `local`, the folder of a run's results, which stays as it is.
        options: Which components, and how.
        settings: Where to work; None for the defaults.
        local: In a local cloud that ends with the run, instead of AWS.
        out: The folder for the results; None for `out/<run id>`.
        wait: Follow the run and copy its results; False to return as soon as it is asked for.

    Raises:
        UsageError: No run can begin with this one, or the folder cannot receive results.
        EnvironmentNotReadyError: Credentials, the stack or a tool are missing.
        ArchiveError: The pipeline refused it.
        RunFailedError: The run failed.
    """
    from orchard.cli.target import check_local, in_aws, in_local_cloud
    from orchard.runs.earlier import read_earlier, read_folder

    console = progress_console()
    if not local:
        check_where(out, 0, local=local, wait=wait, keep=options.keep)
        with in_aws(settings or Settings()) as place:
            name = find_earlier(place, str(run))
            _check_choice(read_earlier(place.s3, place.stack.results_bucket, name), options, None)
            upload = _ask(place, name, options, console)
            return see_through(place, _asked(name), upload, console, out=out, wait=wait, table=table)
    from orchard.runs.bring import bring

    earlier = read_folder(Path(run))
    _check_choice(earlier, options, out)
    check_where(out, 0, local=local, wait=wait, keep=options.keep)
    check_local()
    with in_local_cloud(None, earlier.engine, lambda what: console.print(f"{what} …", style="dim")) as place:
        with busy(console, f"putting the results in {shown(str(run))} into the local cloud"):
            there = bring(place.s3, place.stack.results_bucket, earlier)
        name = there[earlier.origin.files("featurize", earlier.files).base]
        upload = _ask(place, name, options, console)
        done = see_through(place, _asked(str(run), "--local"), upload, console, out=out, wait=wait, table=table)
    if done.folder is not None:
        remember(done.folder, there)
    return done


def _asked(run: str, *more: str) -> Asked:
    again = ["orchard", "refit", run, *more]
    return Asked(f"The refit of {shown(run)}", command_line([*again, "--plan"]), command_line(again), run)


def _check_choice(earlier: EarlierRun, options: RunOptions, out: Path | None) -> None:
    """Refuse a split that is not there, and a folder that would be replaced by what is made of it."""
    from orchard.runs.folder import check_apart
    from orchard.runs.plan import canonical_split

    found = earlier.for_refit()
    canonical_split(options.fit_split, found.counts, found.shown_by)
    used = {earlier.files.base, *earlier.origin.named.values(), *found.origin.named.values()}
    check_apart(out, used, "the results of the run that it begins with are there, and are not changed")


def _ask(place: Place, run: str, options: RunOptions, console: Console) -> Upload:
    from orchard.archive.request import write_request
    from orchard.runs.upload import refit_key, upload_request

    bucket, own = place.stack.input_bucket, place.stack.owns_input_bucket
    key, body = refit_key(run), write_request((), options, features_of=run)
    upload = start(place, key, lambda: upload_request(place.s3, key, body, bucket, own=own), console)
    console.print(f"asked for other components of {run} by {shown(upload.archive.uri)}")
    return upload
