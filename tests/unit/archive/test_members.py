"""Reading a span: one ranged read, whole pictures, and a precise reason for each that is not."""

import tracemalloc
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from orchard.archive.checks import DEFAULT_LIMITS, inspect
from orchard.archive.errors import TruncatedArchiveError
from orchard.archive.judging import IMAGE
from orchard.archive.members import Picture, read_span
from orchard.archive.rejection import Rejection
from orchard.archive.spans import TARGET_BYTES, plan_spans
from tests.support.zips.hostile import (
    BytesSource,
    Entry,
    Forgery,
    SparseSource,
    build_zip,
    deflate,
    end_records,
    extra_field,
)

GOOD = Entry("fruits/Training/Kiwi/good.jpg", b"kiwi" * 100)


def read(archive: bytes) -> list[Picture | Rejection]:
    source = BytesSource(archive)
    return [item for span in plan_spans(inspect(source)) for item in read_span(source, span)]


def contents(items: list[Picture | Rejection]) -> dict[str, bytes]:
    return {item.path: item.content for item in items if isinstance(item, Picture)}


def test_a_picture_knows_where_it_was_and_when() -> None:
    assert read(build_zip([GOOD])) == [
        Picture(
            path="fruits/Training/Kiwi/good.jpg",
            address=f"{BytesSource(b'').uri}#fruits/Training/Kiwi/good.jpg",
            split="Training",
            label="Kiwi",
            filename="good.jpg",
            modification_time=datetime(2021, 6, 15, 12, tzinfo=UTC),
            content=GOOD.content,
        )
    ]


@pytest.mark.parametrize(
    "entry",
    [
        Entry("a.jpg", b"deflated" * 50),
        Entry("a.jpg", b"stored", method=0),
        Entry("a.jpg", b""),
        Entry("a.jpg", b"", method=0),
        Entry("a.jpg", b"descriptor" * 9, descriptor=True),
        Entry("a.jpg", b"descriptor", method=0, descriptor=True),
        Entry("a.jpg", b"long local extra", local_extra=extra_field(0x9999, b"\0" * 60_000)),
        Entry("a.jpg", b"local extra of another length", extra=extra_field(0x5455, b"\1abcd"), local_extra=b"\0" * 3),
        Entry("Pêche 🍑.jpg", b"utf-8"),
        Entry("Pêche.jpg".encode("cp437"), b"cp437"),
    ],
)
def test_members_as_tools_write_them_come_back_whole(entry: Entry) -> None:
    assert list(contents(read(build_zip([entry, GOOD]))).values()) == [entry.content, GOOD.content]


def test_one_span_is_one_read() -> None:
    archive = build_zip([Entry(f"{number}.jpg", b"x" * number) for number in range(50)])
    source = BytesSource(archive)
    (span,) = plan_spans(inspect(source))
    source.reads.clear()
    assert len(list(read_span(source, span))) == 50
    assert source.reads == [(span.start, span.length)]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (Entry("bad.jpg", b"abc", crc=1), "checksum"),
        (Entry("bad.jpg", b"abc", method=0, crc=1), "checksum"),
        (Entry("bad.jpg", b"abc" * 9, data=b"\xff\xff not deflate"), "damaged"),
        (Entry("bad.jpg", b"abc" * 99, data=deflate(b"abc" * 99)[:-3]), "cut short"),
        (Entry("bad.jpg", b"abc", data=b""), "cut short"),
        (Entry("bad.jpg", b"abcdef", size=5), "more than the declared 5 bytes"),
        (Entry("bad.jpg", b"abcdef", size=0), "more than the declared 0 bytes"),
        (Entry("bad.jpg", b"abcdef", size=7), "6 instead of the declared 7 bytes"),
        (Entry("bad.jpg", b"abcdef", method=0, size=5), "more than the declared 5 bytes"),
        (Entry("bad.jpg", b"abcdef", method=0, size=7), "6 instead of the declared 7 bytes"),
        (Entry("bad.jpg", b"abc", local_name=b"bat.jpg"), "another name"),
        (Entry("bad.jpg", b"abc", local_name=b"a/longer/name.jpg"), "another name"),
        (Entry("bad.jpg", b"abc", local_method=0), "how it is packed"),
        (Entry("bad.jpg", b"abc", local_flags=1), "how it is packed"),
    ],
)
def test_one_bad_member_is_rejected_and_the_others_go_on(bad: Entry, words: str) -> None:
    rejection, good = read(build_zip([bad, GOOD]))
    assert isinstance(rejection, Rejection)
    assert (rejection.path, rejection.stage) == ("bad.jpg", "unzip")
    assert words in rejection.reason
    assert isinstance(good, Picture)


