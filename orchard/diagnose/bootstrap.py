"""A bootstrap action that failed has no step id: only the cluster's own message says which one, and on which node."""

from __future__ import annotations

import re

# "On the master instance (i-0123456789abcdef0), bootstrap action 1 returned a non-zero return code" is the message that
# mrjob has read since 2016 (mrjob/logs/bootstrap.py); both numbers may also be far apart in other wordings.
_FAILED_ACTION = re.compile(r"\b(i-[0-9a-f]{8,17})\b.*?\bbootstrap action (\d+)\b", re.DOTALL)


def bootstrap_log_uri(message: str, log_uri: str, cluster_id: str) -> str | None:
    """Where the log of a failed bootstrap action is.

    Args:
        message: The cluster's `StateChangeReason.Message`.
        log_uri: The folder of the run's logs.
        cluster_id: The cluster.

    Returns:
        The URI of the action's stderr; None if the message names no action.
    """
    found = _FAILED_ACTION.search(message)
    if found is None:
        return None
    return f"{log_uri.rstrip('/')}/{cluster_id}/node/{found[1]}/bootstrap-actions/{found[2]}/stderr.gz"
