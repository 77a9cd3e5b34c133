"""An upload carries its options, and tells which run it starts."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from orchard import layout
from orchard.archive.errors import NotAZipError, SourceDeniedError
from orchard.archive.sources.folder import files_in
from orchard.errors import EnvironmentNotReadyError, OptionsError, UsageError
from orchard.options import RunOptions
from orchard.runs.upload import upload_archive, upload_key
from tests.support.cloud import awsfakes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = awsfakes.OUTPUTS["InputBucketName"]


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

    def test_a_folder_becomes_a_zip_of_its_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "my fruits").mkdir()
        monkeypatch.chdir(tmp_path / "my fruits")
        assert upload_key(tmp_path / "my fruits") == upload_key(Path()) == "my fruits.zip"

    def test_what_is_not_there_is_a_wrong_usage(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no file or folder") as raised:
            upload_key(tmp_path / "absent.zip")
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


@pytest.mark.parametrize("size", [100, 9_000_000], ids=["one request", "several parts"])
def test_a_folder_is_packed_while_it_is_uploaded(s3: S3Client, tmp_path: Path, size: int) -> None:
    (tmp_path / "figs" / "fig").mkdir(parents=True)
    pictures = {f"fig/{number}.jpg": bytes([number]) * size for number in range(3)}
    for name, content in pictures.items():
        (tmp_path / "figs" / name).write_bytes(content)
    sent: list[int] = []
    upload = upload_archive(s3, tmp_path / "figs", BUCKET, RunOptions(components=3), sent.append)
    there = s3.get_object(Bucket=BUCKET, Key="figs.zip")
    content = there["Body"].read()
    assert (upload.size, upload.etag) == (len(content), there["ETag"].strip('"'))
    assert sum(sent) == len(content)
    assert RunOptions.from_metadata(there["Metadata"][layout.OPTIONS_METADATA_KEY]) == RunOptions(components=3)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == pictures
    assert [path.name for path in tmp_path.iterdir()] == ["figs"], "nothing lies on the disk in between"


@pytest.mark.parametrize("size", [100, 9_000_000], ids=["one request", "several parts"])
def test_of_a_folder_that_cannot_be_read_nothing_is_left_in_s3(
    s3: S3Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"x" * size)
    files = list(files_in(tmp_path))
    monkeypatch.setattr("orchard.runs.upload.files_in", lambda _: files)
    (tmp_path / "2.jpg").unlink()
    with pytest.raises(SourceDeniedError, match="could not be read while it was packed"):
        upload_archive(s3, tmp_path, BUCKET, RunOptions())
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def test_every_byte_is_counted(s3: S3Client, fruits: Path) -> None:
    sent: list[int] = []
    upload_archive(s3, fruits, BUCKET, RunOptions(), sent.append)
    assert sum(sent) == fruits.stat().st_size


def test_options_that_metadata_does_not_take_are_refused_before_the_upload(s3: S3Client, fruits: Path) -> None:
    labels = tuple(f"Kiwi {number}" for number in range(140))
    upload_archive(s3, fruits, BUCKET, RunOptions(only_label=labels))
    with pytest.raises(OptionsError, match=r"The options are too long") as refused:
        upload_archive(s3, fruits, BUCKET, RunOptions(only_label=(*labels, *(label.lower() for label in labels))))
    assert refused.value.cause.endswith("and S3 takes 2,048; name fewer labels")


def test_a_bucket_without_versions_is_not_ready(s3: S3Client, fruits: Path) -> None:
    with pytest.raises(EnvironmentNotReadyError, match="keeps no versions"):
        upload_archive(s3, fruits, awsfakes.OUTPUTS["ResultsBucketName"], RunOptions())


def test_what_aws_says_is_not_hidden(s3: S3Client, fruits: Path) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        upload_archive(s3, fruits, "absent", RunOptions())
