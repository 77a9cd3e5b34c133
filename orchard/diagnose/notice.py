"""What people are told when a run has ended: the subject and the body of a mail, and one paragraph for the console."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from orchard.diagnose.probable import probable_cause
from orchard.diagnose.values import inside, number, words

if TYPE_CHECKING:
    from orchard.diagnose.gather import RunFacts

REFUSED = "ArchiveRefused"
"""The error of a run whose archive was refused: a contract with statemachine/pipeline.asl.json."""

_MAX_SUBJECT = 100  # what SNS takes: ASCII, one line, up to 100 characters (Publish API model)


@dataclass(frozen=True)
class Notice:
    """What people are told.

    Attributes:
        subject: At most 100 ASCII characters.
        message: The body of the mail.
        cause: Why the run failed, one paragraph; "" if it did not.
    """

    subject: str
    message: str
    cause: str

    def to_json(self) -> dict[str, str]:
        """The notice as the state machine takes it."""
        return asdict(self)


def describe(state: object, facts: RunFacts) -> Notice:
    """Describe a run that has ended. Never raises.

    Args:
        state: The state machine's data, whatever it looks like.
        facts: What AWS knows beside it.

    Returns:
        What to tell people.
    """
    try:
        return compose(state, facts)
    except Exception as error:  # a plain account is better than none
        account = json.dumps(state, default=str, indent=1)
        cause = f"The run ended, and describing it failed too ({type(error).__name__})."
        return Notice(subject("An Orchard run ended", ""), f"{cause} All that is known:\n\n{account}\n", cause)


def compose(state: object, facts: RunFacts) -> Notice:
    """What `describe` does, without its safety net."""
    run = words(state, "run_id") or "without a name"
    if inside(state, "failure", "Error") == REFUSED:
        return _refused(run, state)
    if inside(state, "failure") is not None:
        return _failed(run, state, facts)
    if inside(state, "termination_failure") is not None:
        return _not_terminated(run, state, facts)
    return _succeeded(run, state, facts)


def subject(text: str, run: str) -> str:
    """A subject that SNS accepts: ASCII, one line, at most 100 characters, the text whole."""
    line = " ".join(f"{text} {run}".encode("ascii", "replace").decode().split())
    return line[:_MAX_SUBJECT].strip()


def _succeeded(run: str, state: object, facts: RunFacts) -> Notice:
    results = words(state, "inspected", "plan", "run_uri")
    lines = [
        ("Archive", _archive(state)),
        ("Images", _images(state, facts)),
        ("Features", _features(state, facts)),
        ("Components", _components(facts)),
        ("Time", _time(facts)),
        ("Cost", _cost(state, facts)),
        ("Results", f"{results}/" if results else ""),
    ]
    message = f"Run {run} is done.\n\n{_table(lines)}\n\nNext: aws s3 cp --recursive {results}/ out/{run}/\n"
    return Notice(subject("Orchard: done,", run), message, "")


def _refused(run: str, state: object) -> Notice:
    cause = words(state, "failure", "Cause") or "no reason was given"
    mend = words(state, "inspected", "plan", "next") or "orchard plan ZIP"
    message = (
        f"Run {run} was refused before any cluster was created.\n\n"
        f"{_table([('Archive', _archive(state)), ('Reason', cause)])}\n\n"
        f"Next: {mend}\nThen upload the archive again.\n"
    )
    return Notice(subject("Orchard: refused,", run), message, cause)


def _failed(run: str, state: object, facts: RunFacts) -> Notice:
    probable = probable_cause(state, facts)
    step = f" in the {facts.failed_step.stage} step" if facts.failed_step else ""
    lines = [
        ("Cause", probable.sentence),
        ("Message", probable.detail),
        ("Found in", probable.found_in),
        ("Archive", _archive(state)),
        ("Launches", _launches(state)),
        ("Time", _time(facts)),
        ("Cost", _cost(state, facts)),
        ("Logs", words(state, "inspected", "plan", "log_uri")),
        ("Cluster", _leftover(state)),
    ]
    message = f"Run {run} failed{step}.\n\n{_table(lines)}\n\nNext: {probable.next_step or 'Read the logs.'}\n"
    cause = " ".join(part for part in (probable.sentence, probable.detail, _leftover(state)) if part)
    return Notice(subject("Orchard: failed,", run), message, cause)


def _not_terminated(run: str, state: object, facts: RunFacts) -> Notice:
    leftover = _leftover(state)
    lines = [
        ("Cluster", leftover),
        ("Results", words(state, "inspected", "plan", "run_uri")),
        ("Cost", _cost(state, facts)),
    ]
    headline = f"Run {run} has its results, but its cluster could not be terminated."
    end_it = f"aws emr terminate-clusters --cluster-ids {words(state, 'cluster', 'id')}"
    message = f"{headline}\n\n{_table(lines)}\n\nNext: {end_it}\n"
    return Notice(subject("Orchard: cluster left over,", run), message, leftover)


def _leftover(state: object) -> str:
    if inside(state, "termination_failure") is None:
        return ""
    cluster = words(state, "cluster", "id") or "of this run"
    return f"The cluster {cluster} could not be terminated; it ends by itself after five idle minutes."


def _archive(state: object) -> str:
    bucket, key = words(state, "archive", "bucket"), words(state, "archive", "key")
    return f"s3://{bucket}/{key}" if bucket and key else ""


def _images(state: object, facts: RunFacts) -> str:
    planned, done = inside(state, "inspected", "plan", "counts"), inside(facts.summary, "counts")
    images = number(done, "images")
    if images is None:
        images = number(planned, "images")
    if images is None:
        return ""
    parts = [f"{images:,.0f}"]
    if classes := number(planned, "classes"):
        parts.append(f"in {classes:,.0f} {'class' if classes == 1 else 'classes'}")
    splits = inside(planned, "splits")
    if isinstance(splits, dict) and any(splits):
        told = ", ".join(f"{name or 'no split'} {count:,}" for name, count in splits.items() if isinstance(count, int))
        parts.append(f"({told})")
    rejected = sum(number(done, f"rejected_in_{stage}") or 0 for stage in ("unzip", "featurize"))
    return " ".join(parts) + (f"; {rejected:,.0f} rejected, see rejected/" if rejected else "")


def _features(state: object, facts: RunFacts) -> str:
    vectors = number(facts.summary, "counts", "features")
    engine = words(facts.summary, "engine") or words(state, "inspected", "plan", "options", "engine")
    network, weights = words(facts.summary, "model", "name"), words(facts.summary, "model", "weights")
    parts = (
        f"{vectors:,.0f}" if vectors is not None else "",
        f"by {engine}" if engine else "",
        f"from {network} with {weights} weights" if network and weights else "",
    )
    return " ".join(part for part in parts if part)


def _components(facts: RunFacts) -> str:
    kept = number(facts.summary, "parameters", "kept")
    share = number(facts.summary, "parameters", "cumulative")
    if kept is None:
        return ""
    return f"{kept:,.0f}" + (f" with {share:.1%} of the variance" if share is not None else "")


def _launches(state: object) -> str:
    attempt = number(state, "launch", "attempt")
    return f"{attempt:.0f}" if attempt and attempt > 1 else ""


def _time(facts: RunFacts) -> str:
    if facts.minutes is None:
        return ""
    minutes = round(facts.minutes)
    return "under a minute" if minutes < 1 else f"{minutes} minute{'' if minutes == 1 else 's'}"


def _cost(state: object, facts: RunFacts) -> str:
    rate = number(state, "inspected", "plan", "estimate", "usd_per_hour")
    if rate is None or facts.cluster_seconds is None:
        return ""
    date = words(state, "inspected", "plan", "estimate", "price_date")
    return f"about USD {rate * facts.cluster_seconds / 3600:.2f} for the cluster, by prices of {date}"


def _table(lines: list[tuple[str, str]]) -> str:
    return "\n".join(f"{name:<12}{text}" for name, text in lines if text)
