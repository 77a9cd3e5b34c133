"""Reading from S3: one HEAD, then one pinned GET for each read."""

from collections.abc import Iterator
from http.client import IncompleteRead
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError, ResponseStreamingError
from botocore.model import OperationModel
from moto import mock_aws
from mypy_boto3_s3 import S3Client

from orchard.archive.checks import inspect
from orchard.archive.errors import (
    SourceChangedError,
    SourceDeniedError,
    SourceMissingError,
    SourceUnreachableError,
    TruncatedArchiveError,
)
from orchard.archive.members import read_span
from orchard.archive.sources.base import SourceReference
from orchard.archive.sources.open import open_source, reopen
from orchard.archive.sources.s3 import S3Source
from orchard.archive.spans import plan_spans
from orchard.aws import clients
from tests.support.cloud.awsfakes import client_error
from tests.support.zips.hostile import Entry, build_zip

BUCKET, KEY = "orchard-input", "in/my fruits #1 +%2B é/🍑.zip"
URI = f"s3://{BUCKET}/{KEY}"
ARCHIVE = build_zip([Entry(f"Test/Kiwi/{number}.jpg", b"x" * number) for number in range(20)])


@pytest.fixture(autouse=True)
def _client_of_no_other_test() -> Iterator[None]:
    clients.s3.cache_clear()
    yield
    clients.s3.cache_clear()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


@pytest.fixture(params=["versioned", "unversioned"])
def is_versioned(request: pytest.FixtureRequest, s3: S3Client) -> bool:
    if request.param == "versioned":
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return bool(request.param == "versioned")


def calls(client: S3Client) -> list[tuple[str, dict[str, Any]]]:
    """Every request that the client makes from now on."""
    made: list[tuple[str, dict[str, Any]]] = []

    def note(params: dict[str, Any], model: OperationModel, **_: object) -> None:
        made.append((model.name, dict(params["headers"])))

    client.meta.events.register("before-call.s3", note)
    return made


@pytest.mark.parametrize("scheme", ["s3", "s3a", "s3n"])
def test_an_object_opens_by_its_verbatim_key(s3: S3Client, scheme: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=ARCHIVE)
    source = open_source(f"{scheme}://{BUCKET}/{KEY}")
    assert source.uri == URI
    assert source.size == len(ARCHIVE)
    assert source.read(5, 10) == ARCHIVE[5:15]


def test_an_upload_with_checksum_is_read_by_ranges(s3: S3Client) -> None:
    """A range must not be compared with the checksum of the whole object."""
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=ARCHIVE, ChecksumAlgorithm="CRC32")
    assert open_source(URI, s3_client=s3).read(5, 10) == ARCHIVE[5:15]


@pytest.mark.usefixtures("is_versioned")
def test_an_archive_is_read_with_one_head_and_one_get_a_span(s3: S3Client) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=ARCHIVE)
    made = calls(s3)
    source = open_source(URI, s3_client=s3)
    inventory = inspect(source)
    assert [name for name, _ in made] == ["HeadObject", "GetObject", "GetObject"]  # the tail, the directory
    made.clear()
    spans = plan_spans(inventory, target_bytes=300)
    assert len(spans) > 2
    reopened = reopen(source.reference, s3)
    assert sum(1 for span in spans for _ in read_span(reopened, span)) == 20
    assert [name for name, _ in made] == ["GetObject"] * len(spans)
    assert [headers["Range"] for _, headers in made] == [f"bytes={span.start}-{span.end - 1}" for span in spans]


def test_a_version_is_read_on_after_the_key_is_overwritten_and_deleted(s3: S3Client) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=BUCKET, Key=KEY, Body=ARCHIVE)["VersionId"]
    source = open_source(URI, s3_client=s3)
    assert source.reference == SourceReference(URI, len(ARCHIVE), version, source.reference.etag)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"another")
    s3.delete_object(Bucket=BUCKET, Key=KEY)
    assert reopen(source.reference, s3).read(0, 4) == b"PK\x03\x04"
    assert open_source(URI, version_id=version, s3_client=s3).size == len(ARCHIVE)


def test_an_object_overwritten_without_versions_has_changed(s3: S3Client) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key=KEY, Body=ARCHIVE)["ETag"].strip('"')
    source = open_source(URI, etag=etag, s3_client=s3)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=ARCHIVE[::-1])
    with pytest.raises(SourceChangedError):
        source.read(0, 4)


@pytest.mark.parametrize("version", [None, "null"])
def test_the_null_version_is_pinned_by_its_etag(s3: S3Client, version: str | None) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=ARCHIVE)
    found = open_source(URI, s3_client=s3).reference
    source = reopen(SourceReference(URI, found.size, version, found.etag), s3)
    made = calls(s3)
    source.read(0, 4)
    assert made[0][1]["If-Match"] == f'"{found.etag}"'


