"""What people are told when a run has ended: the subject and the body of a mail, and one paragraph for the console.

The mail is read on a phone: labels on lines of their own, short lines, addresses and commands unbroken.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from orchard.compute.serverless_plan import works_serverless
from orchard.diagnose.causes import shorten
from orchard.diagnose.probable import diagnose
from orchard.errors import shown, shown_lines
from orchard.notices import wording
from orchard.notices.commands import command
from orchard.notices.wording import layout_sections, prose

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchard.diagnose.gather import RunFacts
    from orchard.notices.wording import Section
    from orchard.pipeline.state import RunState

_MAX_SUBJECT = 100  # what SNS takes: ASCII, one line, up to 100 characters (Publish API model)
_MAX_QUOTE = 300
_MAX_CAUSE = 4000
_MAX_ACCOUNT = 100_000  # SNS takes 256 KiB (Publish API model), Step Functions as much as a state's data


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


def describe(state: RunState, facts: RunFacts) -> Notice:
    """Describe a run that has ended. Never raises.

    Args:
        state: What its execution knows.
        facts: What AWS knows beside it.

    Returns:
        What to tell people.
    """
    try:
        notice = compose(state, facts)
        return replace(notice, cause=shown_lines(notice.cause))
    except Exception as error:  # a plain account is better than none
        account = json.dumps(asdict(state), indent=1)[:_MAX_ACCOUNT]
        cause = f"The run ended, and describing it failed too ({type(error).__name__})."
        return Notice(subject("An Orchard run ended", ""), f"{cause} All that is known:\n\n{account}\n", cause)


def compose(state: RunState, facts: RunFacts) -> Notice:
    """What `describe` does, without its safety net."""
    run = state.run_id or "without a name"
    if state.failure is not None:
        return _refused(run, state, state.failure.cause) if state.refused else _failed(run, state, facts)
    if state.termination_failure is not None:
        return _not_terminated(run, state, facts)
    return _succeeded(run, state, facts)


def subject(text: str, run: str) -> str:
    """A subject that SNS accepts: ASCII, one line, at most 100 characters, the text whole."""
    line = shown(" ".join(f"{text} {run}".split())).encode("ascii", "replace").decode()
    return line[:_MAX_SUBJECT].strip()


def message(opening: str, sections: Iterable[Section]) -> str:
    """The body of a mail.

    Args:
        opening: What happened, a sentence or two.
        sections: Labels, and the lines below each.

    Returns:
        The text.
    """
    return shown_lines("\n".join(prose(opening)) + "\n\n" + layout_sections(sections) + "\n")


def _succeeded(run: str, state: RunState, facts: RunFacts) -> Notice:
    sections: list[Section] = [
        ("Archive", wording.archive(state)),
        ("Images", wording.images(state, facts.summary)),
        ("Features", wording.features(state, facts.summary)),
        ("Components", wording.components(facts.summary)),
        ("Time", wording.time(state, facts)),
        *wording.cost(state, facts, whole=True),
        ("Results", wording.results(state)),
        ("Next", _fetch(run, state)),
    ]
    return Notice(subject("Orchard: done,", run), message(f"Run {run} is done.", sections), "")


def _refused(run: str, state: RunState, reason: str) -> Notice:
    cause = reason or "no reason was given"
    sections: list[Section] = [
        ("Why", prose(cause)),
        ("Archive", wording.archive(state)),
        ("Next", [state.plan.remedy, "then upload the archive again."]),
    ]
    opening = f"Run {run} was refused before any cluster was created."
    return Notice(subject("Orchard: refused,", run), message(opening, sections), cause)


def _failed(run: str, state: RunState, facts: RunFacts) -> Notice:
    diagnosis = diagnose(state, facts)
    cause, evidence = diagnosis.cause, diagnosis.evidence
    step, left = facts.failed_step, wording.leftover(state)
    place = [evidence.uri, evidence.finding.place] if evidence else prose(cause.found_in)
    sections: list[Section] = [
        ("Why", prose(cause.sentence)),
        ("What to do", _lines(cause.next_step or "Read the logs.")),
        ("Message", prose(shorten(cause.detail, _MAX_QUOTE)) if cause.detail not in cause.sentence else []),
        ("Where", place),
        ("Job run" if works_serverless(state) else "Cluster", prose(left)),
        ("Archive", wording.archive(state)),
        ("Launches", wording.launches(state)),
        ("Time", wording.time(state, facts)),
        *wording.cost(state, facts),
        ("Logs", _lines(state.plan.log_uri)),
        ("Next", [command(state.bucket, "diagnose", run)]),
    ]
    opening = f"Run {run} failed{f' in the {step.stage} step' if step else ''}."
    quoted = cause.detail if cause.detail not in cause.sentence else ""
    paragraph = " ".join(part for part in (cause.sentence, quoted, left) if part)
    return Notice(subject("Orchard: failed,", run), message(opening, sections), shorten(paragraph, _MAX_CAUSE))


def _not_terminated(run: str, state: RunState, facts: RunFacts) -> Notice:
    left = wording.leftover(state)
    sections: list[Section] = [
        ("Cluster", prose(left)),
        *wording.cost(state, facts),
        ("Results", wording.results(state)),
        ("Next", [command(state.bucket, "sweep"), *_fetch(run, state)]),
    ]
    opening = f"Run {run} has its results, but its cluster may still be there."
    return Notice(subject("Orchard: cluster left over,", run), message(opening, sections), left)


def _fetch(run: str, state: RunState) -> list[str]:
    return [command(state.bucket, "report", run), command(state.bucket, "results", run, "--out", f"out/{run}")]


def _lines(text: str) -> list[str]:
    """Prose wrapped, but a command whole: it is to be copied."""
    return [text] if text.startswith(_COMMANDS) else prose(text)


_COMMANDS = ("aws ", "file ", "make ", "orchard ", "sam ", "unzip ", "zip ", "s3://", "ls ")
"""How the commands begin that errors and causes name, and addresses."""
