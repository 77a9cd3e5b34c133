"""A member that is left out, and why."""

from __future__ import annotations

from dataclasses import dataclass

UNZIP = "unzip"
"""The stage in which this package rejects members."""


@dataclass(frozen=True, slots=True)
class Rejection:
    r"""One member that does not go on to the next stage.

    Attributes:
        path: The member's path, as decoded; bytes that cannot be decoded are shown as `\\xNN`.
        reason: Why, in plain words.
    """

    path: str
    stage: str
    reason: str
