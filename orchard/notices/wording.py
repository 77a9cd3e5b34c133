"""The facts of a run in words, each a few short lines for a narrow screen; none for what is not known."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from orchard.compute.cost import ESTIMATE, cost_of
from orchard.compute.serverless_jobs import EXECUTION_TIMEOUT_MINUTES
from orchard.compute.serverless_plan import works_serverless
from orchard.errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchard.diagnose.gather import RunFacts
    from orchard.pipeline.state import RunState, RunSummary

WIDTH = 60
"""Characters of a line of prose: what a phone shows without breaking it again."""

Section = tuple[str, "Sequence[str]"]


def layout_sections(sections: Iterable[Section]) -> str:
    """Lay out labelled facts: each label on a line of its own, its lines below it.

    Args:
        sections: Label and lines; those without lines are left out.

    Returns:
        The text. Prose is wrapped; an address or a command is never broken.
    """
    return "\n\n".join("\n".join([label, *lines]) for label, lines in sections if lines)


def prose(text: str) -> list[str]:
    """Sentences as lines of at most `WIDTH` characters, their own line breaks kept."""
    return [
        line
        for part in text.splitlines()
        for line in textwrap.wrap(part, WIDTH, break_long_words=False, break_on_hyphens=False)
    ]


def archive(state: RunState) -> list[str]:
    """Where the archive is."""
    return [shown(state.archive.uri)] if state.archive.uri else []


def images(state: RunState, done: RunSummary) -> list[str]:
    """How many images, of how many classes, in which splits, and how many were rejected."""
    plan = state.plan
    count = plan.images if done.images is None else done.images
    if count is None:
        return []
    kinds = f" in {plan.classes:,} {'class' if plan.classes == 1 else 'classes'}" if plan.classes else ""
    lines = [f"{count:,}{kinds}"]
    if any(plan.splits):
        lines += prose(", ".join(f"{name or 'no split'} {many:,}" for name, many in plan.splits.items()))
    rejected = done.rejected_in_unzip + done.rejected_in_featurize
    return [*lines, f"{rejected:,} rejected, see rejected/"] if rejected else lines


def features(state: RunState, done: RunSummary) -> list[str]:
    """How many feature vectors, by which engine and which network."""
    engine = done.engine or state.plan.engine
    made = [f"{done.vectors:,}"] if done.vectors is not None else []
    made += [f"by {engine}"] if engine else []
    network = f"{done.network}, {done.weights} weights" if done.network and done.weights else ""
    return [line for line in (" ".join(made), network) if line]


def components(done: RunSummary) -> list[str]:
    """How many components, and what they explain."""
    if done.kept is None:
        return []
    return [f"{done.kept:,}" + (f" with {done.cumulative:.1%} of the variance" if done.cumulative is not None else "")]


def launches(state: RunState) -> list[str]:
    """How many clusters were launched, if not one."""
    return [str(state.launch)] if state.launch > 1 else []


def time(state: RunState, facts: RunFacts) -> list[str]:
    """How long the run took, and how much of that it waited for its turn."""
    if facts.minutes is None:
        return []
    waited = round(state.waited / 60)
    return [_minutes(round(facts.minutes)), *([f"{_minutes(waited)} of it waiting for its turn"] if waited else [])]


def _minutes(minutes: int) -> str:
    return "under a minute" if minutes < 1 else f"{minutes} minute{'' if minutes == 1 else 's'}"


def cost(state: RunState, facts: RunFacts, *, whole: bool = False) -> list[tuple[str, list[str]]]:
    """What it cost, as sections of the notice; of a whole run also what it was expected to cost."""
    paid = "job runs" if works_serverless(state) else "cluster"
    rows = cost_of(state, facts.cluster_seconds).rows(paid)
    return [(title, prose(text)) for title, text in rows if whole or title != ESTIMATE]


def results(state: RunState) -> list[str]:
    """Where the results are."""
    return [f"{state.plan.run_uri}/"] if state.plan.run_uri else []


def leftover(state: RunState) -> str:
    """That the cluster or a job run may live on, and for how long; "" if it has ended."""
    failure = state.termination_failure
    if failure is None:
        return ""
    if works_serverless(state):
        job = state.job_run or "of this run"
        return f"The job run {job} could not be cancelled; it ends by itself after {EXECUTION_TIMEOUT_MINUTES} minutes."
    cluster = state.cluster or "of this run"
    how = "has not ended in time" if failure.error == "ClusterLeftOver" else "could not be terminated"
    return f"The cluster {cluster} {how}; it ends by itself after five idle minutes."
