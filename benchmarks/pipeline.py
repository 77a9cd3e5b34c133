"""The whole run on this machine: where its time goes, and how each part of it grows with the images."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.page import Table
from benchmarks.turns import SECONDS, Contender, take_turns
from benchmarks.whole_run import PARTS, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.data import Data
    from benchmarks.turns import Result

_SIZES = {1_000: 2, 2_000: 2, 5_000: 1, 10_000: 1, 50_000: 1}
_QUICK_SIZES = {200: 1, 400: 1}
_ALL = "all"


def measure(data: Data, *, quick: bool) -> list[Table]:
    """Run the pipeline on more and more images.

    Args:
        data: What to measure on.
        quick: On few images only, with the account's caches as they are.
    """
    sizes = _QUICK_SIZES if quick else _SIZES
    if not quick:
        run(data, min(sizes))  # fills the caches of the account: no download and no export is in what is measured
    contenders = [
        Contender(f"{images:,} images", partial(run, data, images), rounds) for images, rounds in sizes.items()
    ]
    results = take_turns(contenders, max(sizes.values()))
    measured = dict(zip(sizes, results.values(), strict=True))
    return [where_it_goes(measured), how_it_grows(measured)]


def where_it_goes(measured: Mapping[int, Result]) -> Table:
    """The seconds of each part, and its share of the run.

    Args:
        measured: The runs by their number of images.
    """
    rows = []
    for part in PARTS:
        cells = (f"{each.median(part):.1f} ({each.median(part) / each.median():.0%})" for each in measured.values())
        rows.append((part, *cells))
    totals = measured.values()
    rows.append((_ALL, *(f"{each.median():.1f}" for each in totals)))
    rows.append(("least to most", *("{:.1f} to {:.1f}".format(*each.spread()) for each in totals)))
    rows.append(("rounds", *(str(len(each.rounds)) for each in totals)))
    rows.append(("images a second", *(f"{images / each.median():.1f}" for images, each in measured.items())))
    return Table("Where the time goes: seconds (share), medians", _header(measured), tuple(rows))


def how_it_grows(measured: Mapping[int, Result]) -> Table:
    """The seconds that 1,000 images more cost in each part, between one size and the next.

    Args:
        measured: The runs by their number of images, the fewest first.
    """
    steps = list(pairwise(measured.items()))
    rows = []
    for part in (*PARTS, SECONDS):
        cells = [
            f"{(after.median(part) - before.median(part)) / (more - fewer) * 1_000:.2f}"
            for (fewer, before), (more, after) in steps
        ]
        rows.append((_ALL if part == SECONDS else part, *cells))
    header = ("", *(f"{fewer:,} to {more:,}" for (fewer, _), (more, _) in steps))
    return Table("How each part grows: seconds for 1,000 images more", header, tuple(rows))


def _header(measured: Mapping[int, Result]) -> tuple[str, ...]:
    return ("", *(f"{images:,} images" for images in measured))
