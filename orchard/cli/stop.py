"""`orchard stop`: end a run and what works for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from orchard.cli.one_run import find, look
from orchard.cli.output import busy, confirm, ends_well, progress_console, results_console
from orchard.cli.params import AsJson, OneRun, Yes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchard.compute.base import Alive
    from orchard.runs.progress import Progress


@ends_well
def stop(ctx: typer.Context, run: OneRun, yes: Yes = False, as_json: AsJson = False) -> None:
    """End a run, and whatever cluster or job run of it is alive. A run that keeps its cluster has done its work."""
    from orchard.cli.target import in_aws
    from orchard.runs.stop import end_work, stop_execution

    with in_aws(ctx.obj) as place:
        run_id = find(place, run)
        before = after = look(place, run_id)
        alive = [one for one in place.computes.alive() if one.run_id == run_id]
        ended: Sequence[Alive] = ()
        if not before.ended or alive:
            if not confirm(_question(run_id, before, alive), yes):
                progress_console().print("Nothing was done.")
                return
            stops = not before.complete and not before.ended
            if stops:
                stop_execution(place.step_functions, place.stack.execution_arn(run_id))
            with busy(progress_console(), "waiting for the end of its work"):
                ended = end_work(run_id, place.computes, just_stopped=stops)
            after = look(place, run_id)
    clusters = [one.id for one in ended]
    stopped = (
        not before.ended and not before.kept and after.status in ("ABORTED", "RUNNING")
    )  # it may have ended by itself meanwhile
    if as_json:
        typer.echo(json.dumps({"run": run_id, "status": after.status, "stopped": stopped, "clusters": clusters}))
    else:
        how = "is stopped" if stopped else f"has ended: {after.status}"
        how = "is done, and keeps its cluster no longer" if before.kept else how
        left = f"Terminating {', '.join(clusters)}." if clusters else "Nothing of it is left."
        results_console().print(f"The run {run_id} {how}. {left}")


def _question(run: str, progress: Progress, alive: Sequence[Alive]) -> str:
    from orchard.cli.display import clock, doing

    cost = f", {phrase}" if (phrase := progress.cost.phrase(" so far")) else ""
    works = ", ".join(map(str, alive)) if alive else "nothing works for it now"
    if progress.ended:
        return f"The run {run} has ended ({progress.status}) and left {works} behind{cost}. Terminate it?"
    if progress.kept:
        return f"End what the run {run} keeps ({works}{cost})? Its results are complete."
    return f"Stop the run {run} after {clock(progress.elapsed)} ({doing(progress)}; {works}{cost})?"
