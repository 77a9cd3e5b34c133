from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from orchard.local.moto import s3_reads
from tests.support.cloud.awsfakes import isolate

BODY = bytes(range(256)) * 40


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[slice]]:
    """What was read of the one object, which is at s3://fruits/zip."""
    isolate(monkeypatch)
    seen: list[slice] = []
    original = s3_reads.Stored.__getitem__

    def getitem(self: s3_reads.Stored, part: slice) -> bytes:
        seen.append(part)
        return original(self, part)

    monkeypatch.setattr(s3_reads.Stored, "__getitem__", getitem)
    with mock_aws(), s3_reads.partial_reads():
        s3 = boto3.client("s3", "us-east-1")
        s3.create_bucket(Bucket="fruits")
        s3.put_object(Bucket="fruits", Key="zip", Body=BODY, Metadata={"kind": "pear"})
        yield seen


def get(**request: str) -> dict:
    answer = boto3.client("s3", "us-east-1").get_object(Bucket="fruits", Key="zip", **request)
    return {**answer, "Body": answer["Body"].read()}


@pytest.mark.parametrize(
    ("spec", "expected", "said"),
    [
        ("bytes=100-299", BODY[100:300], "bytes 100-299/10240"),
        ("bytes=10000-", BODY[10000:], "bytes 10000-10239/10240"),
        ("bytes=-22", BODY[-22:], "bytes 10218-10239/10240"),
        ("bytes=10000-99999", BODY[10000:], "bytes 10000-10239/10240"),
    ],
)
def test_a_range_is_all_that_is_read(asked: list[slice], spec: str, expected: bytes, said: str) -> None:
    answer = get(Range=spec)

    assert answer["Body"] == expected
    assert answer["ContentRange"] == said
    assert answer["Metadata"] == {"kind": "pear"}
    assert answer["ETag"]
    [part] = asked
    assert part.stop - part.start == len(expected)


def test_without_a_range_nothing_is_different(asked: list[slice]) -> None:
    assert get()["Body"] == BODY
    assert asked == []


def test_what_is_no_single_range_gives_the_whole_object(asked: list[slice]) -> None:
    assert get(Range="bytes=0-1,5-6")["Body"] == BODY


def test_a_range_beyond_the_end_is_refused(asked: list[slice]) -> None:
    with pytest.raises(ClientError) as refused:
        get(Range="bytes=20000-20001")

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 416


def test_a_range_of_a_changed_object_is_refused(asked: list[slice]) -> None:
    with pytest.raises(ClientError):
        get(Range="bytes=0-9", IfMatch='"another"')

    assert asked == []
