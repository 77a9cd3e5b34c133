"""How much may be rejected, and how it is told when it is more."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.archive.rejection import Rejection
from orchard.archive.too_many import check_rejected
from orchard.errors import ArchiveError, TooManyRejectedError
from orchard.options import parse_share


def check(rejections: list[Rejection], images: int, limit: float, archive: str = "fruits.zip") -> None:
    check_rejected(
        len(rejections), images, limit, archives=[archive], listed="all are in rejected/", rejections=lambda: rejections
    )


def rejections(*reasons: str) -> list[Rejection]:
    return [Rejection(f"a/{number}.jpg", "unzip", reason) for number, reason in enumerate(reasons)]


def never() -> list[Rejection]:
    raise AssertionError("they need not be read")


@pytest.mark.parametrize(
    ("rejected", "images", "limit"), [(5, 95, 0.05), (0, 9, 0), (9, 0, 1), (29, 71, 0.29), (0, 0, 0)]
)
def test_exactly_the_share_that_may_be_rejected_still_may(rejected: int, images: int, limit: float) -> None:
    check_rejected(rejected, images, limit, archives=["a.zip"], listed="", rejections=never)


@pytest.mark.parametrize(("rejected", "images", "limit"), [(1, 99, 0), (6, 94, 0.05), (1, 19, 0.0499), (1, 0, 0.999)])
def test_more_than_that_fails(rejected: int, images: int, limit: float) -> None:
    with pytest.raises(TooManyRejectedError):
        check(rejections(*["bad"] * rejected), images, limit)


def test_the_error_says_how_many_why_and_what_to_do() -> None:
    bad = rejections("truncated JPEG", "empty file", "truncated JPEG", "truncated JPEG")
    with pytest.raises(TooManyRejectedError) as failure:
        check(bad, 1_235, 0.001, "my fruits.zip")
    error = failure.value
    assert isinstance(error, ArchiveError)
    assert error.headline == "4 of 1,239 images were rejected, more than the allowed 0.1%"
    assert error.cause == "3 like 'a/0.jpg': truncated JPEG; 1 like 'a/1.jpg': empty file; all are in rejected/"
    assert error.next_command == "orchard run 'my fruits.zip' --max-rejected 1%"


@pytest.mark.parametrize(
    "same",
    [
        ("it has 300,000,000 bytes; at most 268,435,456 are read", "it has 1,234,567,890 bytes; at most 9 are read"),
        ("30000x30000 is above the limit of 50 megapixels", "9000x6000 is above the limit of 50 megapixels"),
        ("damaged PNG: broken chunk b'\\x00IDA' at 0x7f00", "damaged PNG: broken chunk b'zTXt' at 0xAB"),
    ],
)
def test_reasons_that_differ_in_particulars_are_of_one_kind(same: tuple[str, str]) -> None:
    with pytest.raises(TooManyRejectedError, match=r"^2 of 2 .*: 2 like 'a/0.jpg': ") as failure:
        check(rejections(*same), 0, 0)
    assert same[0] in failure.value.cause
    assert same[1] not in failure.value.cause


def test_only_the_commonest_kinds_are_told() -> None:
    reasons = [letter * 3 for letter in "abcdefg" for _ in range(2 if letter > "b" else 1)]
    with pytest.raises(TooManyRejectedError) as failure:
        check(rejections(*reasons), 0, 0)
    told = failure.value.cause.split("; ")
    assert [part.rsplit(" ", 1)[1] for part in told[:5]] == ["ccc", "ddd", "eee", "fff", "ggg"]
    assert told[5:] == ["2 for other reasons", "all are in rejected/"]


def test_hostile_paths_neither_fill_the_page_nor_break_the_line() -> None:
    with pytest.raises(TooManyRejectedError) as failure:
        check([Rejection("a\n\x1b[31m" + "x" * 60_000, "unzip", "its name holds a control character")], 0, 0)
    assert len(failure.value.cause) < 1_000
    assert failure.value.cause.isprintable()


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_the_share_that_it_proposes_suffices_and_one_percent_less_does_not(rejected: int, images: int) -> None:
    with pytest.raises(TooManyRejectedError) as failure:
        check_rejected(rejected, images, 0, archives=["a.zip"], listed="", rejections=list)
    proposed = parse_share(failure.value.next_command.rsplit(" ", 1)[1])
    check_rejected(rejected, images, proposed, archives=["a.zip"], listed="", rejections=never)
    assert Fraction(str(proposed)) - Fraction(1, 100) < Fraction(rejected, rejected + images)
