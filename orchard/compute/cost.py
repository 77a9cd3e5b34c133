"""What a run costs, worded once for every place that shows it: the estimate of its plan on AWS, and the actual cost.

The actual cost is the time that its cluster has existed, by the hourly rate of the run's plan. Without a cluster it is
the time that its job runs took, by the hourly rate of their workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchard.pipeline.state import PlannedCost, RunState

ACTUAL, ESTIMATE = "Actual on AWS", "Estimate on AWS"


@dataclass(frozen=True)
class Cost:
    """What a run costs on AWS.

    Attributes:
        estimate: What its plan expects of the whole run, US dollars; None without a plan.
        actual: What has been paid for EC2, EMR and EBS, or for job runs, US dollars; None if that is nothing
            yet, or is not known.
        price_date: When the prices were read.
        price_region: Where they hold, which need not be where the run is; "" if its plan does not say.
        charged: Whether anybody pays: not for a run in a local cloud.
    """

    estimate: float | None = None
    actual: float | None = None
    price_date: str = ""
    price_region: str = ""
    charged: bool = True

    @classmethod
    def of(cls, planned: PlannedCost, charged: bool, seconds: float | None = None) -> Cost:
        """What a run costs by its plan.

        Args:
            seconds: `Seen.paid_seconds`.
        """
        rate = planned.usd_per_hour if charged else None
        actual = None if rate is None or seconds is None else rate * seconds / 3600
        return cls(planned.total_usd, actual, planned.price_date, planned.region, charged)

    @property
    def usd(self) -> float | None:
        """What was paid so far, US dollars; None if that is not known."""
        return self.actual if self.charged else 0.0

    @property
    def short(self) -> str:
        """What was paid, in a word; empty if that is not known."""
        return "" if self.usd is None else dollars(self.usd) if self.usd else "nothing"

    def phrase(self, so_far: str = "") -> str:
        """The cost within a sentence; empty if nothing is known of it.

        Args:
            so_far: ` so far` for a run that goes on.
        """
        if not self.charged:
            guess = "" if self.estimate is None else f", estimate on AWS {dollars(self.estimate)}"
            return f"free on this machine{guess}"
        return "" if self.actual is None else f"actual on AWS {dollars(self.actual)}{so_far}"

    def rows(self, paid: str = "", so_far: str = "") -> list[tuple[str, str]]:
        """The cost as titles and texts; none if nothing is known of it.

        Args:
            paid: What is paid for, `cluster` or `job runs`.
            so_far: As in `phrase`.
        """
        where = f" in {self.price_region}" if self.price_region else ""
        prices = f", at prices of {self.price_date}{where}" if self.price_date else ""
        found = [] if self.charged else [("Cost", "nothing, on this machine")]
        if self.actual is not None:
            found.append((ACTUAL, f"{dollars(self.actual)}{so_far} for the {paid}{prices}"))
        if self.estimate is not None:
            found.append((ESTIMATE, f"{dollars(self.estimate)} for the whole run{prices}"))
        return found


def dollars(usd: float) -> str:
    """An amount to the cent."""
    return f"${usd:,.2f}" if usd >= 0.005 else "under $0.01"


def cost_of(state: RunState, seconds: float | None) -> Cost:
    """What a run costs.

    Args:
        seconds: `Seen.paid_seconds`.
    """
    return Cost.of(state.plan.estimate, state.plan.charged, seconds)
