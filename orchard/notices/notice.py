"""The notice of a run that has ended: the subject and the body of a mail, and one paragraph for the console.

The mail is read on a phone: labels on lines of their own, short lines, addresses and commands unbroken.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from orchard.compute.cost import ACTUAL, ESTIMATE
from orchard.compute.registry import COMPUTES
from orchard.diagnose.causes import shorten
from orchard.diagnose.probable import diagnose
from orchard.errors import shown, shown_lines
from orchard.notices.wording import facts_in_words, leftover, prose, remedy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchard.diagnose.gather import RunFacts
    from orchard.diagnose.probable import Diagnosis
    from orchard.notices.wording import Section
    from orchard.pipeline.state import RunState

_COST = ("Cost", ACTUAL)
_WORKERS = tuple(dict.fromkeys(compute.worker.capitalize() for compute in COMPUTES.values()))
_DONE = (
    *("Archive", "Uses", "Images", "Features", "Components", "Predictions", "Time"),
    *(*_COST, ESTIMATE, "Results", "Next"),
)
_LEFT_OVER = (*_WORKERS, *_COST, "Results", "Next")
_REFUSED = ("Why", "Archive", "Next")
_FAILED = (
    *("Why", "What to do", "Message", "Where", *_WORKERS),
    *("Archive", "Uses", "Launches", "Time", *_COST, "Logs", "Next"),
)
"""What each kind of notice tells, in this order."""

_MAX_SUBJECT = 100  # what SNS takes: ASCII, one line, up to 100 characters (Publish API model)
_MAX_QUOTE = 300
_MAX_CAUSE = 4000
_MAX_ACCOUNT = 100_000  # SNS takes 256 KiB (Publish API model), Step Functions as much as a state's data


@dataclass(frozen=True)
class Notice:
    """A message to people about a run.

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


def describe(state: RunState, facts: RunFacts) -> Notice:
    """Describe a run that has ended. Never raises."""
    try:
        notice = compose(state, facts)
        return replace(notice, cause=shown_lines(notice.cause))
    except Exception as error:  # a plain account is better than none
        account = json.dumps(asdict(state), indent=1)[:_MAX_ACCOUNT]
        cause = f"The run ended, and describing it failed too ({type(error).__name__})."
        return Notice(subject("An Orchard run ended", ""), f"{cause} All that is known:\n\n{account}\n", cause)


def compose(state: RunState, facts: RunFacts) -> Notice:
    """What `describe` does, without its safety net."""
    run, known, left = state.name, facts_in_words(state, facts), leftover(state)
    if state.failure is None and state.termination_failure is None:
        return _notice("done", run, f"Run {run} is done.", known, _DONE)
    if state.failure is None:
        opening = f"Run {run} has its results, but its cluster may still be running."
        return _notice("cluster left over", run, opening, known, _LEFT_OVER, left)
    if state.refused:
        cause = state.failure.cause or "no reason was given"
        opening = f"Run {run} was refused before any cluster was created."
        return _notice("refused", run, opening, {**known, "Why": prose(cause)}, _REFUSED, cause)
    diagnosis, step = diagnose(state, facts), facts.failed_step
    opening = f"Run {run} failed{f' in the {step.stage} step' if step else ''}."
    parts = (diagnosis.cause.sentence, diagnosis.quoted, left)
    cause = shorten(" ".join(part for part in parts if part), _MAX_CAUSE)
    return _notice("failed", run, opening, {**known, **_cause_in_words(diagnosis)}, _FAILED, cause)


def _cause_in_words(found: Diagnosis) -> dict[str, list[str]]:
    cause, evidence = found.cause, found.evidence
    return {
        "Why": prose(cause.sentence),
        "What to do": remedy(cause.next_step or "Read the logs."),
        "Message": prose(shorten(found.quoted, _MAX_QUOTE)),
        "Where": [evidence.uri, evidence.finding.place] if evidence else prose(cause.found_in),
    }


def _notice(
    how: str, run: str, opening: str, known: Mapping[str, Sequence[str]], labels: Iterable[str], cause: str = ""
) -> Notice:
    sections = [(label, known.get(label, ())) for label in labels]
    return Notice(subject(f"Orchard: {how},", run), message(opening, sections), cause)


def subject(text: str, run: str) -> str:
    """A subject that SNS accepts: ASCII, one line, at most 100 characters, the text whole."""
    line = shown(" ".join(f"{text} {run}".split())).encode("ascii", "replace").decode()
    return line[:_MAX_SUBJECT].strip()


def message(opening: str, sections: Iterable[Section]) -> str:
    """The body of a mail.

    Args:
        opening: What happened, a sentence or two.
        sections: Labels, and the lines below each; those without lines are left out.
    """
    parts = ["\n".join([label, *lines]) for label, lines in sections if lines]
    return shown_lines("\n\n".join(["\n".join(prose(opening)), *parts]) + "\n")
