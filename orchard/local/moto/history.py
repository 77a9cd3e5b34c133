"""The history of an execution in pages, from either end.

Written for moto 5.2.5, whose `StepFunctionResponse.get_execution_history` gives all events of an execution each time,
oldest first, whatever is asked for: of a run that polls for minutes that is megabytes a look. Replaced is that method.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PAGE = 100  # events, AWS's default (GetExecutionHistory API model)


@contextmanager
def paged_histories() -> Iterator[None]:
    """Have GetExecutionHistory honour `reverseOrder`, `maxResults` and `nextToken`."""
    from moto.core.responses import ActionResult
    from moto.stepfunctions.responses import StepFunctionResponse

    def get_execution_history(self: Any) -> Any:
        history = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))
        events, token = page(
            history["events"],
            newest_first=bool(self._get_param("reverseOrder")),
            start=int(self._get_param("nextToken") or 0),
            size=int(self._get_param("maxResults") or _PAGE),
        )
        return ActionResult({"events": events} | ({"nextToken": token} if token else {}))

    with replaced(StepFunctionResponse, get_execution_history=get_execution_history):
        yield


def page(events: Sequence[Any], *, newest_first: bool, start: int, size: int) -> tuple[list[Any], str]:
    """Cut one page out of a history that is still being written.

    Args:
        events: All events so far, oldest first.
        start: The token of the page before: from the beginning, the number of events already given; from the end, the
            number of events before the last one given, so that newer events do not shift a page. 0 for the first page.

    Returns:
        The events, and the token for the next page; empty if this is the last.
    """
    if newest_first:
        end = start or len(events)
        first = max(0, end - size)
        return list(reversed(events[first:end])), str(first) if first else ""
    end = start + size
    return list(events[start:end]), str(end) if end < len(events) else ""
