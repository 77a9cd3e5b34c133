"""Finding the directory whatever surrounds it, and reading every kind of entry."""

import struct
import zlib
from datetime import UTC, datetime

import pytest

from orchard.archive.directory import Directory, read_directory
from orchard.archive.encoding import Naming
from orchard.archive.errors import DamagedDirectoryError, MultiDiskArchiveError, NotAZipError, TruncatedArchiveError
from orchard.archive.records import Member
from orchard.archive.sources.base import RangedSource
from tests.support.zips.hostile import (
    NOON,
    BytesSource,
    Entry,
    Forgery,
    SparseSource,
    build_zip,
    extra_field,
    zip64_extra,
)

THREE = [Entry(f"fruits/{number}.jpg", bytes([number]) * 50) for number in range(3)]
PATHS = [entry.name for entry in THREE]


def read(archive: bytes | RangedSource) -> Directory:
    return read_directory(BytesSource(archive) if isinstance(archive, bytes) else archive, lambda *_: None)


def members(archive: bytes | RangedSource) -> list[Member]:
    directory = read(archive)
    return [directory.member(number, Naming()) for number in range(len(directory))]


def paths(archive: bytes) -> list[str]:
    return [member.path for member in members(archive)]


def test_members_come_sorted_by_offset_and_bounded_by_the_next_header() -> None:
    archive = build_zip(THREE, Forgery(shuffled=[2, 0, 1]))
    assert paths(archive) == PATHS
    offsets = [member.header_offset for member in members(archive)]
    assert offsets == sorted(offsets)
    start = read(archive).start
    assert [member.end_offset for member in members(archive)] == [*offsets[1:], start]
    assert archive[start:].startswith(b"PK\x01\x02")


def test_a_member_ends_no_later_than_its_header_allows() -> None:
    """So that megabytes that no entry claims are not fetched."""
    archive = build_zip([THREE[0], Entry("gap.jpg", data=b"\0" * 500_000, compressed_size=10, size=10)])
    last = members(archive)[-1]
    assert last.end_offset - last.header_offset < 70_000


def test_all_of_a_small_archive_is_read_once() -> None:
    source = BytesSource(build_zip(THREE))
    read(source)
    assert len(source.reads) == 2  # the tail, the directory


@pytest.mark.parametrize("zip64", [False, True])
@pytest.mark.parametrize(
    "forgery",
    [
        {"comment": b"harvest of 2021"},
        {"comment": b"c" * 65_535},
        {"comment": b"PK\x05\x06 is how a zip ends, and this is more text than a record needs"},
        {"comment": build_zip([])},
        {"comment": b"x" + build_zip([]) + b"x"},
        {"comment": build_zip([Entry("other.jpg")]) + b"x"},
        {"junk": b"\r\n"},
        {"junk": build_zip([])},
        {"junk": b"\0" * 10_000},
        {"prefix": b"#!/bin/sh\nexec unzip $0\n"},
        {"prefix": b"MZ" + b"\x90" * 70_000, "comment": b"self-extracting", "junk": b"\0"},
    ],
    ids=lambda forgery: "+".join(f"{key}{len(value)}" for key, value in forgery.items()),
)
def test_the_directory_is_found_whatever_surrounds_it(forgery: dict[str, bytes], zip64: bool) -> None:
    archive = build_zip(THREE, Forgery(zip64=zip64, **forgery))
    assert paths(archive) == PATHS
    for member in members(archive):
        assert archive[member.header_offset :].startswith(b"PK\x03\x04")


def test_an_extended_zip64_record_is_found_by_its_locator() -> None:
    assert paths(build_zip(THREE, Forgery(zip64=True, zip64_extension=b"vendor data of any length"))) == PATHS


def test_a_tail_of_forged_end_records_costs_few_reads() -> None:
    forged = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, 100_000, 0, 0)
    source = BytesSource(build_zip(THREE) + b"\0" * 200_000 + forged * 2_900)
    with pytest.raises(DamagedDirectoryError):
        read(source)
    assert len(source.reads) < 15


@pytest.mark.parametrize("count", [2, 4, 0xFFFE])
def test_a_count_that_is_wrong_is_refused(count: int) -> None:
    with pytest.raises(DamagedDirectoryError, match="declares"):
        read(build_zip(THREE, Forgery(count=count)))


def test_zip64_members() -> None:
    plain = Entry("plain.jpg", b"abc")
    big = Entry("big.jpg", b"defg", size=0xFFFFFFFF, compressed_size=0xFFFFFFFF, offset=0xFFFFFFFF)
    place = len(plain.local())
    full = Entry(
        big.name, big.content, method=0, size=0xFFFFFFFF, compressed_size=0xFFFFFFFF, offset=0xFFFFFFFF,
        extra=extra_field(0x9999, b"other") + zip64_extra(4, 4, place),
    )  # fmt: skip
    member = members(build_zip([plain, full], Forgery(zip64=True)))[1]
    assert (member.size, member.compressed_size, member.header_offset) == (4, 4, place)


