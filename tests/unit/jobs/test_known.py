"""Pictures are found again by their bytes, among those of which an earlier run has written down what became of them."""

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from orchard.jobs.known import REJECTED, KnownPictures, Noted, digest_of
from orchard.jobs.tables import DIGESTS, NAMES

CONTENTS = st.lists(st.binary(max_size=3), max_size=12)


def known(contents: list[bytes], rows: list[int] | None = None, told: list[str] | None = None) -> KnownPictures:
    """Pictures as they stand in two files of `digests/`."""
    half = len(contents) // 2
    files = ["part-a.parquet"] * half + ["part-b.parquet"] * (len(contents) - half)
    rows = [*range(half), *range(len(contents) - half)] if rows is None else rows
    values = ([digest_of(one) for one in contents], files, rows, told or [""] * len(contents))
    columns = [pa.array(one, field.type) for one, field in zip(values, DIGESTS.schema, strict=True)]
    whole = pa.Table.from_arrays(columns, schema=DIGESTS.schema)
    return KnownPictures.of(pa.concat_tables([whole.slice(0, half), whole.slice(half)]))


@given(CONTENTS, CONTENTS)
def test_a_picture_is_found_where_one_of_the_same_bytes_stands_and_nowhere_else(
    there: list[bytes], wanted: list[bytes]
) -> None:
    found = known(there)
    half = len(there) // 2
    for content, place in zip(wanted, found.find([digest_of(one) for one in wanted]).tolist(), strict=True):
        assert (place >= 0) == (content in there)
        if place >= 0:
            file, row = (found.table.column(name)[place].as_py() for name in ("file", "row"))
            assert there[row + (half if file == "part-b.parquet" else 0)] == content


def test_half_a_digest_is_no_digest() -> None:
    found = known([b"kiwi"])
    digest = digest_of(b"kiwi")
    assert found.find([digest]).tolist() == [0]
    assert found.find([digest[:8] + b"another!", b"another!" + digest[8:]]).tolist() == [-1, -1]


def test_the_digest_of_a_content_is_the_same_in_every_release() -> None:
    assert digest_of(b"kiwi").hex() == "78100156e0b884581c9dcb1a28350b98"


def test_what_was_rejected_is_rejected_again_and_what_is_not_as_it_is_is_counted_again() -> None:
    contents = [b"whole", b"broken", b"reduced"]
    found = known(contents, [0, REJECTED, 1], ["", "truncated JPEG", "reduced"])
    names = pa.record_batch([pa.array([f"{name}{n}" for n in range(3)]) for name in NAMES], NAMES)
    digests = [digest_of(one) for one in contents]
    noted = Noted()
    noted.know(found, names, digests, found.find(digests))
    assert noted.rejected == [("path1", "truncated JPEG")]
    assert noted.digests == [(digests[1], REJECTED, "truncated JPEG")]
    assert noted.rejected_again == 1
    assert noted.seen == Counter(reduced=1)
    [copied] = noted.found
    assert copied.column("path").to_pylist() == ["path0", "path2"]
    assert [found.table.column("row")[at].as_py() for at in copied.column("at").to_pylist()] == [0, 1]
    assert np.array_equal(copied.column("at"), found.find([digests[0], digests[2]]))


def test_what_is_computed_is_written_down_row_by_row() -> None:
    noted = Noted()
    noted.take(b"1" * 16, Counter())
    noted.reject("b.jpg", b"2" * 16, "truncated PNG")
    noted.take(b"3" * 16, Counter(["reduced", "incomplete"]))
    assert noted.digests == [
        (b"1" * 16, 0, ""),
        (b"2" * 16, REJECTED, "truncated PNG"),
        (b"3" * 16, 1, "reduced incomplete"),
    ]
    assert noted.seen == {"reduced": 1, "incomplete": 1}
    assert noted.packed() == b""
