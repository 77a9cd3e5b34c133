"""What lies behind an error of AWS, Spark or Python, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchard.diagnose.known import KNOWN, PERMISSION, QUOTE


@dataclass(frozen=True)
class Cause:
    """Why something failed.

    Attributes:
        sentence: The cause in plain words.
        next_step: What to do now; a command where there is one.
        detail: The message that shows it, shortened.
        found_in: Where that message is: a URI, or what was asked.
        weight: How sure it is: `OWN_WORDS`, `ROOT_CAUSE`, `SYMPTOM` or `QUOTE`. The heaviest cause is reported.
    """

    sentence: str
    next_step: str
    detail: str = ""
    found_in: str = ""
    weight: int = QUOTE


_MAX_DETAIL = 600
_MAX_READ = 12_000
"""So much of a message is looked at, from both its ends: a message is somebody else's text, and may be endless."""

_COMPILED = tuple((re.compile(known.pattern, re.IGNORECASE), known) for known in KNOWN)

# "User: arn:aws:sts::123456789012:assumed-role/ROLE/SESSION is not authorized to perform: s3:GetObject on resource:
# \"arn:…\" because …" is how IAM tells it, whichever client prints it; S3 itself often says less.
_WHO = re.compile(r"\buser: ?\"?(arn:[\w:/.@+=,-]{1,400})", re.IGNORECASE)
_ROLE = re.compile(r"(?:assumed-role|role)/(?:[\w+=,.@-]{1,64}/){0,4}?([\w+=,.@-]{1,64})(?:/[^/]{1,200})?$")
_ACTION = re.compile(r"not authorized to perform:? ?([\w-]{1,60}:\w{1,80})", re.IGNORECASE)
_ON = re.compile(r"\bon resource:? ?\"?(arn:[^\s\"]{1,1024}|[^\s\"]{1,300})", re.IGNORECASE)
_OPERATION = re.compile(r"when calling the (\w{1,80}) operation", re.IGNORECASE)
_OBJECT = re.compile(r"\b(s3[an]?://[^\s:\"']{1,1024})")


def known_cause(text: str, found_in: str = "") -> Cause | None:
    """Recognise an error.

    Args:
        text: Its code, its message, or both.

    Returns:
        The cause, or None if the error is none that is known.
    """
    looked_at = text if len(text) <= _MAX_READ else f"{text[: _MAX_READ // 2]}\n{text[-_MAX_READ // 2 :]}"
    for pattern, known in _COMPILED:
        if pattern.search(looked_at):
            sentence = known.sentence
            if sentence == PERMISSION and (denied := denial(looked_at)):
                sentence = f"{PERMISSION.rstrip('.')}: {denied}."
            return Cause(sentence, known.next_step, shorten(text), found_in, known.weight)
    return None


def shorten(text: str, most: int = _MAX_DETAIL) -> str:
    """The text on one line, at most some hundred characters."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 4].rstrip()} ..."


def denial(text: str) -> str:
    """Tell who may not do what with what.

    Returns:
        A clause such as `the role orchard-node may not s3:GetObject on arn:…`; "" if the message says none of it.
    """
    action, operation = _ACTION.search(text), _OPERATION.search(text)
    what = action[1] if action else operation[1] if operation else ""
    on, at = _ON.search(text), _OBJECT.search(text)
    where = (on[1] if on else at[1] if at else "").rstrip(".,;")
    if not what and not where:
        return ""
    return f"{_subject(text)} may not {what or 'reach it'}" + (f" on {where}" if where else "")


def _subject(text: str) -> str:
    who = _WHO.search(text)
    if who is None:
        return "the role of that process"
    arn = who[1].rstrip(".,:")
    role = _ROLE.search(arn)
    if ":assumed-role/" in arn:
        parts = arn.split(":assumed-role/", 1)[1].split("/")
        return f"the role {parts[0]}"
    return f"the role {role[1]}" if role else arn
