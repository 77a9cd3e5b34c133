"""What S3 says when it does not give an object, in our words.

A refusal of HEAD has no body, and so no reason: the first byte is asked for, to hear it. What an object is encrypted
with stands in the answer to HEAD, which needs no permission for the key, as GET does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from orchard.archive.errors import (
    SourceArchivedError,
    SourceChangedError,
    SourceCustomerKeyError,
    SourceDeniedError,
    SourceError,
    SourceKeyError,
    SourceUnreachableError,
)
from orchard.aws.errors import code_of, is_absent, status_of
from orchard.errors import command_line, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

    from orchard.layout import ObjectAddress

_RESTORED = 'ongoing-request="false"'
_RESTORING = 'ongoing-request="true"'
_IN_GLACIER = ("GLACIER", "DEEP_ARCHIVE")  # not GLACIER_IR, which answers at once
_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]{1,40}:\d{12}:(?:key|alias)/[\w/-]{1,256}")
_OF_A_KEY = ("kms:", "customer master key", "KMS key", "KMS Key")
_TAKING_A_ROLE = "AssumeRoleWithWebIdentity"
_STORED_WITH_A_KEY = "form of Server Side Encryption"


@dataclass(frozen=True)
class Asked:
    """What S3 was asked for.

    Attributes:
        pin: The parameters that make S3 answer for one version of it only.
    """

    address: ObjectAddress
    pin: Mapping[str, Any]
    client: S3Client

    @property
    def uri(self) -> str:
        """The object as `s3://bucket/key`."""
        return self.address.uri

    def command(self, name: str, more: str = "") -> str:
        """A command of `aws s3api` about the object, ready to paste."""
        version = self.pin.get("VersionId")
        words = ["aws", "s3api", name, "--bucket", self.address.bucket, "--key", self.address.key]
        words += [f"--version-id={version}"] if version else []
        return " ".join([command_line(words), *([more] if more else [])])


def check_restored(asked: Asked, head: Mapping[str, Any]) -> None:
    """Refuse an object whose bytes S3 does not give before they are restored.

    Args:
        head: The answer to HEAD.

    Raises:
        SourceArchivedError: It is one.
    """
    tier, restore = head.get("ArchiveStatus"), head.get("Restore") or ""
    storage = head.get("StorageClass") or ""
    if tier or (storage in _IN_GLACIER and _RESTORED not in restore):
        raise _archived(asked, storage, tier, restore)


def source_error(asked: Asked, error: BotoCoreError | ClientError, missing: type[SourceError]) -> SourceError:
    """Say in our words what botocore reported.

    Args:
        missing: The error where there is no such object.

    Raises:
        ClientError: S3 was not even asked: a pod could not take its role.
    """
    if isinstance(error, BotoCoreError):
        return SourceUnreachableError.at(asked.uri, str(error))
    if error.operation_name == _TAKING_A_ROLE:
        raise error
    head_answers = error.operation_name == "GetObject"
    error = _with_reason(asked, error)
    status = status_of(error)
    if status in (412, 416):
        return SourceChangedError.at(asked.uri, "it was replaced or changed after its upload was seen")
    if status in (404, 405) or is_absent(error):
        return missing.at(
            asked.uri, f"there is no such object or version ({code_of(error)}); it was deleted, or never there"
        )
    if status in (400, 403):
        return _refused(asked, error, _head(asked) if head_answers else {})
    return SourceUnreachableError.at(asked.uri, str(error))


def _with_reason(asked: Asked, error: ClientError) -> ClientError:
    """The error of a GET in the place of one of HEAD that says no more than its status."""
    if error.operation_name != "HeadObject" or code_of(error) not in ("400", "403"):
        return error
    address = asked.address
    try:
        asked.client.get_object(Bucket=address.bucket, Key=address.key, Range="bytes=0-0", **asked.pin)
    except ClientError as reason:
        return reason
    except BotoCoreError:
        pass
    return error


def _refused(asked: Asked, error: ClientError, head: Mapping[str, Any]) -> SourceError:
    answer: Mapping[str, Any] = error.response.get("Error", {})
    code = code_of(error)
    words = answer.get("Message") or code
    if code == "InvalidObjectState":
        # the object's storage class stands in the error's own element, which botocore leaves in either place
        found = {**error.response, **answer}
        return _archived(asked, found.get("StorageClass") or "", found.get("AccessTier"), head.get("Restore") or "")
    if _STORED_WITH_A_KEY in words:
        cause = "S3 requires that key in each request, and Orchard does not have it; upload it without --sse-c"
        return SourceCustomerKeyError.at(asked.uri, cause)
    if code.startswith("KMS."):
        return _locked(asked, _KEY.search(words), f"{code.removeprefix('KMS.')}: {words}")
    if code == "AccessDenied" and any(word in words for word in _OF_A_KEY):
        return _locked(asked, _KEY.search(words), words)
    if code == "AccessDenied" and (key := head.get("SSEKMSKeyId")):
        return _locked(asked, _KEY.search(key), words)  # HEAD and GET want one permission, and GET the key's, too
    if "s3:ListBucket" in words:
        # who may not list a bucket is not told what is not in it
        cause = (
            f"most likely there is no such object; S3 does not say so to a caller that may not list the bucket: {words}"
        )
        return SourceDeniedError.at(asked.uri, cause)
    owner = (
        "; if another account uploaded it, upload it again with --acl bucket-owner-full-control"
        if code != "400"
        else ""
    )
    return SourceDeniedError.at(asked.uri, f"S3 refuses: {words}{owner}")


def _archived(asked: Asked, storage: str, tier: str | None, restore: str) -> SourceArchivedError:
    where = f"the tier {tier} of {storage or 'INTELLIGENT_TIERING'}" if tier else f"the storage class {storage}"
    uri = quoted(asked.uri)
    then = f"afterwards start its run with aws s3 cp {uri} {uri} --storage-class STANDARD"
    if _RESTORING in restore:
        cause = f"it is in {where} and is being restored; {then}"
        return SourceArchivedError.at(asked.uri, cause, asked.command("head-object", "--query Restore"))
    cause = f"it is in {where}: restore it, which takes minutes to days; {then}"
    # an object comes back from Intelligent-Tiering for good, and S3 refuses a number of days there
    days = "" if tier else '"Days": 7, '
    request = f'\'{{{days}"GlacierJobParameters": {{"Tier": "Standard"}}}}\''
    return SourceArchivedError.at(asked.uri, cause, asked.command("restore-object", f"--restore-request {request}"))


def _locked(asked: Asked, key: re.Match[str] | None, words: str) -> SourceKeyError:
    named = key[0] if key else "<the ARN of its key>"
    cause = f"{named if key else 'its key'} may not be used by whoever reads it here: {words}"
    return SourceKeyError.at(asked.uri, cause, f"sam deploy --parameter-overrides SourceKeyArns={named}")


def _head(asked: Asked) -> Mapping[str, Any]:
    """What HEAD says of an object that GET does not give; nothing if it does not either."""
    try:
        return asked.client.head_object(Bucket=asked.address.bucket, Key=asked.address.key, **asked.pin)
    except (BotoCoreError, ClientError):
        return {}
