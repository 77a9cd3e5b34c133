"""What one unzip task does with its span, without Spark around it."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchard.archive.checks import inspect
from orchard.archive.duplicates import picture_id
from orchard.archive.labels import split_and_label
from orchard.archive.members import read_span
from orchard.archive.rejection import UNZIP, Rejection
from orchard.archive.sources.open import open_source
from orchard.archive.spans import plan_spans
from orchard.jobs import unzip
from orchard.jobs.tables import IMAGES
from tests.support.pictures.drawn import fruit_members, write_zip


@pytest.mark.parametrize(("group_bytes", "most", "batches_at_most"), [(1, 1, 16), (8000, 6, 6), (1 << 30, 16, 1)])
def test_pictures_are_packed_into_bounded_batches_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group_bytes: int, most: int, batches_at_most: int
) -> None:
    members = fruit_members(training=3, test=1)
    source = open_source(str(write_zip(tmp_path / "fruits.zip", members)))
    [span] = plan_spans(inspect(source))
    monkeypatch.setattr(unzip, "IMAGES", replace(IMAGES, group_bytes=group_bytes))
    notes = unzip.Notes()
    batches = list(unzip.pack(notes.pictures(read_span(source, span))))
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [row["path"] for row in rows] == list(members)
    assert {row["path"]: row["content"] for row in rows} == members
    assert max(batch.num_rows for batch in batches) <= most
    assert len(batches) <= batches_at_most
    assert all(batch.num_rows for batch in batches)
    assert not notes.rejected
    assert [row[0] for row in notes.described] == [f"{source.uri}#{path}" for path in members]
    assert notes.contents.ids.tolist() == [picture_id(content) for content in members.values()]
    keys = list(notes.contents.keys)
    assert [keys[group] for group in notes.contents.groups] == [split_and_label(path) for path in members]


def test_what_is_rejected_is_set_aside() -> None:
    rejection = Rejection("a.jpg", UNZIP, "wrong checksum")
    notes = unzip.Notes()
    assert list(unzip.pack(notes.pictures([rejection]))) == []
    assert (notes.rejected, notes.described) == ([rejection], [])
    assert (notes.contents.ids.tolist(), notes.contents.gaps.tolist()) == ([], [0])
