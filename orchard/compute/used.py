"""What earlier runs save a run, worded once for every place that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from orchard.compute.cost import dollars
from orchard.pipeline.values import Parsed

if TYPE_CHECKING:
    from orchard.compute.estimate import Estimate


@dataclass(frozen=True)
class Used(Parsed):
    """What a plan, or a summary, says of what earlier runs have done, beside which runs these are.

    Attributes:
        known: Of how many images the features are copied.
        minutes: What the run would take longer if it did all itself, by the estimates.
        usd: What it would cost more, US dollars.
    """

    known: int = 0
    minutes: Annotated[float | None, "saved.minutes"] = None
    usd: Annotated[float | None, "saved.usd"] = None

    def in_words(self) -> list[str]:
        """A line or two; none where nothing is saved."""
        lines = [f"{self.known:,} image{' is' if self.known == 1 else 's are'} known"] if self.known else []
        if self.minutes and self.usd is not None:
            whole = round(self.minutes)
            minutes = f"about {whole} minute{'' if whole == 1 else 's'}" if whole else "less than a minute"
            lines.append(f"saves {minutes} and {dollars(self.usd)}, by the estimates")
        return lines


@dataclass(frozen=True)
class Saved:
    """What earlier runs save, by the estimates.

    Attributes:
        minutes: From the upload to the notice.
        usd: US dollars.
    """

    minutes: float
    usd: float

    @classmethod
    def of(cls, whole: Estimate, rest: Estimate) -> Saved:
        """The difference between computing everything and the rest; never less than nothing."""
        minutes, usd = whole.total_minutes - rest.total_minutes, whole.total_usd - rest.total_usd
        return cls(round(max(minutes, 0), 1), round(max(usd, 0), 3))