def test_zip64_numbers_are_only_those_that_do_not_fit() -> None:
    only_offset = Entry("1.jpg", b"defg", offset=0xFFFFFFFF, extra=zip64_extra(0))
    member = members(build_zip([only_offset]))[0]
    assert (member.size, member.header_offset) == (4, 0)


@pytest.mark.parametrize(
    "extra",
    [b"", zip64_extra(), zip64_extra(4)[:-1], extra_field(0x0001, b"1234"), b"\x01\x00\xff\xff" + b"\0" * 24],
    ids=["none", "empty", "cut", "short", "overrun"],
)
def test_a_bad_zip64_extra_is_refused(extra: bytes) -> None:
    with pytest.raises(DamagedDirectoryError, match="zip64"):
        read(build_zip([Entry("1.jpg", b"defg", size=0xFFFFFFFF, extra=extra)]))


def test_macos_archives_beyond_4_gb_lose_the_upper_half_of_offsets() -> None:
    """Archive Utility writes no zip64; offsets are in order, so what is lost can be restored."""
    video = 3 * 2**30
    entries = [Entry("a.jpg", b"a"), Entry("b.jpg", b"b"), Entry("c.jpg", b"c")]
    offsets = [0, video, 2 * video]
    start = 2 * video + 1000
    directory = b"".join(entry.central(offset % 2**32) for entry, offset in zip(entries, offsets, strict=True))
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 3, 3, len(directory), start % 2**32, 0)
    pieces = {offset: entry.local() for offset, entry in zip(offsets, entries, strict=True)}
    source = SparseSource({**pieces, start: directory + end}, start + len(directory) + len(end))
    assert [member.header_offset for member in members(source)] == offsets
    assert read(source).start == start


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (Entry("Pêche/🍑.jpg"), "Pêche/🍑.jpg"),
        (Entry("Pêche.jpg".encode("cp437"), system=0), "Pêche.jpg"),
        (Entry("Pêche.jpg".encode("cp437"), system=3), "Pêche.jpg"),
        (Entry("Pêche.jpg".encode(), system=3), "Pêche.jpg"),
        (Entry("Pêche.jpg".encode(), system=19), "Pêche.jpg"),
        (Entry("Pêche.jpg".encode(), system=0), "Pêche.jpg"),
    ],
    ids=["flagged", "dos", "unix cp437", "unix utf-8", "macos utf-8", "dos utf-8"],
)
def test_names_are_decoded_by_flag_and_system(name: Entry, path: str) -> None:
    assert paths(build_zip([name])) == [path]


def unicode_path(for_name: bytes, path: str) -> bytes:
    return extra_field(0x7075, b"\x01" + struct.pack("<I", zlib.crc32(for_name)) + path.encode())


@pytest.mark.parametrize("name", [b"P#U00eache.jpg", b"P\x88che.jpg"])
def test_a_unicode_path_replaces_the_name_it_was_written_for(name: bytes) -> None:
    archive = build_zip([Entry(name, system=0, extra=unicode_path(name, "Pêche.jpg"))])
    assert paths(archive) == ["Pêche.jpg"]
    assert not any(member.is_guess for member in members(archive))


def test_a_stale_unicode_path_is_left_out() -> None:
    """A tool that renamed the member without knowing the field leaves it behind; the CRC tells."""
    assert paths(build_zip([Entry("new.jpg", extra=unicode_path(b"old.jpg", "Pêche.jpg"))])) == ["new.jpg"]


def test_bytes_that_are_not_the_flagged_utf8_are_shown_and_reported() -> None:
    member = members(build_zip([Entry(b"a\xff.jpg", flags=0x0800)]))[0]
    assert member.path == "a\\xff.jpg"
    assert "UTF-8" in member.name_fault


def timestamp(flags: int, seconds: int) -> bytes:
    return extra_field(0x5455, struct.pack("<Bi", flags, seconds))


@pytest.mark.parametrize(
    ("extra", "dos", "modified"),
    [
        (b"", NOON, datetime(2021, 6, 15, 12, tzinfo=UTC)),
        (timestamp(1, 1_000_000_000), NOON, datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)),
        (timestamp(1, -1), NOON, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (timestamp(2, 7), NOON, datetime(2021, 6, 15, 12, tzinfo=UTC)),
        (extra_field(0x5455, b"\x01"), NOON, datetime(2021, 6, 15, 12, tzinfo=UTC)),
        (b"", (0, 0), datetime(1980, 1, 1, tzinfo=UTC)),
        (b"", (0xFFFF, 0xFFFF), datetime(1980, 1, 1, tzinfo=UTC)),
        (b"", (2 << 5 | 30, 0), datetime(1980, 1, 1, tzinfo=UTC)),
    ],
    ids=["dos", "extended", "before 1970", "no mtime", "cut", "zero", "ones", "30 February"],
)
def test_times(extra: bytes, dos: tuple[int, int], modified: datetime) -> None:
    assert members(build_zip([Entry("1.jpg", extra=extra, dos=dos)]))[0].modified == modified


