"""How a task writes its file of a table, without Spark around it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws

from orchard.jobs.rows import lists
from orchard.jobs.tables import COMPONENTS, FEATURES, IMAGES, Part, Table, write_part


def batch(first: int, rows: int) -> pa.RecordBatch:
    vectors = np.arange(first * 4, (first + rows) * 4, dtype=np.float32).reshape(rows, 4)
    names = [pa.array([f"{number}.jpg" for number in range(first, first + rows)]), pa.array(["Test"] * rows)]
    return pa.record_batch([*names, pa.array(["Kiwi"] * rows), lists(vectors)], schema=FEATURES.schema)


def test_a_part_holds_all_rows_and_says_how_many_and_how_large_it_is(tmp_path: Path) -> None:
    part = write_part(FEATURES, f"{tmp_path}/a run/features", [batch(0, 3), batch(3, 2)])
    assert part is not None
    assert Path(part.uri).parent == tmp_path / "a run" / "features"
    assert (part.rows, part.size) == (5, Path(part.uri).stat().st_size)
    assert pq.read_table(part.uri).equals(pa.Table.from_batches([batch(0, 5)]))


def test_every_part_has_a_name_of_its_own(tmp_path: Path) -> None:
    parts = [write_part(FEATURES, str(tmp_path), [batch(0, 1)]) for _ in range(2)]
    assert len({part.uri for part in parts if part}) == 2


def test_no_rows_are_no_file(tmp_path: Path) -> None:
    assert write_part(FEATURES, str(tmp_path / "features"), []) is None
    assert not (tmp_path / "features").exists()


def test_a_part_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def half() -> Iterator[pa.RecordBatch]:
        yield batch(0, 3)
        raise MemoryError

    with pytest.raises(MemoryError):
        write_part(FEATURES, str(tmp_path / "features"), half())
    assert not (tmp_path / "features").exists()


def test_a_row_group_holds_as_many_rows_as_fill_it(tmp_path: Path) -> None:
    table = replace(FEATURES, group_bytes=80)  # a batch of two vectors takes 44, of which 12 are offsets
    part = write_part(table, f"file://{tmp_path}", [batch(row * 2, 2) for row in range(8)])
    assert part is not None
    metadata = pq.read_metadata(part.uri.removeprefix("file://"))
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [4, 4, 4, 4]


@pytest.mark.parametrize("table", [IMAGES, FEATURES, COMPONENTS], ids=["images", "features", "components"])
def test_the_payload_is_stored_as_it_is(table: Table, tmp_path: Path) -> None:
    row = pa.array([None], table.schema.field(0).type)
    columns = [row if field.type == pa.string() else pa.nulls(1, field.type) for field in table.schema]
    part = write_part(table, str(tmp_path), [pa.record_batch(columns, schema=table.schema)])
    assert part is not None
    group = pq.read_metadata(part.uri).row_group(0)
    payload = group.column(group.num_columns - 1)
    assert payload.path_in_schema.split(".")[0] == table.payload
    assert not payload.has_dictionary_page
    assert not payload.is_stats_set
    assert group.column(0).is_stats_set
    assert payload.compression == ("UNCOMPRESSED" if table is IMAGES else "SNAPPY")


@mock_aws
def test_an_object_is_put_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="results", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    part = write_part(FEATURES, "s3://results/runs/x y/features", [batch(0, 3)])
    [found] = s3.list_objects_v2(Bucket="results")["Contents"]
    assert part == Part(f"s3://results/{found['Key']}", found["Size"], 3)
    content = s3.get_object(Bucket="results", Key=found["Key"])["Body"].read()
    assert pq.read_table(pa.BufferReader(content)).num_rows == 3