@pytest.mark.usefixtures("is_versioned")
def test_an_object_deleted_for_good_has_changed(s3: S3Client) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=ARCHIVE)
    source = open_source(URI, s3_client=s3)
    version = source.reference.version_id
    s3.delete_object(Bucket=BUCKET, Key=KEY, **({"VersionId": version} if version else {}))
    with pytest.raises(SourceChangedError):
        source.read(0, 4)


@pytest.mark.parametrize("uri", [f"s3://{BUCKET}/none.zip", "s3://no-such-bucket/none.zip"])
@pytest.mark.usefixtures("s3")
def test_what_is_not_there_is_missing(uri: str) -> None:
    with pytest.raises(SourceMissingError) as caught:
        open_source(uri)
    assert caught.value.next_command == f"aws s3 ls {uri}"


@pytest.mark.parametrize("uri", ["s3://", "s3://bucket", "s3:///key"])
def test_an_address_without_bucket_or_key_is_missing(uri: str) -> None:
    with pytest.raises(SourceMissingError, match="s3://bucket/key"):
        open_source(uri)


def test_without_credentials_the_environment_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(SourceUnreachableError) as caught:
        open_source(URI)
    assert caught.value.exit_code == 3
    assert caught.value.next_command == "aws s3 ls"


class Body(BytesIO):
    """A body that fails after its first bytes, as often as it is told to."""

    def __init__(self, content: bytes, error: Exception | None) -> None:
        super().__init__(content)
        self._error = error

    def read(self, size: int | None = -1, /) -> bytes:
        if self._error:
            raise self._error
        return super().read(size)


class Client:
    """An S3 client that answers with the given errors, one a request, and then with the content."""

    def __init__(self, *errors: Exception, content: bytes = b"0123456789") -> None:
        self.errors = list(errors)
        self.content = content
        self.requests = 0

    def get_object(self, **_: object) -> dict[str, Any]:
        self.requests += 1
        error = self.errors.pop(0) if self.errors else None
        if isinstance(error, ClientError):
            raise error
        return {"Body": Body(self.content, error)}

    def head_object(self, **_: object) -> dict[str, Any]:
        if not self.errors:
            return {}
        raise self.errors.pop(0)


def source_on(client: Client) -> S3Source:
    return S3Source(SourceReference(URI, 10, None, "abc"), client)


BROKEN = [ReadTimeoutError(endpoint_url="s3"), ResponseStreamingError(error=IncompleteRead(b""))]


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
def test_a_body_that_breaks_off_is_asked_for_again(error: Exception) -> None:
    client = Client(error, error)
    assert source_on(client).read(0, 10) == b"0123456789"
    assert client.requests == 3


@pytest.mark.parametrize("error", BROKEN, ids=lambda error: type(error).__name__)
def test_a_body_that_always_breaks_off_is_unreachable(error: Exception) -> None:
    with pytest.raises(SourceUnreachableError):
        source_on(Client(*[error] * 9)).read(0, 10)


@pytest.mark.parametrize(
    ("status", "code", "on_read", "on_open"),
    [
        (412, "PreconditionFailed", SourceChangedError, SourceChangedError),
        (416, "InvalidRange", SourceChangedError, SourceChangedError),
        (404, "NoSuchVersion", SourceChangedError, SourceMissingError),
        (404, "NoSuchKey", SourceChangedError, SourceMissingError),
        (405, "MethodNotAllowed", SourceChangedError, SourceMissingError),
        (403, "AccessDenied", SourceDeniedError, SourceDeniedError),
        (400, "400", SourceDeniedError, SourceDeniedError),
        (503, "SlowDown", SourceUnreachableError, SourceUnreachableError),
    ],
)
def test_what_s3_answers_is_said_in_plain_words(
    status: int, code: str, on_read: type[Exception], on_open: type[Exception]
) -> None:
    client = Client(client_error(code, status, operation="GetObject"))
    with pytest.raises(on_read):
        source_on(client).read(0, 10)
    assert client.requests == 1
    with pytest.raises(on_open):
        open_source(URI, s3_client=Client(client_error(code, status, operation="GetObject")))


def test_fewer_bytes_than_asked_for_are_a_truncation() -> None:
    with pytest.raises(TruncatedArchiveError):
        source_on(Client(content=b"01234")).read(0, 10)


def test_a_range_outside_is_not_even_asked_for() -> None:
    client = Client()
    with pytest.raises(TruncatedArchiveError):
        source_on(client).read(5, 6)
    assert source_on(client).read(10, 0) == b""
    assert client.requests == 0


def test_a_defect_of_ours_keeps_its_type() -> None:
    with pytest.raises(ZeroDivisionError):
        source_on(Client(ZeroDivisionError())).read(0, 10)
    with pytest.raises(ZeroDivisionError):
        open_source(URI, s3_client=Client(ZeroDivisionError()))
