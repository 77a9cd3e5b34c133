"""The matrix of hostile zips: what is damaged, by accident or on purpose, and what surrounds a zip.

Truncation and damage at every byte are in test_hostile.py. docs/hostile-input.md has all as a table.
"""

import zlib

import pytest

from orchard.archive.errors import DamagedDirectoryError, NotAZipError, TruncatedArchiveError
from orchard.errors import ArchiveError
from tests.support.zips.hostile import Entry, Forgery, build_zip, deflate, zip64_extra
from tests.support.zips.verdicts import GOOD, check_refused, judge, only_reason

PLAIN = build_zip([GOOD])
MEMBER = b"a picture" * 9


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        pytest.param(Entry("1.jpg", MEMBER, method=0, crc=1), "checksum", id="integrity: wrong CRC, stored"),
        pytest.param(Entry("1.jpg", MEMBER, crc=1), "checksum", id="integrity: wrong CRC, deflated"),
        pytest.param(Entry("1.jpg", MEMBER, crc=0, descriptor=True), "checksum", id="integrity: wrong CRC, descriptor"),
        pytest.param(Entry("1.jpg", MEMBER, data=b"\xff" * 20), "damaged", id="integrity: bad deflate stream"),
        pytest.param(Entry("1.jpg", MEMBER, data=deflate(MEMBER)[:-2]), "cut short", id="integrity: deflate cut short"),
        pytest.param(Entry("1.jpg", MEMBER, data=zlib.compress(MEMBER)), "damaged", id="integrity: zlib, not deflate"),
        pytest.param(Entry("1.jpg", MEMBER, size=80), "more than", id="integrity: longer than declared"),
        pytest.param(Entry("1.jpg", MEMBER, size=82), "81 instead of", id="integrity: shorter than declared"),
        pytest.param(Entry("1.jpg", MEMBER, local_name=b"2.jpg"), "another name", id="integrity: local name differs"),
        pytest.param(Entry("1.jpg", MEMBER, local_method=0), "how it is packed", id="integrity: local method differs"),
        pytest.param(Entry("1.jpg", MEMBER, local_flags=1), "how it is packed", id="integrity: only locally encrypted"),
        pytest.param(
            Entry("1.jpg", MEMBER, local_extra=b"\0" * 60_000, compressed_size=60_000, data=b"", size=81),
            "does not end before the next member",
            id="integrity: local extra takes the room",
        ),
    ],
)
def test_damage_to_one_member_costs_that_member(entry: Entry, words: str) -> None:
    assert words in only_reason(entry)


def test_a_header_that_is_overwritten_costs_its_member() -> None:
    """integrity: local header missing"""
    archive = build_zip([Entry("1.jpg", MEMBER), GOOD])
    verdict = judge(b"\0\0\0\0" + archive[4:])
    assert verdict.pictures == {GOOD.name: GOOD.content}
    assert verdict.rejected == [("1.jpg", "there is no local header where the directory says")]


@pytest.mark.parametrize(
    ("archive", "error", "words"),
    [
        pytest.param(PLAIN[:-22], TruncatedArchiveError, "missing", id="integrity: end record missing"),
        pytest.param(PLAIN[:-1], TruncatedArchiveError, "cut off", id="integrity: end record cut"),
        pytest.param(PLAIN[22:], DamagedDirectoryError, "further", id="integrity: beginning missing"),
        pytest.param(
            build_zip([GOOD], Forgery(directory_offset=2**32 - 2)),
            DamagedDirectoryError,
            "further",
            id="integrity: negative offset",
        ),
        pytest.param(
            build_zip([Entry("1.jpg", offset=2**32 - 2)]), DamagedDirectoryError, "outside", id="integrity: far offset"
        ),
        pytest.param(
            build_zip([Entry("1.jpg", size=0xFFFFFFFF)]), DamagedDirectoryError, "zip64", id="integrity: no zip64 extra"
        ),
        pytest.param(
            build_zip([Entry("1.jpg", size=0xFFFFFFFF, extra=zip64_extra(4)[:-1])]),
            DamagedDirectoryError,
            "zip64",
            id="integrity: zip64 extra cut",
        ),
        pytest.param(
            build_zip([Entry("1.jpg", offset=0xFFFFFFFF, extra=zip64_extra(2**64 - 1))]),
            DamagedDirectoryError,
            "outside",
            id="integrity: zip64 offset of 2^64",
        ),
        pytest.param(
            build_zip([GOOD], Forgery(zip64=True, count=2**64 - 1)),
            DamagedDirectoryError,
            "declares 18,446,744,073,709,551,615 members and lists 1",
            id="integrity: 2^64 members declared",
        ),
        pytest.param(
            build_zip([GOOD], Forgery(directory_size=2**32 - 2)),
            DamagedDirectoryError,
            "not there",
            id="integrity: directory of 4 GB declared",
        ),
        pytest.param(
            build_zip([GOOD], Forgery(directory_tail=b"PK\x05\x05\x01\x00a" + Entry("lost.jpg").central(0))),
            DamagedDirectoryError,
            "not valid",
            id="integrity: members after the directory's signature",
        ),
        pytest.param(PLAIN + PLAIN, DamagedDirectoryError, "two zips", id="integrity: two zips joined"),
        pytest.param(b"\0" * 500, NotAZipError, "no zip", id="integrity: zeros"),
    ],
)
def test_a_damaged_list_of_members_is_refused(archive: bytes, error: type[ArchiveError], words: str) -> None:
    check_refused(archive, error, words)


@pytest.mark.parametrize("zip64", [False, True], ids=["plain", "zip64"])
@pytest.mark.parametrize(
    "around",
    [
        pytest.param({"junk": b"\r\n" + b"\0" * 5000}, id="integrity: trailing junk"),
        pytest.param(
            {"comment": b"it ends with PK\x05\x06, and then this text"}, id="integrity: comment holds the end"
        ),
        pytest.param({"comment": build_zip([])}, id="integrity: comment is an empty zip"),
        pytest.param({"prefix": b"MZ" + b"\x90" * 70_000}, id="integrity: prepended data"),
        pytest.param({"prefix": b"#!/bin/sh\n", "comment": b"c" * 65_535, "junk": b"\n"}, id="integrity: all of it"),
    ],
)
def test_what_surrounds_a_zip_does_no_harm(around: dict[str, bytes], zip64: bool) -> None:
    assert judge(build_zip([GOOD], Forgery(zip64=zip64, **around))).pictures == {GOOD.name: GOOD.content}
