"""An upload carries its options, and tells which run it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from orchard import layout
from orchard.archive.errors import NotAZipError
from orchard.errors import EnvironmentNotReadyError, UsageError
from orchard.options import RunOptions
from orchard.runs.upload import upload_archive, upload_key
from tests.support.cloud import awsfakes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

BUCKET = awsfakes.OUTPUTS["InputBucketName"]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    awsfakes.isolate(monkeypatch)
    with mock_aws():
        awsfakes.make_buckets(awsfakes.session())
        yield awsfakes.session().client("s3")


@pytest.fixture
def fruits(tmp_path: Path) -> Path:
    path = tmp_path / "My Fruits.ZIP"
    path.write_bytes(b"fruit" * 1000)
    return path


class TestKey:
    def test_it_is_the_files_name_with_the_ending_that_the_bucket_listens_to(self, fruits: Path) -> None:
        assert upload_key(fruits) == "My Fruits.zip"

    def test_another_ending_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "fruits.txt").touch()
        with pytest.raises(UsageError, match=r"not named \.zip"):
            upload_key(tmp_path / "fruits.txt")

    def test_of_another_archive_it_is_said_how_to_make_a_zip(self, tmp_path: Path) -> None:
        (tmp_path / "fruits.tar").touch()
        with pytest.raises(NotAZipError) as refused:
            upload_key(tmp_path / "fruits.tar")
        assert (
            refused.value.next_command
            == "mkdir fruits && tar -xf fruits.tar -C fruits && (cd fruits && zip -qr0 ../fruits.zip .)"
        )

    @pytest.mark.parametrize("name", ["absent.zip", "folder.zip"])
    def test_only_a_file_can_be_uploaded(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "folder.zip").mkdir()
        with pytest.raises(UsageError, match="no file") as raised:
            upload_key(tmp_path / name)
        assert raised.value.exit_code == 2


def test_the_object_is_the_file_with_its_options(s3: S3Client, fruits: Path) -> None:
    options = RunOptions(components=20, fit_split="Entraînement")
    upload_archive(s3, fruits, BUCKET, options)
    there = s3.get_object(Bucket=BUCKET, Key="My Fruits.zip")
    assert there["Body"].read() == fruits.read_bytes()
    assert RunOptions.from_metadata(there["Metadata"][layout.OPTIONS_METADATA_KEY]) == options


@pytest.mark.parametrize("size", [100, 20_000_000], ids=["one request", "several parts"])
def test_the_run_is_that_of_the_very_version_that_was_written(s3: S3Client, tmp_path: Path, size: int) -> None:
    path = tmp_path / "fruits.zip"
    path.write_bytes(b"\0" * size)
    upload = upload_archive(s3, path, BUCKET, RunOptions())
    s3.put_object(Bucket=BUCKET, Key="fruits.zip", Body=b"somebody else's")
    mine = s3.head_object(Bucket=BUCKET, Key="fruits.zip", VersionId=upload.version_id)
    assert mine["ContentLength"] == size
    assert mine["ETag"].strip('"') == upload.etag
    assert upload.run_id == layout.run_id(BUCKET, "fruits.zip", version_id=upload.version_id)


def test_uploading_again_is_another_run(s3: S3Client, fruits: Path) -> None:
    first, second = (upload_archive(s3, fruits, BUCKET, RunOptions()) for _ in range(2))
    assert first.etag == second.etag
    assert first.run_id != second.run_id


def test_every_byte_is_counted(s3: S3Client, fruits: Path) -> None:
    sent: list[int] = []
    upload_archive(s3, fruits, BUCKET, RunOptions(), sent.append)
    assert sum(sent) == fruits.stat().st_size


def test_a_bucket_without_versions_is_not_ready(s3: S3Client, fruits: Path) -> None:
    with pytest.raises(EnvironmentNotReadyError, match="keeps no versions"):
        upload_archive(s3, fruits, awsfakes.OUTPUTS["ResultsBucketName"], RunOptions())


def test_what_aws_says_is_not_hidden(s3: S3Client, fruits: Path) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        upload_archive(s3, fruits, "absent", RunOptions())
