"""`orchard diagnose`: why a run failed, and where that stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from orchard.cli.output import busy, ends_well, progress_console, results_console
from orchard.cli.params import AsJson, LatestRun
from orchard.errors import shown

if TYPE_CHECKING:
    from rich.console import Console

    from orchard.cli.settings import Settings
    from orchard.diagnose.finding import Evidence
    from orchard.runs.deletions import Deleted
    from orchard.runs.diagnose import RunDiagnosis


@ends_well
def diagnose(ctx: typer.Context, run: LatestRun = "", as_json: AsJson = False) -> None:
    """Say why a run failed: the probable cause, the lines of the log that tell it, and what to do."""
    from orchard.cli.target import in_aws
    from orchard.runs.deletions import find_deletion
    from orchard.runs.diagnose import diagnose_run
    from orchard.runs.listing import find_run

    deleted = None
    with in_aws(ctx.obj) as place:
        arn = find_run(place.step_functions, place.stack.state_machine_arn, run)
        with busy(progress_console(), "reading the logs"):
            found = diagnose_run(
                arn,
                place.stack.results_bucket,
                sfn=place.step_functions,
                access=place.computes.access,
                s3=place.s3,
            )
        if found.status == "SUCCEEDED":
            deleted = find_deletion(place.s3, place.stack.results_bucket, found.known.run_id)
    after = next_command(found, ctx.obj, deleted)
    if as_json:
        typer.echo(json.dumps(plain(found, after), indent=2))
    else:
        show_diagnosis(found, after, results_console(), deleted)


def ending(found: RunDiagnosis) -> str:
    """How the run ended, in one sentence."""
    if found.known.refused:
        return "was refused before any cluster was created"
    failed = found.facts.failed_step
    step = f" in the {failed.stage} step" if failed else ""
    ends = {"SUCCEEDED": "is done: nothing went wrong", "FAILED": f"failed{step}", "ABORTED": f"was stopped{step}"}
    return {**ends, "TIMED_OUT": f"timed out{step}"}.get(found.status, "is still going on")


def next_command(found: RunDiagnosis, settings: Settings, deleted: Deleted | None) -> str:
    """What to do now: the remedy, or the command for a run that needs none."""
    if found.diagnosis is not None:
        return found.diagnosis.cause.next_step
    if deleted is not None:
        return settings.command("run", "ZIP")
    return settings.command("results" if found.status == "SUCCEEDED" else "watch", found.known.run_id)


def plain(found: RunDiagnosis, after: str) -> dict[str, Any]:
    """The diagnosis as plain data."""
    known, step = found.known, found.facts.failed_step
    cause = found.diagnosis.cause if found.diagnosis else None
    evidence = found.diagnosis.evidence if found.diagnosis else None
    return {
        "run": known.run_id,
        "status": found.status,
        "refused": known.refused,
        "archive": shown(known.reads),
        "cluster": known.cluster,
        "step": step.stage if step else "",
        "cause": cause.sentence if cause else "",
        "message": cause.detail if cause else "",
        "found_in": cause.found_in if cause else "",
        "evidence": _plain_evidence(evidence) if evidence else None,
        "read": [{"uri": look.uri, "outcome": look.outcome} for look in found.facts.looks],
        "logs": "" if known.refused else known.plan.log_uri,
        "next": after,
    }


def _plain_evidence(evidence: Evidence) -> dict[str, Any]:
    finding = evidence.finding
    return {
        "uri": evidence.uri,
        "first_line": finding.first_line,
        "last_line": finding.last_line,
        "lines": [{"number": number, "text": text} for number, text in finding.lines],
        "python": list(finding.python),
        "java": list(finding.java),
    }


def show_diagnosis(found: RunDiagnosis, after: str, console: Console, deleted: Deleted | None = None) -> None:
    """Write a diagnosis for people to read."""
    from orchard.cli.results import deletion_in_words

    console.print(f"The run {found.known.run_id} {ending(found)}.", style="bold")
    if found.diagnosis is not None:
        cause, evidence = found.diagnosis.cause, found.diagnosis.evidence
        _show("Why", [cause.sentence], console)
        if cause.detail and cause.detail not in cause.sentence:
            _show("Message", [cause.detail], console)
        if evidence is not None:
            _show_evidence(evidence, console)
        elif cause.found_in:
            _show("Found in", [cause.found_in], console)
    if deleted is not None:
        _show("Results", [f"deleted {deletion_in_words(deleted)}"], console)
    _show("Next", [after], console, style="cyan")
    if found.facts.looks:
        _show("Read", [f"{look.uri}: {look.outcome}" for look in found.facts.looks], console, style="dim")
        _show("All logs", [found.known.plan.log_uri], console, style="dim")


def _show_evidence(evidence: Evidence, console: Console) -> None:
    finding = evidence.finding
    _show("Where", [f"{evidence.uri}, {finding.place}"], console)
    width = len(str(finding.last_line))
    numbers = [number for number, _ in finding.lines]
    for before, (number, text) in zip([None, *numbers], finding.lines, strict=False):
        if before is not None and number > before + 1:
            console.print(f"  {'…':>{width}}", style="dim")
        console.print(f"  {number:>{width}}  {text}")
    _show("Python", finding.python, console)
    _show("Java", finding.java, console)


def _show(title: str, lines: list[str] | tuple[str, ...], console: Console, style: str = "") -> None:
    if lines:
        console.print(f"\n{title}", style="bold")
        for line in lines:
            console.print(f"  {line}", style=style)
