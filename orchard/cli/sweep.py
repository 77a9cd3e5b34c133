"""`orchard sweep`: end the clusters and job runs that have outlived their runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from orchard.cli.one_run import plain_cost
from orchard.cli.output import confirm, ends_well, now, progress_console, results_console, show_table, table_of
from orchard.cli.params import AsJson, DryRun, Yes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from orchard.cli.target import Place
    from orchard.runs.orphans import Leftover


@ends_well
def sweep(ctx: typer.Context, dry_run: DryRun = False, yes: Yes = False, as_json: AsJson = False) -> None:
    """End this stack's clusters and job runs whose runs have ended. Touches no others."""
    from orchard.cli.target import in_aws

    console = progress_console()
    with in_aws(ctx.obj) as place:
        found = _leftovers(place)
        facts = [_plain(place, leftover) for leftover in found]
        if not as_json:
            _show(facts, results_console())
        terminated: Sequence[str] = ()
        if found and not dry_run:
            if confirm(f"Terminate {_counted(len(found))}?", yes):
                terminated = _terminate(place, found)
                console.print(f"Terminating {_counted(len(terminated))}.")
            else:
                console.print("Nothing was done.")
    if as_json:
        typer.echo(json.dumps([{**fact, "terminated": fact["cluster"] in terminated} for fact in facts], indent=2))


def _leftovers(place: Place) -> tuple[Leftover, ...]:
    from orchard.runs.orphans import leftovers

    return leftovers(place.computes, place.step_functions, place.stack.state_machine_arn)


def _terminate(place: Place, confirmed: Sequence[Leftover]) -> list[str]:
    """Terminate what was confirmed and is a leftover still: the answer may have taken its time."""
    still = {leftover.alive.id for leftover in _leftovers(place)}
    ended = [leftover.alive for leftover in confirmed if leftover.alive.id in still]
    place.computes.end_work(ended)
    return [one.id for one in ended]


def _plain(place: Place, leftover: Leftover) -> dict[str, Any]:
    from orchard.compute.cost import cost_of
    from orchard.pipeline.state import RunState
    from orchard.runs.listing import recent_state

    one = leftover.alive
    seconds = (now() - one.created).total_seconds()
    arn = place.stack.execution_arn(one.run_id)
    state = recent_state(place.step_functions, arn) if leftover.status else RunState()
    return {
        "cluster": one.id,
        "run": one.run_id,
        "status": leftover.status,
        "created": one.created.isoformat(),
        "age_seconds": round(seconds, 1),
        **plain_cost(cost_of(state, seconds)),
    }


def _show(facts: Sequence[dict[str, Any]], console: Console) -> None:
    from datetime import timedelta

    from orchard.cli.display import clock
    from orchard.compute.cost import ACTUAL, dollars

    if not facts:
        console.print("No cluster has outlived its run.")
        return
    table = table_of("Cluster", "Age", ACTUAL, "Run", "Status")
    for fact in facts:
        cost = "unknown" if fact["cost_usd"] is None else dollars(fact["cost_usd"])
        age = clock(timedelta(seconds=fact["age_seconds"]))
        table.add_row(fact["cluster"], age, cost, fact["run"], fact["status"] or "is not known")
    show_table(table, console)


def _counted(number: int) -> str:
    return f"{number} cluster" + ("" if number == 1 else "s")
