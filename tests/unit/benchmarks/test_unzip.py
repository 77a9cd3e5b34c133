"""What the benchmark of unzip says of what it counted."""

from collections import Counter
from pathlib import Path

from benchmarks.s3_traffic import Traffic
from benchmarks.unzip import kinds, promises
from benchmarks.unzip_run import ARCHIVE, OURS, STUDENT, Counted
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
