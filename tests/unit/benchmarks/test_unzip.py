"""What the benchmark of unzip says of what it counted."""

from collections import Counter
from pathlib import Path

from benchmarks.s3_traffic import Traffic
from benchmarks.turns import Result
from benchmarks.unzip import charged, growing, kinds, promises
from benchmarks.unzip_run import ARCHIVE, OURS, STREAM, STUDENT, Counted
from tests.support.pictures.drawn import fruit_members, write_zip

PATH = f"/{ARCHIVE.bucket}/{ARCHIVE.key}"


def seen(parts: int = 1, part_bytes: int = 9000, **requests: int) -> Counted:
    traffic = Traffic(Counter({(kind, PATH): count for kind, count in requests.items()}))
    return Counted(traffic, objects=parts + 5, parts=parts, part_bytes=part_bytes)


def test_promises_stand_beside_what_was_seen(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "fruits.zip", fruit_members(training=3, test=1))
    table = promises(archive, seen(GET=4, parts=3, part_bytes=80 << 20), student=9.06)
    assert [row[1:] for row in table.rows] == [("at least 8", "9.1"), ("at most 4", "4"), ("at most 3", "3")]


def test_a_small_archive_may_have_one_object_and_no_speed_is_promised(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "fruits.zip", fruit_members(training=3, test=1))
    table = promises(archive, seen(GET=3), student=None)
    assert [row[1:] for row in table.rows] == [("at most 4", "3"), ("at most 1", "1")]


def test_requests_by_kind() -> None:
    table = kinds("Requests", {OURS: seen(GET=3, HEAD=1), STUDENT: seen(PUT=1200)})
    ours, student = table.rows
    assert dict(zip(table.header[1:], ours[1:], strict=True)) == {
        **dict.fromkeys(("LIST", "PUT", "COPY", "POST", "DELETE"), "0"),
        "GET": "3",
        "HEAD": "1",
        "GETs of the archive": "3",
    }
    assert student[table.header.index("PUT")] == "1,200"


def test_time_memory_and_money_of_many_images() -> None:
    def ours(seconds: float, **more: float) -> Result:
        return Result(OURS, ({"seconds": seconds, "jvm_mb": 440.2, "python_mb": 330.7, **more},))

    found = {
        100_000: {OURS: ours(5, writes=20, reads=10), STREAM: Result(STREAM, ({"seconds": 2},))},
        1_000_000: {OURS: ours(45, writes=30, reads=25), STREAM: Result(STREAM, ({"seconds": 20},))},
    }
    grown = [(row[0], *row[4:]) for row in growing(found).rows]
    assert grown[2:] == [
        (f"{OURS}, 1,000,000", "9.0", "440", "331", "1.00"),
        (f"{STREAM}, 1,000,000", "10.0", "", "", "0.44"),
    ]
    assert [row[1:] for row in charged(found).rows] == [
        ("20", "10", "0.0001", "", ""),
        ("100,100", "100,000", "0.5405", "1,000", "29"),
        ("30", "25", "0.0002", "", ""),
        ("1,001,000", "1,000,000", "5.4050", "10,000", "286"),
    ]
