"""The matrix of hostile zips: keys in S3, and archives that change during a run; see docs/hostile-input.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.model import OperationModel
from moto import mock_aws
from mypy_boto3_s3 import S3Client

from orchard.archive.checks import inspect
from orchard.archive.errors import SourceChangedError, SourceMissingError
from orchard.archive.members import read_span
from orchard.archive.sources.base import PinnedSource
from orchard.archive.sources.open import open_source, reopen
from orchard.archive.spans import plan_spans
from tests.support.cloud.awsfakes import REGION, isolate, session
from tests.support.zips.hostile import Entry, build_zip
from tests.support.zips.verdicts import judge

BUCKET = "fruits-in"
CONTENTS = {f"Training/Kiwi/{number}.jpg": bytes([number]) * 50 for number in range(20)}
ARCHIVE = build_zip([Entry(path, content) for path, content in CONTENTS.items()])

KEYS = {
    "spaces": "my fruits/of june.zip",
    "plus": "fruits+june.zip",
    "%2B, verbatim": "fruits%2Bjune.zip",
    "unicode": "récolte/été 🍐.zip",
    "quotes": 'it\'s "ripe" & <red>#1?.zip',
    "dots": "a/../b/./fruits.zip",
    "1,024 bytes": "é" * 510 + ".zip",
}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    isolate(monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        client = session().client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield client


@pytest.fixture(params=["versioned", "unversioned"])
def is_versioned(request: pytest.FixtureRequest, s3: S3Client) -> bool:
    if request.param == "versioned":
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return bool(request.param == "versioned")


@pytest.mark.parametrize("key", KEYS.values(), ids=[f"key: {name}" for name in KEYS])
def test_any_key_is_read_verbatim(s3: S3Client, key: str) -> None:
    assert len(key.encode()) <= 1024
    s3.put_object(Bucket=BUCKET, Key=key, Body=ARCHIVE)
    assert judge(open_source(f"s3://{BUCKET}/{key}", s3_client=s3)).pictures == CONTENTS


@pytest.mark.usefixtures("is_versioned")
def test_every_read_is_pinned(s3: S3Client) -> None:
    """Each by the version, or by the ETag where there are no versions; of the first HEAD only the upload knows them."""
    s3.put_object(Bucket=BUCKET, Key="fruits.zip", Body=ARCHIVE)
    requests: list[dict[str, Any]] = []

    def note(params: dict[str, Any], model: OperationModel, **_: object) -> None:
        if model.name == "GetObject":
            requests.append({**params["headers"], **params["query_string"]})

    s3.meta.events.register("before-call.s3", note)
    source = open_source(f"s3://{BUCKET}/fruits.zip", s3_client=s3)
    judge(source, target_bytes=100)
    pinned = source.reference
    assert len(requests) > 10
    for request in requests:
        assert request.get("versionId", pinned.version_id) == pinned.version_id
        assert ("versionId" in request) or request["If-Match"] == f'"{pinned.etag}"'


@pytest.fixture(params=["file", "S3"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, s3: S3Client) -> PinnedSource:
    path = tmp_path / "fruits.zip"
    path.write_bytes(ARCHIVE)
    s3.upload_file(str(path), BUCKET, "fruits.zip")
    uri = str(path) if request.param == "file" else f"s3://{BUCKET}/fruits.zip"
    return open_source(uri, s3_client=s3)


def change(source: PinnedSource, s3: S3Client, content: bytes | None) -> None:
    """Overwrite the archive, or delete it."""
    path = Path(source.uri.removeprefix("file://"))
    if content is None:
        path.unlink() if path.is_absolute() else s3.delete_object(Bucket=BUCKET, Key="fruits.zip")
    elif path.is_absolute():
        path.unlink()
        path.write_bytes(content)
    else:
        s3.put_object(Bucket=BUCKET, Key="fruits.zip", Body=content)


OTHER = ARCHIVE.replace(b"Kiwi", b"Plum")


@pytest.mark.parametrize("content", [OTHER, OTHER[:-100], b"", None], ids=["same size", "shorter", "empty", "deleted"])
def test_an_archive_that_changes_while_it_is_read_ends_the_run(
    opened: PinnedSource, s3: S3Client, content: bytes | None
) -> None:
    """key: overwritten during the run. No picture of another archive comes out, and the remedy is said."""
    spans = plan_spans(inspect(opened), target_bytes=100)
    assert sum(1 for _ in read_span(opened, spans[0])) > 0
    change(opened, s3, content)
    with pytest.raises((SourceChangedError, SourceMissingError)) as caught:
        list(read_span(reopen(opened.reference, s3), spans[1]))
    assert caught.value.cause
    assert caught.value.next_command
    if isinstance(caught.value, SourceChangedError):
        assert caught.value.headline == "fruits.zip has changed since the run began"
        local = opened.uri.removeprefix("file://")
        again = "orchard run fruits.zip" if opened.uri.startswith("s3:") else f"orchard run --local {local}"
        assert caught.value.next_command == again