@pytest.mark.parametrize(
    ("at", "new", "words"),
    [
        (0, b"PK\x03\x05", "no local header"),
        (26, b"\xff\xff", "another name"),
        (28, b"\xff\xff", "does not end before"),
    ],
)
def test_a_damaged_local_header_costs_one_member(at: int, new: bytes, words: str) -> None:
    archive = bytearray(build_zip([Entry("bad.jpg", b"abc"), GOOD]))
    archive[at : at + len(new)] = new
    rejection, good = read(bytes(archive))
    assert isinstance(rejection, Rejection)
    assert words in rejection.reason
    assert isinstance(good, Picture)


def test_a_method_that_was_not_checked_before_is_rejected_by_name() -> None:
    source = BytesSource(build_zip([Entry("a.jpg", b"abc", method=98), GOOD]))
    inventory = inspect(source)
    (span,) = plan_spans(replace(inventory, verdicts=np.full(2, IMAGE, np.uint8)))
    rejection, good = read_span(source, span)
    assert rejection == Rejection("a.jpg", "unzip", "compressed by PPMd, method 98")
    assert isinstance(good, Picture)


def test_a_forged_size_takes_no_more_memory_than_it_declares() -> None:
    bomb = Entry("bomb.jpg", data=deflate(b"\0" * 100_000_000), size=1000, crc=0)
    archive = build_zip([bomb, GOOD])
    source = BytesSource(archive)
    spans = plan_spans(inspect(source))
    tracemalloc.start()
    try:
        items = [item for span in spans for item in read_span(source, span)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(items[0], Rejection)
    assert "more than the declared" in items[0].reason
    assert peak < 2_000_000


def test_a_member_is_not_copied_but_for_its_content() -> None:
    source = BytesSource(build_zip([GOOD, Entry("1.jpg", b"x" * 4_000_000, method=0)]))
    (span,) = plan_spans(inspect(source))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_span(source, span)) == 2
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * span.length  # the span, and the content


def test_a_picture_of_a_gigabyte_is_rejected_and_never_read() -> None:
    """Whatever size is forged: it is held whole in memory, packed and unpacked."""
    for size in (1, 2**30):
        huge = Entry("huge.jpg", b"", method=0, size=size, compressed_size=2**30)
        start = len(GOOD.local()) + len(huge.local()) + 2**30
        directory = GOOD.central(0) + huge.central(len(GOOD.local()))
        tail = directory + end_records(2, 2, len(directory), start, Forgery())
        source = SparseSource({0: GOOD.local() + huge.local(), start: tail}, start + len(tail))
        inventory = inspect(source)
        (span,) = plan_spans(inventory)
        (rejection,) = inventory.rejections()
        assert rejection.path == "huge.jpg"
        assert "1,073,741,824 bytes; at most" in rejection.reason
        assert span.length < 1000


def test_the_longest_span_is_the_largest_picture_and_what_is_written_around_it() -> None:
    """So a task holds at most the span and one content of the same length."""
    largest = DEFAULT_LIMITS.member_bytes
    assert largest <= 4 / 3 * TARGET_BYTES  # the longest span of many pictures


def test_an_archive_that_shrank_is_an_error_and_no_rejection() -> None:
    archive = build_zip([GOOD])
    (span,) = plan_spans(inspect(BytesSource(archive)))
    with pytest.raises(TruncatedArchiveError):
        list(read_span(BytesSource(archive[: span.end - 1]), span))


def test_the_same_bytes_inflate_as_zlib_says() -> None:
    content = bytes(range(256)) * 300
    assert contents(read(build_zip([Entry("a.jpg", content)])))["a.jpg"] == zlib.decompress(deflate(content), -15)
