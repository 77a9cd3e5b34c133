"""The step of a run that has to be looked at, a cluster's or a job run in the words that EMR has for steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchard.layout import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDED_BADLY = ("FAILED", "INTERRUPTED", "CANCELLED", "CANCEL_PENDING", "RUNNING")
"""The states of a step that was begun and did not succeed, the most significant first."""


@dataclass(frozen=True)
class FailedStep:
    """The step that failed, or that was running when the run ended.

    Attributes:
        stage: Its stage.
        details: EMR's `FailureDetails`: `Reason`, `Message` and `LogFile`, each where EMR gives it.
        log_uri: Where its stdout is, or will be: Python's own words.
        state: EMR's step state.
    """

    stage: str
    details: Mapping[str, str]
    log_uri: str
    state: str = "FAILED"

    @property
    def failed(self) -> bool:
        """Whether it failed by itself."""
        return self.state == "FAILED"


def worst(steps: Mapping[str, Mapping[str, Any]]) -> tuple[str, Mapping[str, Any]] | None:
    """The step to look at.

    Args:
        steps: Stage → step, as `orchard.compute.base.Seen` has them.

    Returns:
        Stage and step: of those that ended badly the one that says most, and of these the first; None if none did.
    """
    found: list[tuple[int, str]] = []
    for stage in STAGES:
        status = steps.get(stage, {}).get("Status", {})
        state = status.get("State", "")
        if state in _ENDED_BADLY and (state == "FAILED" or "StartDateTime" in status.get("Timeline", {})):
            found.append((_ENDED_BADLY.index(state), stage))
    if not found:
        return None
    _, stage = min(found, key=lambda one: one[0])
    return stage, steps[stage]
