"""What S3 refuses, told with its meaning: what the archive is, and what to type."""

import json
import shlex
from typing import cast

import boto3
import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from orchard.archive.errors import (
    SourceArchivedError,
    SourceCustomerKeyError,
    SourceDeniedError,
    SourceError,
    SourceKeyError,
    SourceMissingError,
)
from orchard.archive.sources.base import SourceReference
from orchard.archive.sources.open import open_source, reopen
from tests.support.cloud.s3_answers import (
    ACCESS_DENIED,
    IN_A_TIER,
    IN_DEEP_ARCHIVE,
    KEY,
    SSE_C,
    Answer,
    answering,
    denied,
    there,
)

URI = "s3://in/my fruits.zip"
BAD_REQUEST, FORBIDDEN = Answer(400), Answer(403)
KMS_DENIED = denied(f"kms:Decrypt on resource: {KEY} because no identity-based policy allows the kms:Decrypt action")
ENCRYPTED = there(x_amz_server_side_encryption="aws:kms", x_amz_server_side_encryption_aws_kms_key_id=KEY)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> S3Client:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return boto3.client("s3", region_name="eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")


def refusal(s3: S3Client, head: Answer, get: Answer, version: str | None = None) -> SourceError:
    """What is told by whoever opens the archive and reads it: the plan, the function and the job alike."""
    answering(s3, head, get)
    with pytest.raises(SourceError) as caught:
        open_source(URI, version_id=version, s3_client=s3).read(0, 10)
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize("storage", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_is_told_with_the_command_that_restores_it(s3: S3Client, storage: str) -> None:
    error = refusal(s3, there(x_amz_storage_class=storage), IN_DEEP_ARCHIVE, version="v1")
    assert isinstance(error, SourceArchivedError)
    assert f"it is in the storage class {storage}: restore it" in error.cause
    assert "aws s3 cp 's3://in/my fruits.zip' 's3://in/my fruits.zip' --storage-class STANDARD" in error.cause
    *words, request = shlex.split(error.next_command)
    assert words[:7] == ["aws", "s3api", "restore-object", "--bucket", "in", "--key", "my fruits.zip"]
    assert words[7:] == ["--version-id=v1", "--restore-request"]
    assert json.loads(request) == {"Days": 7, "GlacierJobParameters": {"Tier": "Standard"}}


def test_an_object_in_a_tier_is_restored_for_good(s3: S3Client) -> None:
    tiered = there(x_amz_storage_class="INTELLIGENT_TIERING", x_amz_archive_status="DEEP_ARCHIVE_ACCESS")
    error = refusal(s3, tiered, IN_A_TIER)
    assert isinstance(error, SourceArchivedError)
    assert "the tier DEEP_ARCHIVE_ACCESS of INTELLIGENT_TIERING" in error.cause
    assert json.loads(shlex.split(error.next_command)[-1]) == {"GlacierJobParameters": {"Tier": "Standard"}}


def test_a_restore_that_goes_on_is_said_and_not_asked_for_again(s3: S3Client) -> None:
    head = there(x_amz_storage_class="GLACIER", x_amz_restore='ongoing-request="true"')
    error = refusal(s3, head, IN_DEEP_ARCHIVE)
    assert "is being restored" in error.cause
    assert error.next_command == "aws s3api head-object --bucket in --key 'my fruits.zip' --query Restore"


@pytest.mark.parametrize(
    "head",
    [
        there(x_amz_storage_class="GLACIER", x_amz_restore='ongoing-request="false", expiry-date="Fri, 21 Dec 2029"'),
        there(x_amz_storage_class="GLACIER_IR"),
        there(x_amz_storage_class="INTELLIGENT_TIERING"),
    ],
)
def test_what_can_be_read_at_once_is_read(s3: S3Client, head: Answer) -> None:
    answering(s3, head, Answer())
    assert open_source(URI, s3_client=s3).size == 100


@pytest.mark.parametrize(("get", "where"), [(IN_DEEP_ARCHIVE, "DEEP_ARCHIVE"), (IN_A_TIER, "tier ARCHIVE_ACCESS")])
def test_an_object_that_is_archived_while_it_is_read_is_told_as_well(s3: S3Client, get: Answer, where: str) -> None:
    answering(s3, there(), get)
    with pytest.raises(SourceArchivedError, match=where):
        reopen(SourceReference(URI, 100, "v1"), s3).read(0, 10)


@pytest.mark.parametrize(
    ("head", "get"),
    [
        (ENCRYPTED, KMS_DENIED),
        (FORBIDDEN, KMS_DENIED),
        (ENCRYPTED, ACCESS_DENIED),  # how S3 says it of a key of another account
        (
            ENCRYPTED,
            Answer(
                403,
                code="AccessDenied",
                message="The ciphertext refers to a customer master key that does not exist, does not exist in this "
                f"region, or you are not allowed to access. {KEY}",
            ),
        ),
        (ENCRYPTED, Answer(400, code="KMS.DisabledException", message=f"{KEY} is disabled.")),
    ],
)
def test_a_key_that_may_not_be_used_is_named_with_the_parameter_that_allows_it(
    s3: S3Client, head: Answer, get: Answer
) -> None:
    error = refusal(s3, head, get)
    assert isinstance(error, SourceKeyError)
    assert KEY in error.cause
    assert error.next_command == f"sam deploy --parameter-overrides SourceKeyArns={KEY}"


@pytest.mark.parametrize("head", [BAD_REQUEST, there()])
def test_an_object_with_a_key_of_the_uploaders_own_cannot_be_read(s3: S3Client, head: Answer) -> None:
    error = refusal(s3, head, SSE_C)
    assert isinstance(error, SourceCustomerKeyError)
    assert "upload it without --sse-c" in error.cause
    assert error.next_command == "aws s3 cp 'my fruits.zip' 's3://in/my fruits.zip'"


def test_a_head_that_gives_no_reason_is_asked_for_it_by_one_byte(s3: S3Client) -> None:
    what = f's3:GetObject on resource: "{URI}" because no identity-based policy allows the s3:GetObject action'
    asked = answering(s3, FORBIDDEN, denied(what))
    with pytest.raises(SourceDeniedError, match="not authorized to perform: s3:GetObject") as caught:
        open_source(URI, version_id="v1", s3_client=s3)
    assert "--acl bucket-owner-full-control" in caught.value.cause
    assert asked == [f"{method} /in/my%20fruits.zip?versionId=v1" for method in ("HEAD", "GET")]


def test_who_may_not_list_a_bucket_learns_that_the_object_may_not_be_there(s3: S3Client) -> None:
    what = 's3:ListBucket on resource: "arn:aws:s3:::in" because no identity-based policy allows the action'
    error = refusal(s3, FORBIDDEN, denied(what))
    assert "most likely there is no such object" in error.cause
    assert isinstance(refusal(s3, Answer(404), Answer(404, code="NoSuchKey")), SourceError)


def test_what_is_not_there_is_no_denial(s3: S3Client) -> None:
    assert isinstance(refusal(s3, Answer(404), Answer(404, code="NoSuchKey", message="gone")), SourceMissingError)


def test_what_sts_refuses_is_none_of_s3s_refusals() -> None:
    """A pod whose role does not trust it never comes to ask S3, whose bucket and key have nothing to do with that."""
    refused = {"Error": {"Code": "AccessDenied", "Message": "Not authorized to perform sts:AssumeRoleWithWebIdentity"}}
    error = ClientError(refused, "AssumeRoleWithWebIdentity")

    class Pod:
        """A client in such a pod: its first call gets no keys."""

        def head_object(self, **_: object) -> None:
            raise error

    with pytest.raises(ClientError) as caught:
        open_source(URI, version_id="v1", s3_client=cast("S3Client", Pod()))
    assert caught.value is error
