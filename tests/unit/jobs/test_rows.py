"""What a Python worker reads, without a JVM."""

from pathlib import Path

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from orchard.archive.errors import SourceMissingError
from orchard.archive.sources.files import FileSource
from orchard.jobs.rows import Piece, cut, lists, matrix, read_rows, share_out

VECTORS = np.arange(24, dtype=np.float32).reshape(6, 4)


def table(first: int, end: int) -> pa.Table:
    return pa.table(
        {
            "path": [f"{number}.jpg" for number in range(first, end)],
            "split": ["Test" if number % 3 == 2 else "Training" for number in range(first, end)],
            "label": ["Kiwi"] * (end - first),
            "features": pa.array(VECTORS[first:end].tolist(), pa.list_(pa.float32())),
        }
    )


@pytest.fixture
def files(tmp_path: Path) -> list[Piece]:
    pq.write_table(table(0, 4), tmp_path / "a file.parquet", row_group_size=3)
    pq.write_table(table(4, 6), tmp_path / "b.parquet")
    return [Piece(str(tmp_path / "a file.parquet"), 1), Piece(f"file://{tmp_path}/b.parquet", 1)]


def vectors_of(batches: list[pa.RecordBatch]) -> np.ndarray:
    return np.concatenate([matrix(batch.column("features")) for batch in batches])


def test_every_row_of_every_file_is_read_in_order_with_the_columns_asked_for(files: list[Piece]) -> None:
    batches = list(read_rows(files, ["path", "features"]))
    assert {tuple(batch.schema.names) for batch in batches} == {("path", "features")}
    np.testing.assert_array_equal(vectors_of(batches), VECTORS)


def test_only_the_rows_of_a_split_are_read(files: list[Piece]) -> None:
    batches = list(read_rows(files, ["features"], split="Test"))
    assert {tuple(batch.schema.names) for batch in batches} == {("features",)}
    np.testing.assert_array_equal(vectors_of(batches), VECTORS[2::3])


@pytest.mark.parametrize(("statistics", "share"), [(["path"], 0.1), ([], 0.2)], ids=["in order", "without statistics"])
def test_of_row_groups_without_a_picture_that_is_wanted_no_picture_is_read(
    tmp_path: Path, statistics: list[str], share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = np.random.default_rng(1).bytes(1000)
    names = [f"{number:04}.jpg" for number in range(2000)]
    pictures = pa.table({"content": [content] * 2000, "path": names})
    kept_as_it_is = {"use_dictionary": False, "compression": "none"}
    pq.write_table(pictures, tmp_path / "p", row_group_size=20, write_statistics=statistics, **kept_as_it_is)
    fetched: list[int] = []
    whole = FileSource.read

    def counted(source: FileSource, start: int, length: int) -> bytes:
        fetched.append(length)
        return whole(source, start, length)

    monkeypatch.setattr(FileSource, "read", counted)
    wanted = ["0000x.jpg", *names[41:44], names[1999], "x.jpg"]
    found = list(read_rows([Piece(str(tmp_path / "p"), 1)], ["content"], paths=wanted))
    assert {tuple(batch.schema.names) for batch in found} == {("content",)}
    assert sum(batch.num_rows for batch in found) == 4
    assert sum(fetched) < share * (tmp_path / "p").stat().st_size
    assert list(read_rows([Piece(str(tmp_path / "p"), 1)], ["content"], paths=[])) == []


def test_files_without_rows_give_no_batch(tmp_path: Path, files: list[Piece]) -> None:
    pq.write_table(table(0, 0), tmp_path / "none.parquet")
    assert list(read_rows([Piece(str(tmp_path / "none.parquet"), 1)], ["features"])) == []
    assert list(read_rows(files, ["features"], split="Validation")) == []


def test_a_matrix_shares_the_memory_of_the_column(files: list[Piece]) -> None:
    column = next(iter(read_rows(files, ["features"]))).column("features")
    assert np.shares_memory(matrix(column), column.flatten().to_numpy())


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError):
        list(read_rows([Piece(str(tmp_path / "gone.parquet"), 1)], ["features"]))


@mock_aws
def test_an_object_is_read_by_ranges_of_the_columns_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    large = pa.table(
        {"other": np.random.default_rng(1).random(200_000), "features": [[float(n)] for n in range(200_000)]}
    )
    pq.write_table(large, tmp_path / "large.parquet", use_dictionary=False)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="results", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.upload_file(str(tmp_path / "large.parquet"), "results", "runs/x/features/part 1.parquet")
    fetched: list[int] = []
    read = "orchard.archive.sources.s3.S3Source.read"
    from orchard.archive.sources.s3 import S3Source

    whole = S3Source.read

    def counted(source: S3Source, start: int, length: int) -> bytes:
        fetched.append(length)
        return whole(source, start, length)

    monkeypatch.setattr(read, counted)
    batches = list(read_rows([Piece("s3a://results/runs/x/features/part 1.parquet", 1)], ["features"]))
    np.testing.assert_array_equal(vectors_of(batches).ravel(), np.arange(200_000))
    column = pq.ParquetFile(tmp_path / "large.parquet").metadata.row_group(0).column(1).total_compressed_size
    assert sum(fetched) < column + (1 << 17), "the column and the footer, and nothing of the other column"
    assert len(fetched) <= 3


@pytest.mark.parametrize("pieces", [1, 2, 3, 7])
def test_the_pieces_of_a_file_hold_each_row_group_once(tmp_path: Path, pieces: int) -> None:
    pq.write_table(table(0, 6), tmp_path / "six.parquet", row_group_size=1)
    cuts = cut({str(tmp_path / "six.parquet"): 60}, -(-60 // pieces))
    read = [[row for batch in read_rows([piece], ["path"]) for row in batch["path"].to_pylist()] for piece in cuts]
    assert [path for rows in read for path in rows] == [f"{number}.jpg" for number in range(6)]
    assert len(read) == pieces
    assert max(map(len, read)) - min(map(len, read)) <= 1


def test_no_more_rows_are_read_at_once_than_asked_for(files: list[Piece]) -> None:
    assert {batch.num_rows for batch in read_rows(files, ["features"], rows=2)} <= {1, 2}


def test_the_rows_of_a_matrix_become_lists_and_a_matrix_again() -> None:
    column = lists(VECTORS)
    assert column.to_pylist() == VECTORS.tolist()
    np.testing.assert_array_equal(matrix(column[1:4]), VECTORS[1:4])


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 100), max_size=12), st.integers(1, 5))
def test_pieces_are_dealt_out_whole_and_evenly(sizes: dict[str, int], shares: int) -> None:
    dealt = share_out([Piece(uri, size) for uri, size in sizes.items()], shares)
    assert sorted(piece.uri for share in dealt for piece in share) == sorted(sizes)
    assert len(dealt) <= shares
    assert all(dealt)
    loads = [sum(piece.size for piece in share) for share in dealt]
    if sum(sizes.values()):
        assert max(loads) - min(loads) <= max(sizes.values())


def test_the_largest_pieces_are_dealt_out_first() -> None:
    dealt = share_out([Piece(uri, size) for uri, size in {"a": 5, "b": 4, "c": 3, "d": 3, "e": 3}.items()], 2)
    assert [[piece.uri for piece in share] for share in dealt] == [["a", "d"], ["b", "c", "e"]]


def test_a_small_file_is_one_piece_and_a_large_one_several() -> None:
    assert cut({"a": 10, "b": 11}, 10) == [Piece("a", 10), Piece("b", 6, 0, 2), Piece("b", 6, 1, 2)]
