"""Any archive that Python's zipfile can write is read back as it was, through spans of any size, from file and S3."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from mypy_boto3_s3 import S3Client

from orchard.archive.sources.open import open_source
from tests.support.cloud.awsfakes import REGION, isolate, session
from tests.support.zips.hostile import BytesSource, extra_field
from tests.support.zips.verdicts import judge


@dataclass(frozen=True)
class Written:
    """One member as it is given to zipfile."""

    content: bytes
    method: int
    is_zip64: bool
    extra: bytes
    comment: bytes
    system: int


class Pipe(BytesIO):
    """An output that cannot seek, so that sizes come after the data."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError

    def seek(self, *_: int) -> int:
        raise OSError


NAMES = st.text(st.characters(categories=["L", "N", "S", "Zs"]), min_size=1, max_size=20)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: "d/" + "/".join(parts))
MEMBERS = st.builds(
    Written,
    content=st.binary(max_size=2000) | st.integers(0, 99_000).map(lambda length: b"\0" * length),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
    is_zip64=st.booleans(),
    extra=st.just(b"") | st.binary(max_size=30).map(lambda data: extra_field(0x9999, data)),
    comment=st.binary(max_size=20),
    system=st.sampled_from([0, 3, 19]),
)


@st.composite
def archives(draw: st.DrawFn) -> tuple[bytes, dict[str, bytes], int]:
    """An archive, the pictures in it, and how many other files."""
    pictures = draw(st.dictionaries(PATHS.map(lambda path: f"{path}.jpg"), MEMBERS, min_size=1, max_size=8))
    noise = draw(st.dictionaries(PATHS.map(lambda path: f"{path}.txt"), MEMBERS, max_size=3))
    folders = draw(st.lists(PATHS.map(lambda path: f"{path}/"), unique=True, max_size=3))
    buffer = draw(st.sampled_from([BytesIO, Pipe]))()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = draw(st.binary(max_size=50).filter(lambda comment: b"PK" not in comment))
        for path in draw(st.permutations([*pictures, *noise, *folders])):
            if path.endswith("/"):
                archive.mkdir(path)
                continue
            member = pictures.get(path) or noise[path]
            info = zipfile.ZipInfo(path)
            info.compress_type, info.create_system = member.method, member.system
            info.extra, info.comment = member.extra, member.comment
            with archive.open(info, "w", force_zip64=member.is_zip64) as file:
                file.write(member.content)
    prefix = draw(st.sampled_from([b"", b"#!/bin/sh\n", b"MZ" * 500]))
    return prefix + buffer.getvalue(), {path: member.content for path, member in pictures.items()}, len(noise)


@settings(max_examples=100)
@given(archives(), st.integers(1, 5000))
def test_it_comes_back_through_spans_of_any_size(written: tuple[bytes, dict[str, bytes], int], target: int) -> None:
    archive, pictures, noise = written
    verdict = judge(archive, target)
    assert verdict.pictures == pictures
    assert (verdict.inventory.ignored, verdict.rejected) == (noise, [])


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    isolate(monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        client = session().client("s3")
        client.create_bucket(Bucket="fruits-in", CreateBucketConfiguration={"LocationConstraint": REGION})
        yield client


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(archives(), st.integers(1000, 50_000))
def test_it_is_the_same_from_a_file_and_from_s3(
    tmp_path: Path, s3: S3Client, written: tuple[bytes, dict[str, bytes], int], target: int
) -> None:
    archive, _, _ = written
    path = tmp_path / "a.zip"
    path.write_bytes(archive)
    s3.put_object(Bucket="fruits-in", Key="a.zip", Body=archive)
    expected = judge(BytesSource(archive), target)
    assert judge(open_source(str(path)), target) == expected
    assert judge(open_source("s3://fruits-in/a.zip", s3_client=s3), target) == expected
