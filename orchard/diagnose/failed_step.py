"""The step of a run that has to be looked at, a cluster's or a job run in the words that EMR has for steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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


@dataclass(frozen=True)
class SeenStep:
    """A step that AWS was asked for.

    Attributes:
        stage: Its stage.
        id: Its id.
        status: Its `Status`; empty if nobody answered.
        log_uri: Where its stdout is.
    """

    stage: str
    id: str
    status: Mapping[str, Any]
    log_uri: str


def worst(steps: Iterable[SeenStep]) -> tuple[FailedStep | None, str]:
    """The step to look at, and its id.

    Args:
        steps: In the order of the stages.

    Returns:
        Of those that ended badly the one that says most, and of these the first; None and "" if none did.
    """
    found: list[tuple[int, FailedStep, str]] = []
    for step in steps:
        state = step.status.get("State", "")
        begun = state == "FAILED" or "StartDateTime" in step.status.get("Timeline", {})
        if state in _ENDED_BADLY and begun:
            details = step.status.get("FailureDetails", {})
            found.append((_ENDED_BADLY.index(state), FailedStep(step.stage, details, step.log_uri, state), step.id))
    if not found:
        return None, ""
    _, failed, step_id = min(found, key=lambda one: one[0])
    return failed, step_id
