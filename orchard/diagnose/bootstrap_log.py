"""What a node says about a bootstrap action that failed, and where that is.

A bootstrap action has no step id: the cluster's message says which one failed and on which node, or EMR's error data,
or nobody, and then the logs have to be listed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchard.diagnose.causes import Cause, known_cause, shorten
from orchard.diagnose.chain import chain_of
from orchard.diagnose.finding import Finding, excerpt
from orchard.diagnose.known import SYMPTOM
from orchard.diagnose.records import is_noise, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# "On the master instance (i-0123456789abcdef0), bootstrap action 1 returned a non-zero return code" is the message that
# mrjob has read since 2016 (mrjob/logs/bootstrap.py); both numbers may also be far apart in other wordings.
_INSTANCE = re.compile(r"\bi-[0-9a-f]{8,17}\b")
_ACTION = re.compile(r"\bbootstrap action (\d{1,3})\b", re.IGNORECASE)
_MAX_MESSAGE = 4000

_OF_A_NODE = re.compile(
    r"/node/i-[0-9a-f]{8,17}/(?:bootstrap-actions/\d{1,3}|provision-node/[\w-]{1,80})/stderr(?:\.gz)?$"
)
_FAILED = "orchard bootstrap: failed"  # how bootstrap/install.sh says which of its lines failed
_COMPLAINT = re.compile(
    r"\b(?:error|failed|fatal|cannot|could not|no such|not found|denied|timed out)\b|\[Errno", re.IGNORECASE
)
_READ_BEFORE = 40  # lines before the end: pip's and the AWS CLI's complaints are a few lines long
_READ_OF_A_LINE = 2000


def bootstrap_log_uri(message: str, log_uri: str, cluster_id: str) -> str | None:
    """Where the log of a failed bootstrap action is.

    Args:
        message: The cluster's `StateChangeReason.Message`.

    Returns:
        The URI of the action's stderr; None if the message does not name both a node and an action.
    """
    node, action = _INSTANCE.search(message[:_MAX_MESSAGE]), _ACTION.search(message[:_MAX_MESSAGE])
    if node is None or action is None:
        return None
    return f"{log_uri.rstrip('/')}/{cluster_id}/node/{node[0]}/bootstrap-actions/{action[1]}/stderr.gz"


def error_data(entries: Iterable[Mapping[str, object]]) -> str:
    """What EMR's `ErrorDetails[].ErrorData` names, as text for `bootstrap_log_uri`: its keys vary with the error."""
    return ", ".join(
        f"bootstrap action {value}" if "bootstrap" in name.lower() and str(value).isdigit() else str(value)
        for entry in entries
        for name, value in entry.items()
    )


def node_logs(uris: Iterable[str]) -> list[str]:
    """Of the logs of a cluster those of its nodes' installation, bootstrap actions first."""
    found = [uri for uri in uris if _OF_A_NODE.search(uri)]
    return sorted(found, key=lambda uri: ("/bootstrap-actions/" not in uri, uri))


def parse_bootstrap_log(text: str) -> Finding | None:
    """Read the stderr of a bootstrap action. Never raises.

    Args:
        text: The whole of it, or its end.

    Returns:
        Why it failed; None if it does not complain.
    """
    lines = lines_of(text)
    end = next((i for i in range(len(lines) - 1, -1, -1) if lines[i].startswith(_FAILED)), None)
    stop = len(lines) if end is None else end + 1
    start = max(0, stop - _READ_BEFORE)
    traceback = chain_of(lines, start, stop).traceback
    if traceback is not None:
        return _finding(lines, traceback.first, traceback.end, traceback.error)
    complaints = [
        i for i in range(start, stop) if _COMPLAINT.search(lines[i][:_READ_OF_A_LINE]) and not is_noise(lines[i])
    ]
    if not complaints:
        return None
    others = [i for i in complaints if i != end] or complaints
    known = {i: cause for i in others if (cause := known_cause(lines[i][:_READ_OF_A_LINE]))}
    line = max(known, key=lambda i: (known[i].weight, i), default=others[-1])
    return _finding(lines, line, line + 1, lines[line][:_READ_OF_A_LINE])


def _finding(lines: Sequence[str], first: int, end: int, error: str) -> Finding:
    cause = known_cause(error) or Cause(
        f"A node could not install its Python environment: {shorten(error, 200)}",
        "Correct what it names, sam build && sam deploy, then upload the archive again.",
        shorten(error),
        weight=SYMPTOM,
    )
    return Finding(cause, first + 1, end, excerpt(lines, first, end))