def test_extra_fields_may_be_padded() -> None:
    assert paths(build_zip([Entry("1.jpg", extra=b"\0\0\0"), Entry("2.jpg", extra=b"\x99\x99\xff\xff")])) == [
        "1.jpg",
        "2.jpg",
    ]


def test_a_digital_signature_may_end_the_directory() -> None:
    assert paths(build_zip(THREE, Forgery(directory_tail=b"PK\x05\x05\x03\x00abc"))) == PATHS


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", NotAZipError, "empty"),
        (b"hello", NotAZipError, "no zip's end record"),
        (b"<!DOCTYPE html><html><body>404</body></html>" * 10, NotAZipError, "web page"),
        (b"\n  <html>", NotAZipError, "web page"),
        (b"\x1f\x8b\x08\x00" + b"\0" * 100, NotAZipError, "gzip"),
        (b"Rar!\x1a\x07\x01\x00", NotAZipError, "RAR"),
        (b"7z\xbc\xaf\x27\x1c" + b"\0" * 50, NotAZipError, "7-Zip"),
        (b"fruits/\0" + b"\0" * 10_000, NotAZipError, "no zip's end record"),
        (b"PK\x03\x04" + b"\0" * 100, TruncatedArchiveError, "missing or cut"),
        (b"PK\x03", TruncatedArchiveError, "missing or cut"),
        (b"PK\x07\x08PK\x03\x04" + b"\0" * 100, MultiDiskArchiveError, "first part"),
        (build_zip(THREE, Forgery(comment=b"harvest"))[:-1], TruncatedArchiveError, "missing or cut"),
        (build_zip(THREE, Forgery(directory_size=10)), DamagedDirectoryError, "not there"),
        (build_zip(THREE, Forgery(directory_size=0)), DamagedDirectoryError, "not there"),
        (build_zip(THREE, Forgery(directory_size=2**31)), DamagedDirectoryError, "not there"),
        (build_zip(THREE, Forgery(directory_offset=2**31)), DamagedDirectoryError, "further"),
        (build_zip(THREE, Forgery(directory_tail=b"what is this")), DamagedDirectoryError, "not valid"),
        (build_zip(THREE, Forgery(directory_tail=b"PK\x01\x02" + b"\xff" * 42)), DamagedDirectoryError, "cut off"),
        (build_zip([Entry("1.jpg", offset=2**31)]), DamagedDirectoryError, "outside"),
        (build_zip(THREE, Forgery(disk=1)), MultiDiskArchiveError, "several parts"),
        (build_zip(THREE, Forgery(here=2)), MultiDiskArchiveError, "several parts"),
        (build_zip(THREE, Forgery(zip64=True, disks=2)), MultiDiskArchiveError, "several parts"),
        (build_zip(THREE, Forgery(zip64=True, disk=1)), MultiDiskArchiveError, "several parts"),
        (build_zip([Entry("1.jpg", disk=3)]), MultiDiskArchiveError, "part 4"),
        (build_zip(THREE)[:-22] + build_zip(THREE), DamagedDirectoryError, "begins with members"),
    ],
)
def test_whatever_is_no_whole_zip_is_refused_by_name(content: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        read(content)
    assert type(caught.value) is error


def test_an_archive_cut_inside_a_stored_zip_is_not_taken_for_that_zip() -> None:
    inner = build_zip(THREE)
    outer = build_zip([Entry("first.jpg", b"x" * 100), Entry("inner.zip", inner, method=0), Entry("last.jpg", b"y")])
    cut = outer.index(inner) + len(inner)
    with pytest.raises(DamagedDirectoryError):
        read(outer[:cut])


def test_what_is_too_long_is_refused_before_it_is_read_and_what_is_too_many_before_it_is_looked_at() -> None:
    source = BytesSource(build_zip([Entry("x" * 60_000 + str(number)) for number in range(4)]))
    asked: list[tuple[int, int]] = []

    def check(list_bytes: int, members: int) -> None:
        asked.append((list_bytes, members))
        if len(asked) == 1:
            assert sum(length for _, length in source.reads) < 70_000

    read_directory(source, check)
    assert [members for _, members in asked] == [0, 4]
    assert asked[0][0] == asked[1][0] > 240_000


def test_a_long_directory_is_read_by_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchard.archive.directory._RANGE", 100)
    source = BytesSource(build_zip(THREE))
    assert len(read(source)) == 3
    assert [length for _, length in source.reads[1:]] == [100, 74]


def test_columns_are_the_same_however_many_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = build_zip(THREE, Forgery(zip64=True, shuffled=[1, 2, 0]))
    whole = members(archive)
    monkeypatch.setattr("orchard.archive.directory.CHUNK", 2)
    assert members(archive) == whole
