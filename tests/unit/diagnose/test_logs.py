"""Logs are read from their end, within bounds of memory and time, and every look is remembered."""

import gzip
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from orchard.diagnose import logs
from orchard.diagnose.logs import LogEnd, LogReader, Look


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="out")
        yield client


def put(s3: Any, body: bytes, key: str = "log.gz") -> str:  # noqa: ANN401
    s3.put_object(Bucket="out", Key=key, Body=body)
    return f"s3://out/{key}"


def read(s3: Any, body: bytes) -> tuple[LogEnd | None, str]:  # noqa: ANN401
    reader = LogReader(s3)
    end = reader.read(put(s3, body))
    return end, reader.looks[-1].outcome


def test_a_short_log_is_read_whole(s3: Any) -> None:  # noqa: ANN401
    assert read(s3, gzip.compress(b"one\ntwo\n")) == (LogEnd("one\ntwo\n"), "read")


def test_of_a_long_log_the_end_is_read_and_the_lines_are_counted_from_its_start(
    s3: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "_MAX_BYTES", 1000)
    monkeypatch.setattr(logs, "_CHUNK_BYTES", 64)
    monkeypatch.setattr(logs, "_HEAD_BYTES", 20)
    lines = [f"line {n}" for n in range(1, 1001)]
    end, _ = read(s3, gzip.compress("\n".join(lines).encode()))
    assert end is not None
    assert 900 < len(end.text) < 3000
    assert end.text.split("\n") == lines[end.skipped :]
    assert end.head == "line 1\nline 2\nline 3"[:20]


def test_of_very_many_lines_the_last_are_read(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    monkeypatch.setattr(logs, "_MAX_LINES", 10)
    lines = [f"line {n}" for n in range(1, 101)]
    end, _ = read(s3, gzip.compress("\n".join(lines).encode()))
    assert end is not None
    assert end.text.split("\n") == lines[end.skipped :] == lines[-10:]


def test_a_log_of_several_gzip_members_is_one_log(s3: Any) -> None:  # noqa: ANN401
    assert read(s3, gzip.compress(b"one\n") + gzip.compress(b"two\n"))[0] == LogEnd("one\ntwo\n")


@pytest.mark.parametrize(
    "damaged", [lambda whole: whole[:-9], lambda whole: whole[:-9] + b"\xff" * 9, lambda whole: whole + b"junk"]
)
def test_of_a_log_that_is_damaged_or_still_being_written_what_is_there_is_read(
    s3: Any,  # noqa: ANN401
    damaged: Callable[[bytes], bytes],
) -> None:
    lines = "".join(f"{number**9 % 999_999_937}\n" for number in range(4000))
    end, _ = read(s3, damaged(gzip.compress(lines.encode())))
    assert end is not None
    assert end.text[:1000] == lines[:1000]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [(b"words", "cannot be read (not gzip)"), (gzip.compress(b"", mtime=0), "empty")],
    ids=["words", "empty"],
)
def test_what_holds_nothing_is_said_to(s3: Any, body: bytes, outcome: str) -> None:  # noqa: ANN401
    assert read(s3, body)[1] == outcome


def test_what_is_absent_or_denied_or_no_address_is_said_to_be(s3: Any) -> None:  # noqa: ANN401
    reader = LogReader(s3)
    assert [reader.read(uri) for uri in ("s3://out/none.gz", "s3://gone/x.gz", "not an address")] == [None] * 3
    assert [look.outcome for look in reader.looks] == ["not there", "not there", "cannot be read (ValueError)"]


def test_folders_are_listed(s3: Any) -> None:  # noqa: ANN401
    inside = [put(s3, b"", f"logs/a/{name}") for name in ("1.gz", "2 +é.gz")]
    put(s3, b"", "logs/ab/3.gz")
    reader = LogReader(s3)
    assert reader.list("s3://out/logs/a/") == reader.list("s3://out/logs/a") == tuple(inside)
    assert reader.list("s3://out/nowhere") == reader.list("s3://gone/x") == reader.list("x") == ()
    assert [look.outcome for look in reader.looks[2:]] == [
        "nothing there", "cannot be listed (NoSuchBucket)", "cannot be listed (ValueError)",
    ]  # fmt: skip


def test_a_folder_of_very_many_logs_is_listed_in_part(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    monkeypatch.setattr(logs, "_MAX_KEYS", 3)
    for number in range(5):
        put(s3, b"", f"logs/{number}")
    assert len(LogReader(s3).list("s3://out/logs")) == 3


def test_when_time_is_up_nothing_more_is_read_and_that_is_said(s3: Any) -> None:  # noqa: ANN401
    uri, now = put(s3, gzip.compress(b"late")), [0.0]
    reader = LogReader(s3, seconds=10, clock=lambda: now[0])
    assert reader.read(uri) is not None
    now[0] = 10.0
    assert reader.read(uri) is None
    assert reader.list("s3://out/") == ()
    assert reader.looks[1:] == [
        Look(uri, "not read, for want of time"),
        Look("s3://out/", "not listed, for want of time"),
    ]


def test_a_log_that_inflates_without_end_ends_with_the_time(s3: Any) -> None:  # noqa: ANN401
    ticks = iter(range(1_000_000))
    reader = LogReader(s3, seconds=12, clock=lambda: float(next(ticks)))
    end = reader.read(put(s3, gzip.compress(b"\n" * (32 << 20))))
    assert end is not None
    assert len(end.text) + end.skipped < 24 << 20
