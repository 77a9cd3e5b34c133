"""The facts of a run in words, each a few short lines for a narrow screen; none for what is not known."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from orchard.compute.cost import ESTIMATE, cost_of
from orchard.compute.serverless_jobs import EXECUTION_TIMEOUT_MINUTES
from orchard.compute.serverless_plan import works_serverless
from orchard.errors import shown
from orchard.pipeline.input import archive_uri
from orchard.pipeline.values import inside, number, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchard.diagnose.gather import RunFacts

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


def archive(state: object) -> list[str]:
    """Where the archive is."""
    uri = archive_uri(inside(state, "input"))
    return [shown(uri)] if uri else []


def images(state: object, facts: RunFacts) -> list[str]:
    """How many images, of how many classes, in which splits, and how many were rejected."""
    planned, done = inside(state, "inspected", "plan", "counts"), inside(facts.summary, "counts")
    count = number(done, "images")
    if count is None:
        count = number(planned, "images")
    if count is None:
        return []
    classes = number(planned, "classes")
    kinds = f" in {classes:,.0f} {'class' if classes == 1 else 'classes'}" if classes else ""
    lines = [f"{count:,.0f}{kinds}"]
    splits = inside(planned, "splits")
    if isinstance(splits, dict) and any(splits):
        told = [f"{name or 'no split'} {many:,}" for name, many in splits.items() if isinstance(many, int)]
        lines += prose(", ".join(told))
    rejected = sum(number(done, f"rejected_in_{stage}") or 0 for stage in ("unzip", "featurize"))
    return [*lines, f"{rejected:,.0f} rejected, see rejected/"] if rejected else lines


def features(state: object, facts: RunFacts) -> list[str]:
    """How many feature vectors, by which engine and which network."""
    vectors = number(facts.summary, "counts", "features")
    engine = words(facts.summary, "engine") or words(state, "inspected", "plan", "options", "engine")
    network, weights = words(facts.summary, "model", "name"), words(facts.summary, "model", "weights")
    made = " ".join(part for part in (f"{vectors:,.0f}" if vectors is not None else "", f"by {engine}" * bool(engine)))
    return [line for line in (made.strip(), f"{network}, {weights} weights" if network and weights else "") if line]


def components(facts: RunFacts) -> list[str]:
    """How many components, and what they explain."""
    kept, share = number(facts.summary, "parameters", "kept"), number(facts.summary, "parameters", "cumulative")
    if kept is None:
        return []
    return [f"{kept:,.0f}" + (f" with {share:.1%} of the variance" if share is not None else "")]


def launches(state: object) -> list[str]:
    """How many clusters were launched, if not one."""
    attempt = number(state, "launch", "attempt")
    return [f"{attempt:.0f}"] if attempt and attempt > 1 else []


def time(state: object, facts: RunFacts) -> list[str]:
    """How long the run took, and how much of that it waited for its turn."""
    if facts.minutes is None:
        return []
    waited = round((number(state, "turn", "waited") or 0) / 60)
    return [_minutes(round(facts.minutes)), *([f"{_minutes(waited)} of it waiting for its turn"] if waited else [])]


def _minutes(minutes: int) -> str:
    return "under a minute" if minutes < 1 else f"{minutes} minute{'' if minutes == 1 else 's'}"


def cost(state: object, facts: RunFacts, *, whole: bool = False) -> list[tuple[str, list[str]]]:
    """What it cost, as sections of the notice; of a whole run also what it was expected to cost."""
    paid = "job runs" if works_serverless(state) else "cluster"
    rows = cost_of(state, facts.cluster_seconds).rows(paid)
    return [(title, prose(text)) for title, text in rows if whole or title != ESTIMATE]


def results(state: object) -> list[str]:
    """Where the results are."""
    uri = words(state, "inspected", "plan", "run_uri")
    return [f"{uri}/"] if uri else []


def leftover(state: object) -> str:
    """That the cluster or a job run may live on, and for how long; "" if it has ended."""
    failure = inside(state, "termination_failure")
    if failure is None:
        return ""
    if works_serverless(state):
        job = words(state, "job_run", "id") or "of this run"
        return f"The job run {job} could not be cancelled; it ends by itself after {EXECUTION_TIMEOUT_MINUTES} minutes."
    cluster = words(state, "cluster", "id") or "of this run"
    how = "has not ended in time" if words(failure, "Error") == "ClusterLeftOver" else "could not be terminated"
    return f"The cluster {cluster} {how}; it ends by itself after five idle minutes."
