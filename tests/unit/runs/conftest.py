"""Buckets in a pretended AWS."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from orchard.aws import clients
from tests.support.cloud import awsfakes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator["S3Client"]:
    """A client where there are the buckets of a stack."""
    awsfakes.isolate(monkeypatch)
    with mock_aws():
        awsfakes.make_buckets(awsfakes.session())
        yield awsfakes.session().client("s3")


@pytest.fixture
def bucket() -> Iterator[None]:
    """The results bucket alone, called `out`."""
    with mock_aws():
        clients.s3().create_bucket(Bucket="out", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield
