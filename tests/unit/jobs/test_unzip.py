"""What one unzip task does with its span, without Spark around it."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from orchard.archive.checks import inspect
from orchard.archive.source import open_source
from orchard.archive.spans import plan_spans
from orchard.jobs import unzip
from tests.pictures import fruit_members, write_zip


class Reasons:
    """Stands for Spark's accumulator."""

    def __init__(self) -> None:
        self.value: dict[str, str] = {}

    def add(self, more: dict[str, str]) -> None:
        self.value.update(more)


@pytest.mark.parametrize(("batch_bytes", "most", "batches_at_most"), [(1, 1, 16), (8000, 6, 6), (1 << 30, 16, 1)])
def test_pictures_leave_in_bounded_batches_and_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_bytes: int, most: int, batches_at_most: int
) -> None:
    members = fruit_members(training=3, test=1)
    source = open_source(str(write_zip(tmp_path / "fruits.zip", members)))
    spans = [pickle.dumps(span) for span in plan_spans(inspect(source))]
    monkeypatch.setattr(unzip, "_BATCH_BYTES", batch_bytes)
    reasons = Reasons()
    read = unzip._reader(source.reference, reasons)  # type: ignore[arg-type]
    batches = list(read([pa.record_batch([pa.array(spans, pa.binary())], names=["span"])]))
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [row["path"] for row in rows] == list(members)
    assert {row["path"]: row["content"] for row in rows} == members
    assert max(batch.num_rows for batch in batches) <= most
    assert len(batches) <= batches_at_most
    assert all(batch.num_rows for batch in batches)
    assert not reasons.value
