"""A million pictures: how unzip and the whole pca stage grow from a hundred thousand, and what their drivers hold.

The pictures are tiny (`benchmarks.many_members`), as only their number matters here, and their features drawn.
Unzip reads from the S3 of `benchmarks.s3`, ours through its relay, which counts the requests.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.data import FOLDER
from benchmarks.drawn_features import DIMENSIONS
from benchmarks.isolated import call
from benchmarks.many_members import many_members
from benchmarks.page import Table, growth
from benchmarks.turns import Contender, Result, take_turns
from benchmarks.unzip_run import OURS, STREAM, timed
from orchard.compute.prices import EU_WEST_1

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.data import Data
    from orchard.compute.prices import PriceTable

_SIZES = {100_000: 3, 1_000_000: 2}
"""Number of pictures → rounds."""

_QUICK_SIZES = {1_000: 1, 10_000: 1}
_KEPT = 50  # components

_PUT_SECONDS = 0.1
"""Of a small object at least: "roughly 100-200 milliseconds" (Amazon S3 User Guide, optimizing performance)."""

_PUTS_AT_ONCE = 10  # as of `aws s3 sync`
_PUTS_A_SECOND = 3_500
"""What S3 takes below one prefix, before it divides it (the same page)."""

_LISTED_AT_ONCE = 1_000  # ListObjectsV2


def measure(data: Data, *, quick: bool) -> list[Table]:
    """Measure both stages at each size.

    Args:
        data: Not used: no zip holds so many pictures.
        quick: Up to 10,000 pictures instead of a million, whose features take 5 GB of the disk.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    sizes = _QUICK_SIZES if quick else _SIZES
    found = {count: _unzip(_archive(count), count, rounds) for count, rounds in sizes.items()}
    return [unzipped(found), charged(found), reported(_stages(sizes))]


def unzipped(found: Mapping[int, Mapping[str, Result]]) -> Table:
    """How unzip grows with the number of images.

    Args:
        found: The results by the number of images, the fewest first.
    """

    def megabytes(measure: str) -> Callable[[int, Result], str]:
        return lambda _, result: f"{result.spread(measure)[1]:,.0f}" if measure in result.rounds[0] else ""

    more = {"driver's JVM MB": megabytes("jvm_mb"), "driver's Python MB": megabytes("python_mb")}
    return growth("Unzip of many tiny images", found, OURS, more)


def charged(found: Mapping[int, Mapping[str, Result]], prices: PriceTable = EU_WEST_1) -> Table:
    """What S3's requests cost, ours as counted and one PUT an image as computed.

    Each image is written by one request, listed with 999 others, and read by one. The PUTs take at least their latency,
    ten at once; or, with any number at once, what S3 takes in a second below one prefix.

    Args:
        found: The results by the number of images.
    """

    def row(name: str, writes: float, reads: float, *seconds: str) -> tuple[str, ...]:
        usd = (writes * prices.s3_write.usd + reads * prices.s3_read.usd) / 1_000
        return (name, f"{writes:,.0f}", f"{reads:,.0f}", f"{usd:,.4f}", *seconds)

    rows = []
    for count, results in found.items():
        seconds = (count * _PUT_SECONDS / _PUTS_AT_ONCE, count / _PUTS_A_SECOND)
        rows += [
            row(f"{OURS}, {count:,}", results[OURS].median("writes"), results[OURS].median("reads"), "", ""),
            row(
                f"one PUT an image, {count:,}", count + count / _LISTED_AT_ONCE, count, *(f"{s:,.0f}" for s in seconds)
            ),
        ]
    header = (
        *("", "requests that cost as PUT", "as GET", f"USD, prices of {prices.date}"),
        f"PUTs at {_PUT_SECONDS * 1_000:.0f} ms, {_PUTS_AT_ONCE} at once, s",
        f"PUTs at {_PUTS_A_SECOND:,} a second, s",
    )
    return Table("Requests: Orchard's counted, one PUT an image computed and not run", header, tuple(rows))


def _stages(sizes: Mapping[int, int]) -> dict[int, Result]:
    """The whole pca stage, with the report, on runs of more and more pictures with drawn features."""
    found = {}
    for count, rounds in sizes.items():
        with tempfile.TemporaryDirectory(dir=FOLDER, prefix="run-") as run:
            laid_out = call("benchmarks.pca_run:lay_out", archive=str(_archive(count)), run=run)
            stage = partial(call, "benchmarks.pca_run:measured_stage", run=run, kept=_KEPT)
            [result] = take_turns([Contender(f"{count:,}", stage)], rounds).values()
            found[count] = replace(result, rounds=tuple({**values, **laid_out} for values in result.rounds))
    return found


def reported(found: Mapping[int, Result]) -> Table:
    """How the whole pca stage grows.

    Args:
        found: The results by the number of rows, the fewest first.
    """
    least, first = next(iter(found.items()))
    rows = [
        (
            f"{count:,}",
            *(f"{result.median():.1f}", f"{result.median() / first.median():.1f}", f"{result.median('report'):.1f}"),
            *(f"{result.spread(peak)[1]:,.0f}" for peak in ("jvm_mb", "python_mb", "worker_mb")),
            *(f"{result.median('gigabytes'):.1f}", str(len(result.rounds))),
        )
        for count, result in found.items()
    ]
    times = ("rows", "median s", f"times the {least:,}", "of which report s")
    peaks = ("driver's JVM MB", "driver's Python MB", "worker's peak MB")
    title = f"The whole pca stage with its report, {_KEPT} components of {DIMENSIONS} features"
    return Table(title, (*times, *peaks, "GB of features", "rounds"), tuple(rows))


def _archive(count: int) -> Path:
    return many_members(FOLDER / f"many-{count}.zip", count)


def _unzip(archive: Path, count: int, rounds: int) -> dict[str, Result]:
    return take_turns([Contender(name, partial(timed, archive, count, name)) for name in (OURS, STREAM)], rounds)
