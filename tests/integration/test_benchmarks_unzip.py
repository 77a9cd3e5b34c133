"""All who unzip in the benchmark leave the same pictures, and ours asks S3 for as little as is promised."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pyarrow.parquet as pq
import pytest

from benchmarks.s3 import variables
from benchmarks.s3_traffic import Traffic, counted
from benchmarks.unzip_run import ARCHIVE, OURS, RESULTS, STREAM, STUDENT, run_at
from orchard.archive.checks import inspect
from orchard.archive.sources.open import open_source
from orchard.archive.spans import plan_spans
from orchard.local.moto.server import moto_server
from tests.support.pictures.drawn import fruit_members, write_zip

pytestmark = pytest.mark.slow

Pictures = dict[str, str]


@pytest.fixture(scope="module")
def members() -> dict[str, bytes]:
    return fruit_members(training=6, test=2)


@pytest.fixture(scope="module")
def archive(members: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_zip(tmp_path_factory.mktemp("zip") / "pictures.zip", members)


@pytest.fixture
def endpoint(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 with nothing but the archive; not the one of the benchmarks, which takes a package of their own."""
    with moto_server() as address:
        for name, value in variables(address).items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        for bucket in (ARCHIVE.bucket, RESULTS.bucket):
            client.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]}
            )
        client.upload_file(str(archive), ARCHIVE.bucket, ARCHIVE.key)
        client.close()
        yield address


def worked(endpoint: str, name: str, folder: Path) -> tuple[dict[str, float], Traffic, dict[str, Path]]:
    """What a contender measured, what it asked for, and copies of what it left, by key below its prefix."""
    with counted(endpoint) as (relay, traffic):
        measured = run_at(relay, name)
    client = boto3.client("s3")
    listed = client.list_objects_v2(Bucket=RESULTS.bucket, Prefix=f"{RESULTS.key}/")["Contents"]
    left = {}
    for number, key in enumerate(one["Key"] for one in listed if one["Size"]):
        left[key.removeprefix(f"{RESULTS.key}/")] = folder / str(number)
        client.download_file(RESULTS.bucket, key, str(folder / str(number)))
    client.close()
    return measured, traffic, left


def packed(files: dict[str, Path]) -> tuple[list[str], Pictures]:
    """The columns of Parquet files, and the pictures in them."""
    tables = [pq.read_table(file) for name, file in files.items() if name.endswith(".parquet")]
    rows = [row for table in tables for row in table.to_pylist()]
    assert len({row["path"] for row in rows}) == len(rows)
    return tables[0].schema.names, {row["path"]: digest(row["content"]) for row in rows}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def expected(members: dict[str, bytes]) -> Pictures:
    return {name: digest(content) for name, content in members.items()}


def test_ours_asks_for_as_little_as_is_promised(
    members: dict[str, bytes], archive: Path, endpoint: str, tmp_path: Path
) -> None:
    measured, traffic, left = worked(endpoint, OURS, tmp_path)
    images = {name: file for name, file in left.items() if name.startswith("images/")}
    spans = len(plan_spans(inspect(open_source(str(archive)))))
    assert packed(images)[1] == expected(members)
    assert measured["images"] == len(members)
    assert 1 <= traffic.requests["GET", f"/{ARCHIVE.bucket}/{ARCHIVE.key}"] <= spans + 3
    assert len(images) == 1
    assert traffic.received > archive.stat().st_size


def test_the_student_way_puts_each_picture_and_spark_reads_it(
    members: dict[str, bytes], endpoint: str, tmp_path: Path
) -> None:
    measured, traffic, left = worked(endpoint, STUDENT, tmp_path)
    assert {name: digest(file.read_bytes()) for name, file in left.items()} == expected(members)
    assert measured["images"] == len(members)
    assert measured["bytes"] == sum(map(len, members.values()))
    for name in members:
        path = f"/{RESULTS.bucket}/{RESULTS.key}/{name}"
        assert (traffic.requests["PUT", path], traffic.requests["GET", path]) == (1, 1)


def test_the_streaming_process_reads_once_and_writes_the_same(
    members: dict[str, bytes], endpoint: str, tmp_path: Path
) -> None:
    measured, traffic, left = worked(endpoint, STREAM, tmp_path)
    columns, pictures = packed(left)
    assert pictures == expected(members)
    assert columns == ["path", "split", "label", "filename", "modification_time", "file_size_bytes", "content"]
    assert (measured["images"], measured["bytes"]) == (len(members), sum(map(len, members.values())))
    assert traffic.requests["GET", f"/{ARCHIVE.bucket}/{ARCHIVE.key}"] == 1
