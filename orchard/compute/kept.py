"""A cluster that is kept after the steps of its run, and what can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchard.compute.base import Access


@dataclass(frozen=True)
class Submitted:
    """How a step is that was put on a kept cluster.

    Attributes:
        state: In the words of EMR: PENDING, RUNNING, COMPLETED, CANCELLED, FAILED, INTERRUPTED, …
        reason: Why it failed, and where its log is, as far as that is known.
    """

    state: str
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state not in ("PENDING", "RUNNING", "CANCEL_PENDING")


class Kept(Protocol):
    """What can be asked of a cluster that is kept after the steps of its run."""

    def submit(self, access: Access, cluster: str, name: str, command: Sequence[str]) -> str:
        """Put another step on it.

        Args:
            cluster: Its id.
            name: The step's, which must not be that of a stage: those are the run's own.
            command: The whole command line, as command-runner.jar takes it.

        Returns:
            The id of the step.
        """

    def look(self, access: Access, cluster: str, step: str) -> Submitted:
        """How a step is that was put on it."""
