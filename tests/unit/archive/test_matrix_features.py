"""The matrix of hostile zips: what zips may have, and what is no zip. docs/hostile-input.md has it as a table."""

import io
import struct
import tarfile
import zlib

import pytest

from orchard.archive.checks import inspect
from orchard.archive.errors import (
    EncryptedArchiveError,
    MultiDiskArchiveError,
    NoImagesError,
    NotAZipError,
    TruncatedArchiveError,
)
from orchard.archive.members import read_span
from orchard.archive.spans import plan_spans
from orchard.errors import ArchiveError
from tests.support.zips.hostile import BytesSource, Entry, Forgery, build_zip, extra_field, uniform_zip, zip64_extra
from tests.support.zips.verdicts import GOOD, check_refused, judge, only_reason


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        pytest.param(Entry("1.jpg", b"?", flags=0x0001), EncryptedArchiveError, id="feature: encrypted"),
        pytest.param(Entry("1.jpg", b"?", flags=0x0041), EncryptedArchiveError, id="feature: strongly encrypted"),
        pytest.param(Entry("1.jpg", b"?", flags=0x0001, method=99), EncryptedArchiveError, id="feature: AES"),
        pytest.param(Entry("README", b"?", flags=0x0001), EncryptedArchiveError, id="feature: only noise is encrypted"),
        pytest.param(Entry("1.jpg", disk=2), MultiDiskArchiveError, id="feature: member on another disk"),
    ],
)
def test_a_member_that_needs_more_than_this_file_refuses_it(entry: Entry, error: type[ArchiveError]) -> None:
    check_refused(build_zip([GOOD, entry]), error, "password" if error is EncryptedArchiveError else "entry 2")


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(build_zip([GOOD], Forgery(disk=1)), id="feature: multi-disk"),
        pytest.param(build_zip([GOOD], Forgery(zip64=True, disks=2)), id="feature: multi-disk, zip64"),
        pytest.param(b"PK\x07\x08" + build_zip([GOOD])[:-30], id="feature: multi-disk, first part"),
    ],
)
def test_a_part_of_an_archive_is_refused(archive: bytes) -> None:
    with pytest.raises(MultiDiskArchiveError):
        inspect(BytesSource(archive))


@pytest.mark.parametrize(
    ("method", "name"),
    [
        pytest.param(98, "PPMd", id="feature: PPMd"),
        pytest.param(99, "AES", id="feature: AES without its flag"),
        pytest.param(0xFFFF, "a method that has no name", id="feature: unknown method"),
    ],
)
def test_a_method_that_is_not_read_is_named(method: int, name: str) -> None:
    assert only_reason(Entry("1.jpg", b"picture", method=method)) == f"compressed by {name}, method {method}"


OFFSET = len(GOOD.local())
BIG = 0xFFFFFFFF


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(Entry("1.jpg", b"picture" * 9, descriptor=True), id="feature: data descriptor, deflated"),
        pytest.param(Entry("1.jpg", b"picture" * 9, descriptor=True, method=0), id="feature: data descriptor, stored"),
        pytest.param(
            Entry(
                "1.jpg", b"picture", method=0, data=b"picture" + b"PK\x07\x08" + struct.pack("<IQQ", 1, 7, 7),
                compressed_size=7,
            ),
            id="feature: zip64 data descriptor",
        ),
        pytest.param(Entry("1.jpg", b"", method=0), id="feature: empty member"),
        pytest.param(Entry("1.jpg", b"", method=8), id="feature: empty member, deflated"),
    ],
)  # fmt: skip
def test_members_of_every_form_are_read(entry: Entry) -> None:
    assert judge(build_zip([GOOD, entry, Entry("2.jpg", b"next")])).pictures == {
        GOOD.name: GOOD.content,
        "1.jpg": entry.content,
        "2.jpg": b"next",
    }


@pytest.mark.parametrize("numbers", [(7, 7, OFFSET), (7, 7), (7,)], ids=lambda n: f"feature: zip64 member, {len(n)}")
def test_zip64_members_have_their_numbers_in_an_extra_field(numbers: tuple[int, ...]) -> None:
    size, compressed, offset = (*[BIG] * len(numbers), *[None] * (3 - len(numbers)))
    zip64 = Entry("1.jpg", b"picture", 0, size=size, compressed_size=compressed, offset=offset)
    entry = Entry(**{**vars(zip64), "extra": zip64_extra(*numbers)})
    assert judge(build_zip([GOOD, entry], Forgery(zip64=True))).pictures["1.jpg"] == b"picture"


