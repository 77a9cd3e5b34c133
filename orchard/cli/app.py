"""The command and its commands. Nothing that a `--help` does not need is imported here."""

from __future__ import annotations

from typing import Annotated

import typer

from orchard.cli import (
    clean,
    diagnose,
    doctor,
    local,
    plan,
    refit,
    report,
    results,
    run,
    runs,
    similar,
    status,
    stop,
    submit,
    sweep,
    watch,
)
from orchard.cli.settings import Settings
from orchard.version import __version__

app = typer.Typer(
    name="orchard",
    help="Turn a zip of images into features and principal components, on a cluster that exists only while it works.",
    epilog="Exit codes: 0 done; 1 the run failed; 2 wrong usage or a refused archive; 3 the environment is not ready.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"orchard {__version__}")
        raise typer.Exit


@app.callback()
def settings(
    ctx: typer.Context,
    region: Annotated[
        str | None, typer.Option(help="An AWS region in the EU. Default: that of the AWS CLI, or eu-west-1.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="A profile of the AWS CLI.")] = None,
    stack: Annotated[
        str, typer.Option(envvar="ORCHARD_STACK", help="The CloudFormation stack to work with.")
    ] = Settings.stack,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version, and stop.")
    ] = False,
) -> None:
    """Keep what is meant for all commands."""
    ctx.obj = Settings(region=region, profile=profile, stack=stack, debug=debug)


app.command("doctor")(doctor.doctor)
app.command("plan")(plan.plan)
app.command("run")(run.run)
app.command("refit", epilog="Example: orchard refit fruits-0a1b --components 50")(refit.refit)
app.command("runs", epilog="Example: orchard runs --failed --limit 5")(runs.runs)
app.command("status", epilog="Example: orchard status fruits-0a1b")(status.status)
app.command("watch", epilog="Example: orchard watch fruits-0a1b")(watch.watch)
app.command("diagnose", epilog="Example: orchard diagnose fruits-0a1b")(diagnose.diagnose)
app.command("results", epilog="Example: orchard results fruits-0a1b --only report --only pca")(results.results)
app.command("report", epilog="Example: orchard report fruits-0a1b --out fruits.html")(report.report)
app.command("similar", epilog="Example: orchard similar fruits-0a1b mine.jpg --html mine.html")(similar.similar)
app.command("submit", epilog="Example: orchard submit fruits-0a1b pca --components 50")(submit.submit)
app.command("stop", epilog="Example: orchard stop fruits-0a1b")(stop.stop)
app.command("sweep", epilog="Example: orchard sweep --dry-run")(sweep.sweep)
app.command("clean", epilog="Example: orchard clean outputs --older-than 30d --dry-run")(clean.clean)
app.add_typer(local.app, name="local")
