"""What the runs of each month came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from itertools import groupby
from typing import TYPE_CHECKING, Any

from orchard.cli.output import show_table, table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from orchard.runs.listing import RunLine


@dataclass(frozen=True)
class Month:
    """The runs that started in one month.

    Attributes:
        name: `2026-11`; months begin as AWS's bills do, in UTC.
        statuses: Status → how many runs.
        minutes: How long they took together, so far.
        usd: What they have cost on AWS, US dollars, as far as that is known.
        unknown: Of how many runs it is not known: EMR forgets a cluster two months after its end.
    """

    name: str
    statuses: dict[str, int]
    minutes: float
    usd: float
    unknown: int

    @property
    def runs(self) -> int:
        return sum(self.statuses.values())

    def to_json(self) -> dict[str, Any]:
        """The month as plain data."""
        return {
            "month": self.name,
            "runs": self.runs,
            "statuses": self.statuses,
            "minutes": round(self.minutes, 1),
            "cost_usd": round(self.usd, 4),
            "cost_unknown": self.unknown,
        }


def by_month(lines: Iterable[RunLine]) -> list[Month]:
    """Add up runs.

    Args:
        lines: The runs, in any order.

    Returns:
        The months that have any, the latest first.
    """

    def month(line: RunLine) -> str:
        return f"{line.run.started.astimezone(UTC):%Y-%m}"

    found = []
    for name, group in groupby(sorted(lines, key=month, reverse=True), month):
        runs = list(group)
        costs = [line.cost.usd for line in runs]
        found.append(
            Month(
                name,
                dict(sorted(Counter(line.run.status for line in runs).items())),
                sum(line.took.total_seconds() for line in runs) / 60,
                sum(cost for cost in costs if cost is not None),
                costs.count(None),
            )
        )
    return found


def show_months(months: Sequence[Month], console: Console) -> None:
    """Write what months came to for people to read."""
    from orchard.compute.cost import ACTUAL, dollars

    table = table_of("Month", ">Runs", ">Minutes", f">{ACTUAL}", "Of them")
    for month in months:
        parts = [f"{count:,} {status}" for status, count in month.statuses.items()]
        parts += [f"{month.unknown:,} of unknown cost"] if month.unknown else []
        table.add_row(
            month.name,
            f"{month.runs:,}",
            f"{month.minutes:,.0f}",
            dollars(month.usd) if month.usd else "nothing",
            ", ".join(parts),
        )
    show_table(table, console)
