"""Inspecting takes no more memory than it is told, whatever is in a zip, and a long list takes what it must.

Each archive is inspected in a process of its own, which says itself what it took.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchard.archive.checks import DEFAULT_LIMITS
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

MIB = 2**20
SECONDS = 10

CHILD = f"""
import json, resource, sys
from dataclasses import replace
from orchard.archive.checks import DEFAULT_LIMITS, inspect
from orchard.archive.sources.open import open_source
from orchard.errors import ArchiveError
from tests.support.limited import peak_mb
resource.setrlimit(resource.RLIMIT_CPU, (10 * {SECONDS}, 10 * {SECONDS}))  # as slow as the slowest machine
try:
    found = inspect(open_source(sys.argv[1]), replace(DEFAULT_LIMITS, memory_bytes=int(sys.argv[2])))
    outcome = f"{{found.images}} images, {{found.rejected}} rejected"
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


LISTING = """
import json, resource, sys
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import md5
from orchard.archive.checks import DEFAULT_LIMITS
from orchard.archive.collection import collect
from orchard.archive.sources.prefix import list_prefix
from orchard.errors import ArchiveError
from tests.support.limited import peak_mb

class Client:
    def get_paginator(self, _):
        return self

    def paginate(self, Bucket, Prefix):
        for page in range(int(sys.argv[1]) // 1000):
            yield {"Contents": [
                {
                    "Key": f"{Prefix}{page % 50}/{page}-{number}.jpg", "Size": 5000,
                    "ETag": f'"{md5(b"%d %d" % (page, number)).hexdigest()}"', "LastModified": datetime.now(UTC),
                }
                for number in range(1000)
            ]}

limits = replace(DEFAULT_LIMITS, memory_bytes=int(sys.argv[2]))
try:
    outcome = f"{collect(['s3://b/p/'], lambda uri, left: list_prefix(uri, left, Client()), limits).images} images"
except ArchiveError as error:
    outcome = type(error).__name__
print(json.dumps({"outcome": outcome, "megabytes": peak_mb(), "seconds": 0}))
"""


def child(script: str, *words: str) -> Cost:
    """What a process says of itself."""
    done = subprocess.run([sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return Cost(**json.loads(done.stdout))


def inspected(path: Path, memory_mb: int = 3008) -> Cost:
    return child(CHILD, str(path), str(memory_mb * MIB))


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
    ],
)
def test_what_is_refused_costs_next_to_nothing(archive: Callable[[], bytes], outcome: str, tmp_path: Path) -> None:
    (tmp_path / "hostile.zip").write_bytes(archive())
    cost = inspected(tmp_path / "hostile.zip")
    assert cost.outcome == outcome
    assert cost.megabytes < 64
    assert cost.seconds < SECONDS


@pytest.mark.parametrize(("begin", "outcome"), [(b"PK\x01\x02", "LongListError"), (b"", "DamagedDirectoryError")])
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
@pytest.mark.parametrize(("count", "megabytes"), [(155_000, 100), (500_000, 160)])
def test_very_many_pictures(count: int, megabytes: int, tmp_path: Path) -> None:
    """A bound of what the columns take; the benchmarks go on to ten millions."""
    (tmp_path / "large.zip").write_bytes(uniform_zip(count))
    cost = inspected(tmp_path / "large.zip")
    assert cost.outcome == f"{count} images, 0 rejected"
    assert cost.megabytes < megabytes


@pytest.mark.slow
def test_a_prefix_with_a_million_keys_takes_no_more_than_is_reckoned_for_it_and_is_refused_with_less() -> None:
    cost = child(LISTING, "1000000", str(480 * MIB))
    assert cost.outcome == "1000000 images"
    assert cost.megabytes < 480
    refused = child(LISTING, "1000000", str(300 * MIB))
    assert refused.outcome == "LongListError"
    assert refused.megabytes < 300


PEAR = "🍐"  # one of them, and a text takes four bytes a letter


def filled(count: int, length: int, form: str) -> bytes:
    """A zip of so many empty pictures, with names of this length in bytes."""
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
    ("count", "length", "form", "outcome"),
    [
        pytest.param(200_000, 100, PEAR + "{}*/1.jpg", "200000 images, 0 rejected", id="as many classes"),
        pytest.param(200_000, 100, PEAR + "{}*\n", "NoImagesError", id="as many unsafe names"),
        pytest.param(200_000, 100, "a/" + PEAR + "{}*.jpg", "200000 images, 0 rejected", id="odd names"),
        pytest.param(200_000, 100, "a/*.x{}", "NoImagesError", id="as many kinds of file"),
        pytest.param(450, 65_000, PEAR + "{}*.jpg", "NoImagesError", id="names as long as they can be"),
    ],
)
def test_the_worst_is_within_what_is_reckoned_for_it(
    count: int, length: int, form: str, outcome: str, tmp_path: Path
) -> None:
    """It is refused with less memory than it needs by the rule, and with as much takes no more."""
    (tmp_path / "large.zip").write_bytes(filled(count, length, form))
    folders = count if form.endswith("/1.jpg") else 1
    list_bytes, folder_bytes = count * (CENTRAL.size + length), folders * (length - len("1.jpg"))
    needed = DEFAULT_LIMITS.needed_bytes(list_bytes, count, folders, folder_bytes) // MIB + 1
    print(needed)
    cost = inspected(tmp_path / "large.zip", needed)
    assert cost.outcome == outcome
    assert cost.megabytes < needed
    assert inspected(tmp_path / "large.zip", needed - 4).outcome == "LongListError"
