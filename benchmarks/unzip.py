"""From a zip in S3 to pictures that Spark can read: ours, the way most people take, and one streaming process.

All on the same S3 (`benchmarks.s3`), fresh for each measurement, and on this machine's cores, which the server shares.
Requests and bytes are counted by a relay (`benchmarks.s3_traffic`) in one run more, which also warms the disk's cache.
The others' seconds are measured straight at the server; ours through the relay too, which makes folders possible.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.page import Table, compare
from benchmarks.s3_traffic import KINDS
from benchmarks.turns import Contender, take_turns
from benchmarks.unzip_run import FUNCTIONS, OURS, STUDENT, counted_run, timed
from orchard.archive.checks import inspect
from orchard.archive.sources.open import open_source
from orchard.archive.spans import plan_spans

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.data import Data
    from benchmarks.turns import Result
    from benchmarks.unzip_run import Counted

_MB = 1e6
_BYTES_AN_OBJECT = 32 << 20
_FASTER_THAN_STUDENT = 8
_PROMISED_AT = 50_000
_STUDENT_ROUNDS = 1


def measure(data: Data, *, quick: bool) -> list[Table]:
    """Measure at one size.

    Args:
        data: What to measure on.
        quick: 1,000 images; otherwise 50,000.
    """
    sizes = {1_000: 1} if quick else {50_000: 3}
    return [table for count, rounds in sizes.items() for table in _tables(data.pictures(count), count, rounds)]


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
