"""The facts of a run in words, each a few short lines for a narrow screen, and the commands that are typed next."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from orchard.archive.ignored import ignored_in_words
from orchard.aws.stack import DEFAULT_STACK
from orchard.compute.registry import compute_of
from orchard.compute.used import Used
from orchard.errors import command_line, shown
from orchard.layout import NOT_AS_THEY_ARE
from orchard.pipeline.origin import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchard.diagnose.gather import RunFacts
    from orchard.pipeline.state import PlannedRun, RunState, RunSummary

WIDTH = 60
"""Characters of a line of prose: what a phone shows without breaking it again."""

Section = tuple[str, "Sequence[str]"]

_WHOLE = ("aws ", "file ", "make ", "orchard ", "sam ", "unzip ", "zip ", "s3://", "ls ")
"""How the commands begin that errors and causes name, and addresses."""

# The names that template.yaml gives to its buckets: <stack>-<purpose>-<account>-<region>.
_BUCKET = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,127})-(?:input|results)-\d{12}-[a-z]{2}(?:-[a-z]{1,20}){1,3}-\d")


def prose(text: str) -> list[str]:
    """Sentences as lines of at most `WIDTH` characters, their own line breaks kept."""
    return [
        line
        for part in text.splitlines()
        for line in textwrap.wrap(part, WIDTH, break_long_words=False, break_on_hyphens=False)
    ]


def remedy(text: str) -> list[str]:
    """The same of what may be a command or an address, which is to be copied and stays whole."""
    return [text] if text.startswith(_WHOLE) else prose(text)


def command(bucket: str, *arguments: str) -> str:
    """A command of ours, with the stack's name where it is not the default one.

    Args:
        bucket: One of the stack's buckets for uploads or results; "" if none is known.
        arguments: The command's name and its arguments.
    """
    found = _BUCKET.fullmatch(bucket)
    options = ["--stack", found[1]] if found and found[1] != DEFAULT_STACK else []
    return command_line(["orchard", *options, *arguments])


def facts_in_words(state: RunState, facts: RunFacts) -> dict[str, list[str]]:
    """What is known of a run.

    Returns:
        Label → lines; none for what is not known.
    """
    compute = compute_of(state)
    return {
        "Archive": [shown(state.reads)] if state.reads else [],
        "Uses": [*in_words(state.plan.origin.runs), *prose("\n".join(_used(state.plan).in_words()))],
        "Images": _images(state.plan, facts.summary),
        "Features": _features(state.plan, facts.summary),
        "Components": _components(facts.summary),
        "Predictions": prose("\n".join(f"{line}." for line in facts.summary.predicted.in_words())),
        "Launches": [str(state.launch)] if state.launch > 1 else [],
        "Time": _time(facts.minutes, state.waited),
        **{title: prose(text) for title, text in facts.cost.rows(compute.paid_for)},
        compute.worker.capitalize(): prose(leftover(state)),
        "Logs": remedy(state.plan.log_uri),
        "Results": [f"{state.plan.run_uri}/"] if state.plan.run_uri else [],
        "Next": _next(state),
    }


def _used(plan: PlannedRun) -> Used:
    return Used(plan.known, plan.saved_minutes, plan.saved_usd)


def leftover(state: RunState) -> str:
    """That the cluster or a job run may live on, and for how long; "" if it has ended."""
    return "" if state.termination_failure is None else compute_of(state).left_over(state)


def _images(plan: PlannedRun, done: RunSummary) -> list[str]:
    """How many images, of how many classes, in which splits, and how many were left out."""
    count = plan.images if done.images is None else done.images
    if count is None:
        return []
    kinds = f" in {plan.classes:,} {'class' if plan.classes == 1 else 'classes'}" if plan.classes else ""
    lines = [f"{count:,}{kinds}"]
    if any(plan.splits):
        lines += prose(", ".join(f"{name or 'no split'} {many:,}" for name, many in plan.splits.items()))
    if done.skipped:
        lines += prose(f"{done.skipped:,} skipped, by --limit or --only-label")
    if done.ignored:
        reasons = ignored_in_words(done.ignored, done.ignored_reasons)
        lines += [f"{done.ignored:,} ignored, see ignored/", *prose(shown(reasons))]
    if done.duplicates.between_splits:
        lines += prose("\n".join(f"{line}." for line in done.duplicates.in_words()))
    rejected = done.rejected_in_unzip + done.rejected_in_featurize
    lines += [f"{rejected:,} rejected, see rejected/"] if rejected else []
    changed = [f"{many:,} {words}" for count, words in NOT_AS_THEY_ARE.items() if (many := getattr(done, count))]
    return lines + prose("\n".join(changed))


def _features(plan: PlannedRun, done: RunSummary) -> list[str]:
    """How many feature vectors, by which engine and which network."""
    engine = done.engine or plan.engine
    made = [f"{done.vectors:,}"] if done.vectors is not None else []
    made += [f"by {engine}"] if engine else []
    network = f"{done.network}, {done.weights} weights" if done.network and done.weights else ""
    return [line for line in (" ".join(made), network) if line]


def _components(done: RunSummary) -> list[str]:
    """How many components, and what they explain."""
    if done.kept is None:
        return []
    number = f"{done.kept:,}" + (f" with {done.cumulative:.1%} of the variance" if done.cumulative is not None else "")
    return [number, *([f"of {done.components_of}"] if done.components_of else []), *prose(done.shortfall)]


def _time(minutes: float | None, waited: float) -> list[str]:
    """How long the run took, and how much of that it waited for its turn."""
    if minutes is None:
        return []
    waiting = round(waited / 60)
    return [_minutes(round(minutes)), *([f"{_minutes(waiting)} of it waiting for its turn"] if waiting else [])]


def _minutes(minutes: int) -> str:
    return "under a minute" if minutes < 1 else f"{minutes} minute{'' if minutes == 1 else 's'}"


def _next(state: RunState) -> list[str]:
    """What to type now."""
    if state.refused:
        return [state.remedy, "then upload the archive again."]
    typed = [["report", state.name], ["results", state.name, "--out", f"out/{state.name}"]]
    if state.failure is not None:
        typed = [["diagnose", state.name]]
    elif state.termination_failure is not None:
        typed = [["sweep"], *typed]
    return [command(state.bucket, *words) for words in typed]