@pytest.mark.parametrize(
    ("count", "zip64", "declared"),
    [
        pytest.param(65_535, False, None, id="feature: 65,535 entries"),
        pytest.param(65_536, True, None, id="feature: 65,536 entries"),
        pytest.param(65_536, False, 0, id="feature: 65,536 entries, count wrapped to 0"),
        pytest.param(70_000, False, 4_464, id="feature: 70,000 entries, count wrapped"),
        pytest.param(70_000, False, 0xFFFF, id="feature: 70,000 entries, count stopped at its largest"),
        pytest.param(155_000, True, None, id="feature: 155,000 entries", marks=pytest.mark.slow),
        pytest.param(155_000, False, 155_000 % 65_536, id="feature: 155,000, wrapped", marks=pytest.mark.slow),
    ],
)
def test_every_member_is_found_however_many(count: int, zip64: bool, declared: int | None) -> None:
    source = BytesSource(uniform_zip(count, zip64=zip64, declared=declared))
    found = inspect(source)
    assert (found.entries, found.images) == (count, count)
    last = plan_spans(found, target_bytes=1000)[-1]
    assert [item.path for item in read_span(source, last)][-1] == f"{count - 1:06}.jpg"


def unicode_path(name: bytes, path: str) -> bytes:
    return extra_field(0x7075, b"\x01" + zlib.crc32(name).to_bytes(4, "little") + path.encode())


@pytest.mark.parametrize(
    ("name", "flags", "extra", "path"),
    [
        pytest.param("Pêche.jpg".encode(), 0x0800, b"", "Pêche.jpg", id="feature: UTF-8 flag"),
        pytest.param("Pêche.jpg".encode("cp437"), 0, b"", "Pêche.jpg", id="feature: cp437"),
        pytest.param("Pêche.jpg".encode(), 0, b"", "Pêche.jpg", id="feature: UTF-8 without its flag"),
        pytest.param(b"P.jpg", 0, unicode_path(b"P.jpg", "Pêche.jpg"), "Pêche.jpg", id="feature: unicode path"),
        pytest.param(b"P.jpg", 0, unicode_path(b"Q.jpg", "Pêche.jpg"), "P.jpg", id="feature: unicode path, stale"),
        pytest.param(b"P.jpg", 0, extra_field(0x7075, b"\x01"), "P.jpg", id="feature: unicode path, cut"),
    ],
)
def test_names_are_read_as_they_were_meant(name: bytes, flags: int, extra: bytes, path: str) -> None:
    assert judge(build_zip([Entry(name, b"x", flags=flags, extra=extra, system=0)])).pictures == {path: b"x"}


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        pytest.param(b"P\xff.jpg", b"", id="feature: UTF-8 flag on what is not"),
        pytest.param(b"P.jpg", unicode_path(b"P.jpg", "../P.jpg"), id="feature: unicode path climbs out"),
    ],
)
def test_names_that_mean_harm_are_rejected(name: bytes, extra: bytes) -> None:
    assert only_reason(Entry(name, b"x", flags=0x0800, extra=extra))


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("fruits/1.jpg"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        pytest.param(b"", NotAZipError, "it is empty", id="size: 0 bytes"),
        pytest.param(build_zip([]), NoImagesError, "it is empty", id="size: 22 bytes, an empty zip"),
        pytest.param(b"PK\x03\x04", TruncatedArchiveError, "missing", id="size: 4 bytes of a zip"),
        pytest.param(b"<!DOCTYPE html><html><body>404", NotAZipError, "web page", id="size: HTML"),
        pytest.param(tar(), NotAZipError, "no zip's end record", id="size: a tar named .zip"),
        pytest.param(b"\x1f\x8b\x08" + b"\0" * 50, NotAZipError, "gzip", id="size: a tar.gz named .zip"),
    ],
)
def test_what_is_no_zip_is_said_to_be_none(content: bytes, error: type[ArchiveError], words: str) -> None:
    check_refused(content, error, words)
