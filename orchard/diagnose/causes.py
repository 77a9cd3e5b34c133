"""What lies behind an error of AWS, Spark or Python, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchard.diagnose.denial import denial
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


def known_cause(text: str, found_in: str = "") -> Cause | None:
    """Recognise an error.

    Args:
        text: Its code, its message, or both.
        found_in: Where it was found.

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
