"""What a call of AWS asks permission for: actions, resources and condition keys (Service Authorization Reference).

Pure. It knows the services that the stack's roles call. The resource of any other call is `*`, so that only a statement
about everything allows it: a service that is new here is noticed at its first call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchard.local.iam.policy import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    TagsOf = Callable[[str], Mapping[str, str]]

_ACTIONS = {"s3:HeadBucket": "s3:ListBucket", "lambda:Invoke": "lambda:InvokeFunction"}
"""Operations whose action has another name."""

_ARNS = ("executionArn", "stateMachineArn", "TopicArn")
"""Parameters that are the ARN of what a call works on."""

_NEW = "new"
"""Stands for the id of what does not exist yet."""

_ALWAYS = (("aws:SecureTransport", "true"),)
"""Nobody listens between two processes of one machine, so plain HTTP counts as secure here."""


@dataclass(frozen=True)
class Call:
    """A call of AWS, of whatever protocol.

    Attributes:
        role: The name of the role that makes it.
        service: The service's name in signatures: `elasticmapreduce`, say.
        operation: What is called; of S3 the action that it needs.
        path: Of the URL, unquoted.
        parameters: As the API names them; of S3 `Bucket`, `Objects` (pairs of a key and a version, which may be empty)
            and `CopySource`.
    """

    role: str
    service: str
    operation: str
    region: str
    account: str
    path: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def arn(self, resource: str) -> str:
        """The ARN of something of the call's service, region and account."""
        return f"arn:aws:{self.service}:{self.region}:{self.account}:{resource}"

    def request(self, action: str, resource: str, context: Iterable[tuple[str, str]] = ()) -> Request:
        """What the call asks permission for."""
        return Request(self.role, action, resource, (*_ALWAYS, *context))


def requests_of(call: Call, tags_of: TagsOf) -> list[Request]:
    """What a call asks permission for: its own action on each thing it is about, and those that it brings along.

    Args:
        tags_of: Finds the tags of a cluster by its id; none if there is no such cluster.
    """
    action = f"{call.service}:{call.operation}"
    action = _ACTIONS.get(action, action)
    if call.service == "s3":
        return list(_of_s3(call, action))
    if action == "elasticmapreduce:RunJobFlow":
        return list(_of_run_job_flow(call, action))
    if call.service == "elasticmapreduce":
        return list(_of_clusters(call, action, tags_of))
    if call.service == "emr-serverless":
        return list(_of_job_runs(call, action))
    if call.service == "emr-containers":
        return list(_of_pods(call, action))
    return [call.request(action, _resource(call))]


def of_absence(call: Call) -> Request:
    """What S3 asks before it tells a caller that an object is not there; it answers 403 to all others."""
    return call.request("s3:ListBucket", f"arn:aws:s3:::{call.parameters['Bucket']}")


def _of_s3(call: Call, action: str) -> Iterator[Request]:
    bucket = call.parameters["Bucket"]
    source = call.parameters.get("CopySource")
    if source is not None:
        path, _, version = source.lstrip("/").partition("?versionId=")
        for one in _of_object("s3:GetObject", version):
            yield call.request(one, f"arn:aws:s3:::{path}")
    for key, version in call.parameters.get("Objects", ()):
        for one in _of_object(action, version):
            yield call.request(one, f"arn:aws:s3:::{bucket}/{key}")
    if "Objects" not in call.parameters:
        yield call.request(action, f"arn:aws:s3:::{bucket}")


def _of_object(action: str, version: str) -> list[str]:
    """The actions on an object, or on a version of it; to delete that takes both (S3 API, DeleteObject)."""
    plain = action.removesuffix("Version")
    if not version or plain not in ("s3:GetObject", "s3:DeleteObject"):
        return [action]
    return [f"{plain}Version"] if plain == "s3:GetObject" else [plain, f"{plain}Version"]


def _of_run_job_flow(call: Call, action: str) -> Iterator[Request]:
    asked = call.parameters
    tags = [(tag["Key"], tag.get("Value", "")) for tag in asked.get("Tags") or ()]
    context = [(f"{of}:RequestTag/{key}", value) for of in ("aws", call.service) for key, value in tags]
    yield call.request(action, "*", context)
    cluster = call.arn(f"cluster/{_NEW}")
    brought = {"Tags": "AddTags", "AutoTerminationPolicy": "PutAutoTerminationPolicy"}
    brought["ManagedScalingPolicy"] = "PutManagedScalingPolicy"
    for parameter, operation in brought.items():
        if asked.get(parameter):
            yield call.request(f"{call.service}:{operation}", cluster, context)
    # EMR wants a profile and its role to share a name, and gives the role to EC2
    for parameter, to in (("ServiceRole", "elasticmapreduce"), ("JobFlowRole", "ec2")):
        if asked.get(parameter):
            role = f"arn:aws:iam::{call.account}:role/{asked[parameter].rpartition('/')[2]}"
            yield call.request("iam:PassRole", role, [("iam:PassedToService", f"{to}.amazonaws.com")])


def _of_clusters(call: Call, action: str, tags_of: TagsOf) -> Iterator[Request]:
    asked = call.parameters
    named = [asked[name] for name in ("ClusterId", "JobFlowId", "ResourceId") if asked.get(name)]
    ids = [*named, *(asked.get("JobFlowIds") or ())]
    for cluster in ids:
        tags = tags_of(cluster).items()
        context = [(f"{of}:ResourceTag/{key}", value) for of in ("aws", call.service) for key, value in tags]
        yield call.request(action, call.arn(f"cluster/{cluster}"), context)
    if not ids:
        yield call.request(action, "*")


def _of_job_runs(call: Call, action: str) -> Iterator[Request]:
    resource = _place_or_job_run(call, "applications")
    yield call.request(action, resource)
    if call.operation == "StartJobRun":
        yield from _tagging(call, resource)
        context = [("iam:PassedToService", "emr-serverless.amazonaws.com")]
        yield call.request("iam:PassRole", call.parameters["executionRoleArn"], context)


def _of_pods(call: Call, action: str) -> Iterator[Request]:
    """A job run of EMR on EKS is given its role by a condition, and not by passing it."""
    resource = _place_or_job_run(call, "virtualclusters")
    if call.operation != "StartJobRun":
        yield call.request(action, resource)
        return
    yield call.request(action, resource, [("emr-containers:ExecutionRoleArn", call.parameters["executionRoleArn"])])
    yield from _tagging(call, resource)


def _place_or_job_run(call: Call, places: str) -> str:
    """The ARN of what a path is about: of one of the places, or of a job run there."""
    found = re.search(rf"/{places}/[^/]+(?:/jobruns/[^/]+)?", call.path)
    return call.arn(found[0] if found else "/*")


def _tagging(call: Call, place: str) -> Iterator[Request]:
    """A tagged job run is tagged as it starts."""
    if call.parameters.get("tags"):
        yield call.request(f"{call.service}:TagResource", f"{place}/jobruns/{_NEW}")


def _resource(call: Call) -> str:
    """The one thing that a call is about."""
    named = [call.parameters[name] for name in _ARNS if call.parameters.get(name)]
    if named:
        return str(named[0])
    if call.service == "lambda" and (function := re.search(r"/functions/(.+?)/invocations", call.path)):
        return function[1] if ":" in function[1] else call.arn(f"function:{function[1]}")
    if call.service == "sqs" and "QueueUrl" in call.parameters:
        return call.arn(call.parameters["QueueUrl"].rpartition("/")[2])
    return "*"
