"""`orchard doctor`: whether everything is there that a run needs. It looks, and never changes anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from orchard.cli.output import ends_well, results_console

if TYPE_CHECKING:
    from rich.console import Console

    from orchard.cli.settings import Settings
    from orchard.doctor.checks import Check

_NOT_READY = 3
_STYLES = {"ok": "green", "wrong": "bold red", "unknown": "yellow"}


@ends_well
def doctor(
    ctx: typer.Context,
    local: Annotated[bool, typer.Option("--local", help="Check this machine only, for runs with --local.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check what a run needs, one line per item, with the command that corrects what is wrong."""
    checks = examine(ctx.obj, local=local)
    if as_json:
        typer.echo(json.dumps([check.to_json() for check in checks], indent=2))
    else:
        show(checks, results_console())
    if any(check.verdict == "wrong" for check in checks):
        raise typer.Exit(_NOT_READY)


def examine(settings: Settings, *, local: bool) -> list[Check]:
    """Look at everything.

    Returns:
        The findings, in the order in which they are best mended.
    """
    from orchard.doctor.machine import machine_checks

    return machine_checks() if local else [*machine_checks(wanted=False), *_in_aws(settings)]


def _in_aws(settings: Settings) -> list[Check]:
    """Without a session nothing can be asked, and without a stack little: then what is wrong is the last line."""
    from orchard.aws import sessions
    from orchard.aws.stack import Stack
    from orchard.doctor.account import account_checks
    from orchard.doctor.checks import ok, wrong
    from orchard.doctor.deployment import deployment_checks
    from orchard.doctor.network import network_checks
    from orchard.errors import EnvironmentNotReadyError

    try:
        session = sessions.open_session(settings.region, settings.profile)
    except EnvironmentNotReadyError as error:
        return [wrong("AWS", f"{error.headline}: {error.cause}", error.next_command)]
    checks = [ok("Region", f"{session.region_name}, in the European Union"), *account_checks(session)]
    if checks[1].verdict != "ok":
        return checks[:2]
    try:
        stack = Stack.load(session, settings.stack)
    except EnvironmentNotReadyError as error:
        return [*checks, wrong("Stack", f"{error.headline}: {error.cause}", error.next_command)]
    return [*checks, *deployment_checks(session, stack), *network_checks(session, stack)]


def show(checks: list[Check], console: Console) -> None:
    """Write the findings for people to read, a line each."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        console.print(f"{check.verdict:<8}", style=_STYLES[check.verdict], end="")
        console.print(f"{check.name:<{width}}  {check.finding}", end="")
        console.print(f": {check.fix}" if check.fix else "", style="cyan")
