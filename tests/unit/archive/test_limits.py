"""Inspecting takes less than 256 MB and 10 s, whatever is in a zip.

Each archive is inspected in a process of its own, which may not take more address space than that, and says itself what
it took.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchard.archive import DEFAULT_LIMITS
from tests.support.paths import ROOT
from tests.support.zips.hostile import (
    CENTRAL,
    END,
    LOCAL,
    Entry,
    Forgery,
    build_zip,
    end_records,
    full_overlap_bomb,
    quoted_overlap_bomb,
    uniform_zip,
    zip64_extra,
)

MEMORY_MB = 256
SECONDS = 10

CHILD = f"""
import json, resource, sys
from orchard.archive import inspect, open_source
from orchard.errors import ArchiveError
from tests.support.limited import limit_memory, peak_mb
limit_memory({MEMORY_MB})
resource.setrlimit(resource.RLIMIT_CPU, (10 * {SECONDS}, 10 * {SECONDS}))  # as slow as the slowest machine
try:
    found = inspect(open_source(sys.argv[1]))
    outcome = f"{{len(found.images)}} images, {{len(found.rejected)}} rejected"
except ArchiveError as error:
    outcome = type(error).__name__
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({{"outcome": outcome, "megabytes": peak_mb(), "seconds": used.ru_utime + used.ru_stime}}))
"""


@dataclass(frozen=True)
class Cost:
    """What became of an archive, and the most memory in MiB and the processor time that it took."""

    outcome: str
    megabytes: int
    seconds: float


def inspected(path: Path) -> Cost:
    command = [sys.executable, "-c", CHILD, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return Cost(**json.loads(done.stdout))


def long_list() -> bytes:
    return build_zip([Entry(b"x" * 65_000)] * (DEFAULT_LIMITS.directory_bytes // 65_000 + 1))


def forged_ends() -> bytes:
    return b"PK\x03\x04" + END.pack(b"PK\x05\x06", 0, 0, 1, 1, 100_000, 0, 0) * 20_000


@pytest.mark.parametrize(
    ("archive", "outcome"),
    [
        pytest.param(
            lambda: build_zip([Entry("1.jpg")], Forgery(zip64=True, count=2**64 - 1)),
            "DamagedDirectoryError",
            id="2^64 entries declared",
        ),
        pytest.param(
            lambda: build_zip([Entry("1.jpg")], Forgery(zip64=True, directory_size=2**64 - 1)),
            "DamagedDirectoryError",
            id="directory of 2^64 bytes declared",
        ),
        pytest.param(
            lambda: build_zip([Entry("1.jpg", offset=0xFFFFFFFF, extra=zip64_extra(2**64 - 1))]),
            "DamagedDirectoryError",
            id="header at 2^64",
        ),
        pytest.param(
            lambda: build_zip([Entry("1.jpg", size=0xFFFFFFFF, extra=zip64_extra(2**64 - 1))]),
            "ArchiveBombError",
            id="picture of 2^64 bytes",
        ),
        pytest.param(lambda: full_overlap_bomb(20_000, b"x"), "OverlappingMembersError", id="20,000 full overlaps"),
        pytest.param(
            lambda: quoted_overlap_bomb(1000, b"\0" * 9000, zip64=True), "OverlappingMembersError", id="quoted overlaps"
        ),
        pytest.param(forged_ends, "DamagedDirectoryError", id="20,000 end records"),
        pytest.param(long_list, "ArchiveBombError", id="a longer list than is read"),
    ],
)
def test_what_is_refused_costs_next_to_nothing(archive: Callable[[], bytes], outcome: str, tmp_path: Path) -> None:
    (tmp_path / "hostile.zip").write_bytes(archive())
    cost = inspected(tmp_path / "hostile.zip")
    assert cost.outcome == outcome
    assert cost.megabytes < 64
    assert cost.seconds < SECONDS


@pytest.mark.parametrize(("begin", "outcome"), [(b"PK\x01\x02", "ArchiveBombError"), (b"", "DamagedDirectoryError")])
def test_a_directory_of_4_gb_is_not_read(begin: bytes, outcome: str, tmp_path: Path) -> None:
    """The file is there, and takes no space: it has a hole."""
    with (tmp_path / "hostile.zip").open("wb") as file:
        file.write(begin)
        place = file.seek(2**32 + 99)
        file.write(end_records(40_000_000, 40_000_000, place, 0, Forgery(zip64=True)))
    cost = inspected(tmp_path / "hostile.zip")
    assert cost.outcome == outcome
    assert cost.megabytes < 64


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "megabytes", "outcome"),
    [
        pytest.param(155_000, 128, "155000 images, 0 rejected", id="155,000 entries"),
        pytest.param(DEFAULT_LIMITS.entries + 1, 128, "ArchiveBombError", id="one entry more than is read"),
    ],
)
def test_very_many_pictures(count: int, megabytes: int, outcome: str, tmp_path: Path) -> None:
    (tmp_path / "large.zip").write_bytes(uniform_zip(count))
    cost = inspected(tmp_path / "large.zip")
    assert cost.outcome == outcome
    assert cost.megabytes < megabytes


PEAR = "🍐"  # one of them, and a text takes four bytes a letter


def filled(count: int, form: str) -> bytes:
    """A zip whose directory is as long as it may be: so many empty pictures, with names as long as they can be."""
    length = DEFAULT_LIMITS.directory_bytes // count - CENTRAL.size
    body, directory = bytearray(), bytearray()
    for number in range(count):
        name = form.format(f"{number:06}").encode()
        name = name.replace(b"*", b"a" * (length - len(name) + 1))
        crc = number * 2654435761 % 2**32  # no two alike, so that none share memory
        central = (b"PK\x01\x02", 20, 3, 20, 0x0800, 0, 0, 33, crc, 0, 0, length, 0, 0, 0, 0, 0o100644 << 16, len(body))
        body += LOCAL.pack(b"PK\x03\x04", 20, 0x0800, 0, 0, 33, 0, 0, 0, length, 0) + name
        directory += CENTRAL.pack(*central) + name
    return bytes(body + directory) + end_records(count, count, len(directory), len(body), Forgery(zip64=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "form", "outcome"),
    [
        pytest.param(DEFAULT_LIMITS.entries, PEAR + "{}*/1.jpg", "200000 images, 0 rejected", id="as many classes"),
        pytest.param(DEFAULT_LIMITS.entries, PEAR + "{}*\n", "NoImagesError", id="as many unsafe names"),
        pytest.param(450, PEAR + "{}*.jpg", "NoImagesError", id="names as long as they can be"),
    ],
)
def test_the_worst_that_the_limits_let_through(count: int, form: str, outcome: str, tmp_path: Path) -> None:
    (tmp_path / "large.zip").write_bytes(filled(count, form))
    cost = inspected(tmp_path / "large.zip")
    assert cost.outcome == outcome
    assert cost.megabytes < MEMORY_MB
