"""The controller log of a step: what EMR's own step runner did, and the exit code that it saw."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchard.diagnose.causes import Cause, known_cause, shorten
from orchard.diagnose.finding import Finding, excerpt
from orchard.diagnose.known import QUOTE, SYMPTOM
from orchard.diagnose.records import lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXIT = re.compile(r"\bended with exit code (-?\d{1,5})\b|\bStep failed with exitCode (-?\d{1,5})\b")
_ERROR = re.compile(r"\bERROR\b|Exception: |Unable to fetch")
_NOT_ITS_OWN = ("startExec", "Synchronously wait", "Environment:", "Working dir", "redirect")
"""What begins a line that quotes the command, and with it words of ours."""

_COMMAND = " : hadoop jar "  # what follows in other lines is the command, too

_READ_OF_A_LINE = 2000
_SIGNALS = {137: 9, -9: 9, 143: 15, -15: 15}


def parse_controller_log(text: str) -> Finding | None:
    """Read a controller log. Never raises.

    Args:
        text: The whole of it, or its end.

    Returns:
        Why EMR calls the step failed; None if it does not.
    """
    lines = lines_of(text)
    own = [i for i in range(len(lines)) if not any(word in lines[i][:200] for word in _NOT_ITS_OWN)]
    for i in own:
        line = lines[i][:_READ_OF_A_LINE].partition(_COMMAND)[0]
        if _ERROR.search(line):
            cause = known_cause(line) or Cause(
                f"EMR could not run the step: {shorten(line, 200)}", "Read the step's controller log.", shorten(line)
            )
            return _finding(lines, i, cause)
    for i in reversed(own):
        found = _EXIT.search(lines[i][:_READ_OF_A_LINE])
        if found and (code := int(found[1] or found[2])):
            return _finding(lines, i, _of_exit(code, shorten(lines[i], 200)))
    return None


def _of_exit(code: int, line: str) -> Cause:
    signal = _SIGNALS.get(code)
    if signal == 9:
        return known_cause(f"exit code 137: {line}") or Cause("", "")
    if signal == 15:
        sentence = "The step was ended from outside: its cluster was terminated, or somebody cancelled it."
        return Cause(sentence, "Upload the archive again.", line, weight=SYMPTOM)
    return Cause(f"The step ended with exit code {code}.", "Read the whole log of the step.", line, weight=QUOTE)


def _finding(lines: Sequence[str], index: int, cause: Cause) -> Finding:
    return Finding(cause, index + 1, index + 1, excerpt(lines, index, index + 1))
