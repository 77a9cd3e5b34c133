"""`orchard submit`: another step on the cluster that a run has kept."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from orchard.cli.one_run import find, look
from orchard.cli.output import busy, ends_well, progress_console, results_console
from orchard.cli.params import OneRun, takes_run_options
from orchard.errors import UsageError
from orchard.options import FITTING, RunOptions


@ends_well
@partial(takes_run_options, names=FITTING)
def submit(
    ctx: typer.Context,
    run: OneRun,
    stage: Annotated[str, typer.Argument(metavar="pca", help="The stage that is done once more.")],
    options: RunOptions,
    out: Annotated[Path | None, typer.Option(help="The folder for the results. Default: out/<their name>.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the step and copy its results, or only queue it.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fit other components on the cluster that a run was started with --keep to keep: no other has to start."""
    from orchard.cli.ending import check_where
    from orchard.cli.results import fetch
    from orchard.cli.target import in_aws
    from orchard.runs.earlier import read_earlier
    from orchard.runs.submit import STAGE, KeptBy

    if stage != STAGE:
        cause = "the stages before it have files, which are used"
        raise UsageError(f"{stage!r} cannot be submitted", cause, f"orchard submit {run} {STAGE}")
    check_where(out, 0, local=False, wait=wait, keep=None)
    console, folder = progress_console(), None
    with in_aws(ctx.obj) as place:
        run_id, stack = find(place, run), place.stack
        cluster = KeptBy.of(run_id, look(place, run_id), place.computes.access, stack.artefacts_bucket)
        submission = cluster.submit(place.s3, read_earlier(place.s3, stack.results_bucket, run_id), options)
        console.print(f"queued the step {submission.step} on the cluster {submission.cluster}")
        if wait:
            with busy(console, "waiting for the step"):
                cluster.await_end(submission)
            folder = out or Path("out") / submission.run_id
            fetch(place, submission.run_id, folder, (), partial=False)
    if as_json:
        told = {"run": submission.run_id, "cluster": submission.cluster, "step": submission.step}
        typer.echo(json.dumps({**told, "folder": None if folder is None else str(folder)}))
    elif folder is not None:
        results_console().print(f"The results of {submission.run_id} are in {folder}")
    else:
        later = ctx.obj.command("results", submission.run_id)
        results_console().print(f"When the step is done, its results are to be had by: {later}")
