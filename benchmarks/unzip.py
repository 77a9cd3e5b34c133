"""From a zip in S3 to pictures that Spark can read: ours, the way most people take, and one streaming process.

All on the same S3 (`benchmarks.s3`), fresh for each measurement, and on this machine's cores, which the server shares.
Requests and bytes are counted by a relay (`benchmarks.s3_traffic`) in one run more, which also warms the disk's cache.
The others' seconds are measured straight at the server; ours through the relay too, which makes folders possible.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.data import FOLDER
from benchmarks.many_members import many_members
from benchmarks.page import Table, compare, growth
from benchmarks.s3_traffic import KINDS
from benchmarks.turns import Contender, take_turns
from benchmarks.unzip_run import FUNCTIONS, OURS, STREAM, STUDENT, counted_run, timed
from orchard.archive.checks import inspect
from orchard.archive.sources.open import open_source
from orchard.archive.spans import plan_spans
from orchard.compute.prices import EU_WEST_1

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.data import Data
    from benchmarks.turns import Result
    from benchmarks.unzip_run import Counted
    from orchard.compute.prices import PriceTable

_MB = 1e6
_BYTES_AN_OBJECT = 32 << 20
_FASTER_THAN_STUDENT = 8
_PROMISED_AT = 50_000
_STUDENT_ROUNDS = 1

_PUT_SECONDS = 0.1
"""Of a small object at least: "roughly 100-200 milliseconds" (Amazon S3 User Guide, optimizing performance)."""

_PUTS_AT_ONCE = 10  # as of `aws s3 sync`
_PUTS_A_SECOND = 3_500
"""What S3 takes below one prefix, before it divides it (the same page)."""

_LISTED_AT_ONCE = 1_000  # ListObjectsV2


def measure(data: Data, *, quick: bool) -> list[Table]:
    """Measure at one size, and how the time grows with tiny pictures.

    Args:
        data: What to measure on.
        quick: 1,000 images, and up to 10,000 tiny ones; otherwise 50,000, and up to a million.
    """
    count, rounds = (1_000, 1) if quick else (50_000, 3)
    sizes = {1_000: 1, 10_000: 1} if quick else {100_000: 3, 1_000_000: 2}
    tables = _tables(data.pictures(count), count, rounds)
    grown = {count: _grown(many_members(FOLDER / f"many-{count}.zip", count), count, sizes[count]) for count in sizes}
    return [*tables, growing(grown), charged(grown)]


def growing(found: Mapping[int, Mapping[str, Result]]) -> Table:
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


def promises(archive: Path, seen: Counted, student: float | None) -> Table:
    """What is promised of ours, beside what was seen.

    Args:
        archive: The zip.
        seen: What ours did.
        student: The student way's seconds divided by ours; None at a size at which nothing is promised.
    """
    spans = len(plan_spans(inspect(open_source(str(archive)))))
    most = max(-(-seen.part_bytes // _BYTES_AN_OBJECT), 1)
    rows = [
        (f"GETs of the archive (spans: {spans})", f"at most {spans + 3}", str(seen.archive_gets)),
        (f"objects of pictures ({seen.part_bytes / 2**20:.0f} MiB)", f"at most {most}", str(seen.parts)),
    ]
    if student is not None:
        rows.insert(0, (f"seconds of “{STUDENT}” ÷ ours", f"at least {_FASTER_THAN_STUDENT}", f"{student:.1f}"))
    return Table("What is promised", ("", "promised", "seen"), tuple(rows))


def _tables(archive: Path, count: int, rounds: int) -> list[Table]:
    seen = {name: counted_run(archive, count, name) for name in FUNCTIONS}
    contenders = [
        Contender(name, partial(timed, archive, count, name), _STUDENT_ROUNDS if name == STUDENT else None)
        for name in FUNCTIONS
    ]
    results = take_turns(contenders, rounds)

    def requests(result: Result) -> str:
        return f"{seen[result.name].traffic.requests.total():,}"

    def received(result: Result) -> str:
        return f"{seen[result.name].traffic.received / _MB:,.0f}"

    def sent(result: Result) -> str:
        return f"{seen[result.name].traffic.sent / _MB:,.0f}"

    def objects(result: Result) -> str:
        return f"{seen[result.name].objects:,}"

    size = f"{count:,} images, {archive.stat().st_size / _MB:,.0f} MB"
    more = {"requests": requests, "MB from S3": received, "MB to S3": sent, "objects": objects}
    ratio = results[STUDENT].ratio(results[OURS]) if count == _PROMISED_AT else None
    return [
        compare(f"Unzip of {size}", results, OURS, more),
        kinds(f"Requests for {count:,} images", seen),
        promises(archive, seen[OURS], ratio),
    ]


def _grown(archive: Path, count: int, rounds: int) -> dict[str, Result]:
    return take_turns([Contender(name, partial(timed, archive, count, name)) for name in (OURS, STREAM)], rounds)


def kinds(title: str, seen: Mapping[str, Counted]) -> Table:
    """Requests by kind.

    Args:
        title: The table's.
        seen: What each contender did, by name.
    """
    rows = []
    for name, one in seen.items():
        by_kind = one.traffic.by_kind()
        rows.append((name, *(f"{by_kind[kind]:,}" for kind in KINDS), f"{one.archive_gets:,}"))
    return Table(title, ("", *KINDS, "GETs of the archive"), tuple(rows))
