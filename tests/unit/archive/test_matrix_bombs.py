"""The matrix of hostile zips: bombs, refused by the arithmetic of the directory before anything is inflated.

The overlapping ones are small versions of David Fifield's ("A better zip bomb", 2019): the same structure, and so the
same refusal, without the hours of compression. docs/hostile-input.md has all as a table.
"""

import zlib
from dataclasses import replace

import pytest

from orchard.archive.checks import DEFAULT_LIMITS, inspect
from orchard.archive.errors import ArchiveBombError, LongListError, NestedZipError, OverlappingMembersError
from tests.support.zips.hostile import (
    LOCAL,
    BytesSource,
    Entry,
    Forgery,
    build_zip,
    deflate,
    full_overlap_bomb,
    quoted_overlap_bomb,
    zip64_extra,
)
from tests.support.zips.verdicts import GOOD, check_refused, images_of, judge, only_reason

ZEROS = b"\0" * 2_000_000
NESTED = build_zip([Entry(f"{number}.zip", build_zip([Entry("0.jpg", ZEROS)])) for number in range(16)])


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(full_overlap_bomb(2, b"x"), id="bomb: two members are one"),
        pytest.param(full_overlap_bomb(250, ZEROS), id="bomb: full overlap"),
        pytest.param(quoted_overlap_bomb(2, ZEROS), id="bomb: quoted overlap"),
        pytest.param(quoted_overlap_bomb(250, ZEROS[:20_000]), id="bomb: like zbsm"),
        pytest.param(quoted_overlap_bomb(1000, ZEROS[:2_000]), id="bomb: like zblg"),
        pytest.param(quoted_overlap_bomb(250, ZEROS[:20_000], zip64=True), id="bomb: like zbxl"),
        pytest.param(
            build_zip([Entry("README", b"x", method=0, compressed_size=500, size=500), GOOD]),
            id="bomb: what overlaps is noise",
        ),
        pytest.param(
            build_zip([Entry(f"{n}.jpg", b"#" * 40, method=0, compressed_size=80) for n in range(2000)]),
            id="bomb: thousands of overlaps",
        ),
    ],
)
def test_members_that_share_bytes_are_refused(bomb: bytes) -> None:
    check_refused(bomb, OverlappingMembersError, "runs into what follows it")


def test_the_quoted_overlap_is_a_real_bomb() -> None:
    """Its first member unpacks to all the others' headers and what they share; it is refused for the right reason."""
    bomb = quoted_overlap_bomb(20, ZEROS)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content = inflater.decompress(bomb[LOCAL.size + len("0000.jpg") :])
    assert inflater.eof
    assert zlib.crc32(content) == LOCAL.unpack_from(bomb)[6]


@pytest.mark.parametrize(
    ("bomb", "words"),
    [
        pytest.param(build_zip([Entry("0.jpg", ZEROS)]), "2,000,000 bytes out of", id="bomb: ratio above 100"),
        pytest.param(
            build_zip([Entry(f"{n}.jpg", b"\0" * 999_999) for n in range(70)]),
            "bytes would unpack to 69,999,930",
            id="bomb: ratio above 100 in many small members",
        ),
        pytest.param(
            build_zip([Entry("0.jpg", b"x", size=0xFFFFFFFF, extra=zip64_extra(2**63))]),
            "9,223,372,036,854,775,808 bytes out of",
            id="bomb: a forged size of 2^63",
        ),
        pytest.param(
            build_zip([Entry("0.jpg", b"x", method=0, size=0xFFFFFFFE)]),
            "would become",
            id="bomb: a forged stored size",
        ),
    ],
)
def test_what_inflates_beyond_reason_is_refused(bomb: bytes, words: str) -> None:
    check_refused(bomb, ArchiveBombError, words)


def test_pictures_beyond_the_total_are_refused() -> None:
    """bomb: more than a terabyte. The members' data need not be there for the sum."""
    entries = [Entry(f"{n}.jpg", b"#" * 40, method=0) for n in range(4)]
    with pytest.raises(ArchiveBombError, match="it unpacks to 160 bytes; at most 159 are allowed"):
        inspect(BytesSource(build_zip(entries)), replace(DEFAULT_LIMITS, total_bytes=159))


def test_a_bomb_of_bombs_is_never_opened() -> None:
    """bomb: nested, like 42.zip"""
    check_refused(NESTED, NestedZipError, "it holds 16 zips, '0.zip' first")


def test_a_bomb_named_as_a_picture_is_only_bytes() -> None:
    """bomb: nested, named .jpg. That it is no picture, featurize finds out."""
    assert judge(build_zip([Entry("42.jpg", NESTED)])).pictures == {"42.jpg": NESTED}


def test_inflating_stops_at_the_declared_size() -> None:
    """bomb: huge entry, forged small size"""
    reason = only_reason(Entry("0.jpg", data=deflate(b"\0" * 50_000_000), size=1000))
    assert reason == "it unpacks to more than the declared 1,000 bytes"


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(Entry("0.jpg", b"#" * 11, method=0), id="bomb: a large picture"),
        pytest.param(Entry("0.jpg", b"#" * 11, method=0, size=1), id="bomb: a large picture, forged small size"),
        pytest.param(Entry("0.jpg", bytes(range(11)), data=b"#" * 11, size=1), id="bomb: large only when packed"),
    ],
)
def test_a_picture_that_is_too_large_to_hold_is_rejected_before_it_is_read(entry: Entry) -> None:
    found = inspect(BytesSource(build_zip([Entry("1.jpg", b"good"), entry])), replace(DEFAULT_LIMITS, member_bytes=10))
    assert [member.path for member in images_of(found)] == ["1.jpg"]
    assert [item.reason for item in found.rejections()] == ["it has 11 bytes; at most 10 are read"]


@pytest.mark.parametrize(
    ("beyond", "words"),
    [
        pytest.param(101, "the list of its members has 102 bytes", id="bomb: a longer list than memory takes"),
        pytest.param(103, "the list of its 2 members has 102 bytes", id="bomb: more members than memory takes"),
    ],
)
def test_a_directory_beyond_the_limits_is_refused(beyond: int, words: str) -> None:
    archive = BytesSource(build_zip([Entry("1.jpg"), Entry("2.jpg")], Forgery(zip64=True)))
    memory = DEFAULT_LIMITS.needed_bytes(0, 0) + beyond
    with pytest.raises(LongListError, match=words):
        inspect(archive, replace(DEFAULT_LIMITS, memory_bytes=memory))
