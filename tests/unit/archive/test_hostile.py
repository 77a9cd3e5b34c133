"""Whatever is done to an archive: pictures come out as they went in, or a refusal or rejection says why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.archive.checks import inspect
from orchard.archive.errors import ArchiveRefusedError, NotAZipError, TruncatedArchiveError
from orchard.errors import ArchiveError
from tests.support.zips.fuzzing import run_fuzzing
from tests.support.zips.hostile import BytesSource
from tests.support.zips.verdicts import judge
from tests.support.zips.whole import CONTENTS, PLAIN, ZIP64

both = pytest.mark.parametrize("archive", [PLAIN, ZIP64], ids=["plain", "zip64"])


def check_outcome(archive: bytes) -> None:
    """Pictures with the right bytes, rejections with a reason, or an error that says all there is to say."""
    try:
        verdict = judge(archive)
    except ArchiveError as error:
        assert all([error.headline, error.cause, error.next_command])  # noqa: PT017 (not the only outcome)
    else:
        assert set(verdict.pictures.values()) <= set(CONTENTS.values())


@both
def test_the_untouched_archive_is_read_whole(archive: bytes) -> None:
    assert judge(archive).pictures == CONTENTS


@both
def test_an_archive_cut_at_any_byte_is_refused_as_incomplete(archive: bytes) -> None:
    for length in range(1, len(archive)):
        with pytest.raises(TruncatedArchiveError):
            inspect(BytesSource(archive[:length]))


@both
def test_an_archive_that_lost_its_beginning_is_refused_or_rejected(archive: bytes) -> None:
    for start in range(1, len(archive)):
        check_outcome(archive[start:])


@both
def test_any_byte_may_be_damaged(archive: bytes) -> None:
    for position in range(len(archive)):
        for change in (0x01, 0x80, 0xFF):
            damaged = bytearray(archive)
            damaged[position] ^= change
            check_outcome(bytes(damaged))


def test_spoilt_archives_neither_crash_nor_hang_nor_take_memory_nor_lose_a_picture() -> None:
    """Bytes flipped, cut, spliced, doubled; numbers of every record overwritten; members that lie. In 256 MB."""
    printed = run_fuzzing("archives", 600)
    assert "read whole" in printed
    assert "read in part" in printed
    assert "OverlappingMembersError" in printed


@given(st.binary(max_size=300))
def test_random_bytes_are_not_a_zip(content: bytes) -> None:
    with pytest.raises(ArchiveRefusedError):
        inspect(BytesSource(content))


@given(st.binary(max_size=100).filter(lambda tail: b"PK" not in tail))
def test_what_begins_as_something_else_is_not_a_zip(tail: bytes) -> None:
    with pytest.raises(NotAZipError):
        inspect(BytesSource(b"\x89PNG" + tail))
