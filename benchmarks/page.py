"""Tables in Markdown, and the page that holds them between its own sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.turns import SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.turns import Result


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        title: What it shows; a line of its own above it.
        header: The columns' names.
        rows: Cells, as they are shown.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_markdown(self) -> str:
        """The table; all columns but the first are aligned to the right."""
        lines = [f"**{self.title}**", "", _line(self.header), _line(["---", *["---:"] * (len(self.header) - 1)])]
        return "\n".join([*lines, *(_line(row) for row in self.rows)])


def compare(
    title: str,
    results: Mapping[str, Result],
    ours: str,
    more: Mapping[str, Callable[[Result], str]] | None = None,
    *,
    rate: str = "",
) -> Table:
    """The table of a contest.

    Args:
        title: What was measured.
        results: By name, in the order of the rows.
        ours: The name to which the column of ratios compares the others.
        more: Further columns: heading → what stands in it for a result.
        rate: A measure of which more is better, "images/s" say, to compare by in place of the seconds. Either way, who
            is slower has the larger ratio.
    """
    more = more or {}
    measure, unit, ratio = (rate, rate, f"{ours} ÷ it") if rate else (SECONDS, "s", f"time ÷ {ours}")
    header = ("", f"median {unit}", f"least to most {unit}", "rounds", *more, ratio)
    rows = []
    for result in results.values():
        times = results[ours].ratio(result, rate) if rate else result.ratio(results[ours])
        rows.append(
            (result.name, *_times(result, measure), *(shown(result) for shown in more.values()), f"{times:.2f}")
        )
    return Table(title, header, tuple(rows))


def growth(
    title: str,
    found: Mapping[int, Mapping[str, Result]],
    ours: str,
    more: Mapping[str, Callable[[int, Result], str]] | None = None,
) -> Table:
    """The table of a contest at several sizes, and how the time of each contender grows.

    Args:
        title: What was measured.
        found: Size → results by name; the first size is the one that the others are compared with.
        ours: The name to which the last column compares the others of the same size.
        more: Further columns: heading → what stands in it for a size and a result.
    """
    more = more or {}
    least = next(iter(found))
    header = ("", "median s", "least to most s", "rounds", f"times the {least:,}", *more, f"time ÷ {ours}")
    rows = []
    for count, results in found.items():
        for name, result in results.items():
            grown = result.median() / found[least][name].median()
            cells = (f"{name}, {count:,}", *_times(result, SECONDS), f"{grown:.1f}")
            others = (shown(count, result) for shown in more.values())
            rows.append((*cells, *others, f"{result.ratio(results[ours]):.2f}"))
    return Table(title, header, tuple(rows))


def _times(result: Result, measure: str) -> tuple[str, str, str]:
    least, most = map(_number, result.spread(measure))
    return _number(result.median(measure)), f"{least} to {most}", str(len(result.rounds))


def fill(page: str, name: str, content: str) -> str:
    """Put content between the two marks of that name, in place of what is there.

    Args:
        page: Markdown with the lines `<!-- NAME -->` and `<!-- end of NAME -->`.
        name: The marks' name.
        content: What shall stand between them.

    Raises:
        ValueError: The page has no such marks.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    between = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.DOTALL)
    filled, count = between.subn(lambda _: f"\n{content}\n\n", page)
    if count != 1:
        raise ValueError(f"the page must have {begin} and {end}, once")
    return filled


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
