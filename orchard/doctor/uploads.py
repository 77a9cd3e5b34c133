"""Whether what is uploaded starts runs, also in a bucket that is not the stack's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from orchard.aws import sessions
from orchard.aws.errors import is_absent
from orchard.doctor.checks import Check, ask, ok, physical_ids, unknown, wrong
from orchard.errors import command_line, shown
from orchard.layout import ObjectAddress
from orchard.pipeline.kinds import SOURCES_FOLDER, Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boto3.session import Session
    from mypy_boto3_s3 import S3Client

    from orchard.aws.stack import Stack

_SEEN = 1000  # objects of one answer to ListObjectsV2


_READERS = ("InspectArchiveRole", "NodeRole")
"""Who reads archives, by the logical ids in template.yaml; `JobRole`, where there is one, may what a node may."""

_BRIDGE = "EventBridgeConfiguration"
_KEEPING = (
    "aws s3api get-bucket-notification-configuration --bucket {bucket} --output json | python3 -c 'import json, sys; "
    'print(json.dumps({{**json.loads(sys.stdin.read() or "{{}}"), "EventBridgeConfiguration": {{}}}}))\' > events.json '
    "&& aws s3api put-bucket-notification-configuration --bucket {bucket} --notification-configuration file://events.json"
)
"""Turns EventBridge on and keeps what else the bucket tells whom: a put replaces all of it."""


def upload_checks(session: Session, stack: Stack) -> list[Check]:
    """Look at what was uploaded, and at a bucket that is not the stack's own."""
    s3, bucket = session.client("s3", config=sessions.client_config()), stack.input_bucket
    if stack.owns_input_bucket:
        return [ask("Uploads", lambda: _uploads(session, stack))]
    return [
        ask("Upload events", lambda: _events(s3, bucket)),
        ask("Upload region", lambda: _region(s3, bucket, str(session.region_name))),
        ask("Upload versions", lambda: _versions(s3, bucket)),
        ask("Upload readers", lambda: _readers(session, stack)),
        ask("Upload key", lambda: _key(session, s3, stack)),
    ]


def _events(s3: S3Client, bucket: str) -> Check:
    settings: Mapping[str, Any] = s3.get_bucket_notification_configuration(Bucket=bucket)
    others = [name for name in settings if name.endswith("Configurations") and settings[name]]
    if _BRIDGE in settings:
        return ok("Upload events", f"{bucket} sends its events to EventBridge")
    return wrong(
        "Upload events",
        f"{bucket} does not send its events to EventBridge, so no upload starts a run",
        _KEEPING.format(bucket=bucket)
        if others
        else f"aws s3api put-bucket-notification-configuration --bucket {bucket} --notification-configuration "
        f"'{json.dumps({_BRIDGE: {}})}'",
    )


def _region(s3: S3Client, bucket: str, region: str) -> Check:
    where = s3.get_bucket_location(Bucket=bucket).get("LocationConstraint") or "us-east-1"
    if where != region:
        finding = f"{bucket} is in {where}: its events and its bytes do not come to a stack in {region}"
        return wrong("Upload region", finding, "sam deploy --parameter-overrides ExistingInputBucket=…")
    return ok("Upload region", f"{bucket} is in {where}, as the stack")


def _versions(s3: S3Client, bucket: str) -> Check:
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled":
        return ok("Upload versions", f"{bucket} keeps versions")
    finding = f"{bucket} keeps no versions: a zip that is overwritten while its run reads it fails the run"
    return ok("Upload versions", finding)


def _readers(session: Session, stack: Stack) -> Check:
    """Whether the roles' own policies name the bucket, and its policy denies nobody but who comes without TLS."""
    iam = session.client("iam", config=sessions.client_config())
    made = physical_ids(session, stack)
    for name in (made[role] for role in _READERS if role in made):
        names = iam.list_role_policies(RoleName=name)["PolicyNames"]
        policies = [json.dumps(iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"]) for one in names]
        if not any(f":::{stack.input_bucket}/*" in policy for policy in policies):
            return wrong("Upload readers", f"no policy of the role {name} names {stack.input_bucket}", "sam deploy")
    finding = f"the roles' own policies let them read {stack.input_bucket}"
    denied = _denials(session.client("s3", config=sessions.client_config()), stack.input_bucket)
    if denied:
        return unknown("Upload readers", f"{finding}; the bucket's own policy denies {denied}, perhaps to them, too")
    return ok("Upload readers", finding)


def _denials(s3: S3Client, bucket: str) -> str:
    try:
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    except ClientError as error:
        if is_absent(error):
            return ""
        raise
    tls = {"Bool": {"aws:SecureTransport": "false"}}
    denying = [one for one in policy["Statement"] if one["Effect"] == "Deny" and one.get("Condition") != tls]
    return ", ".join(str(one.get("Sid", "a statement without a name")) for one in denying)


def _key(session: Session, s3: S3Client, stack: Stack) -> Check:
    """Whether what the bucket encrypts by default can be decrypted."""
    try:
        rules = s3.get_bucket_encryption(Bucket=stack.input_bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    except ClientError as error:
        if not is_absent(error):
            raise
        rules = []
    keys = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") for rule in rules]
    key = next((one for one in keys if one and not one.endswith("alias/aws/s3")), None)
    if key is None:
        return ok("Upload key", "S3's own, or the account's")
    cloudformation = session.client("cloudformation", config=sessions.client_config())
    [described] = cloudformation.describe_stacks(StackName=stack.name)["Stacks"]
    given = {one["ParameterKey"]: one.get("ParameterValue", "") for one in described.get("Parameters", [])}
    if key in given.get("SourceKeyArns", "").split(","):
        return ok("Upload key", f"{key}, which SourceKeyArns names")
    finding = f"{stack.input_bucket} encrypts with {key}, and SourceKeyArns does not name it"
    return wrong("Upload key", finding, f"sam deploy --parameter-overrides SourceKeyArns={key}")


def _uploads(session: Session, stack: Stack) -> Check:
    """Look at what lies in the input bucket: no mail is sent about single pictures, which start nothing."""
    s3 = session.client("s3", config=sessions.client_config())
    listed = s3.list_objects_v2(Bucket=stack.input_bucket, MaxKeys=_SEEN)
    keys = [one["Key"] for one in listed.get("Contents", [])]
    idle = [key for key in keys if kind_of(key) is Kind.OTHER and not key.startswith(SOURCES_FOLDER)]
    seen = f"the first {len(keys):,} objects" if listed.get("IsTruncated") else f"{len(keys):,} objects"
    if not idle:
        started = (
            "one object, which has started a run" if len(keys) == 1 else f"{seen}, of which each has started a run"
        )
        return ok("Uploads", started if keys else "nothing was uploaded yet")
    finding = f"{seen}, of which {len(idle):,} are not archives and started nothing, such as {shown(idle[0])}"
    below = ObjectAddress(stack.input_bucket, idle[0].rpartition("/")[0]).uri.rstrip("/") + "/"
    return ok("Uploads", f"{finding}: zip them, or {command_line(['orchard', 'run', below])}")
