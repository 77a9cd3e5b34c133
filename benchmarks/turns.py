"""Measuring in turns: what disturbs a machine for a minute disturbs all contenders alike, and a ratio hardly at all."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SECONDS = "seconds"


@dataclass(frozen=True)
class Contender:
    """Somebody who does the work.

    Attributes:
        name: What the table calls it.
        run: Does the work once; gives `seconds` and whatever else was measured, by name.
        rounds: In how many of the rounds it takes part, from the first on; None for all. The slow ones take part in
            few.
    """

    name: str
    run: Callable[[], Mapping[str, float]]
    rounds: int | None = None


@dataclass(frozen=True)
class Result:
    """What one contender's runs gave.

    Attributes:
        name: The contender's.
        rounds: One mapping of measure to value a round, in order.
    """

    name: str
    rounds: tuple[Mapping[str, float], ...]

    def median(self, measure: str = SECONDS) -> float:
        """The median of a measure over the rounds."""
        return median(values[measure] for values in self.rounds)

    def spread(self, measure: str = SECONDS) -> tuple[float, float]:
        """The least and the greatest value of a measure."""
        values = [values[measure] for values in self.rounds]
        return min(values), max(values)

    def ratio(self, to: Result, measure: str = SECONDS) -> float:
        """The median, over the rounds in which both took part, of this one's value divided by the other's."""
        return median(mine[measure] / theirs[measure] for mine, theirs in zip(self.rounds, to.rounds, strict=False))


def take_turns(contenders: Sequence[Contender], rounds: int) -> dict[str, Result]:
    """Let every contender work once a round.

    Every second round goes backwards, so that nobody always follows the same neighbour.

    Args:
        contenders: Who takes part.
        rounds: How often.

    Returns:
        The results by name, in the order of the contenders.
    """
    values: dict[str, list[Mapping[str, float]]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            if contender.rounds is None or number < contender.rounds:
                began = time.monotonic()
                measured = contender.run()
                values[contender.name].append(measured)
                took = f"{measured[SECONDS]:.2f} s of {time.monotonic() - began:.0f} s"
                print(f"  round {number + 1}: {contender.name}: {took}", file=sys.stderr, flush=True)
    return {name: Result(name, tuple(measured)) for name, measured in values.items()}
