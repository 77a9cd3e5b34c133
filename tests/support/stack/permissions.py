"""What has to hold of the permissions of the stack: each check returns what is wrong, in words.

The local cloud enforces what the policies allow (`local/iam/permissions.py`), which finds what is missing on the
paths that a test takes. These look at the template alone, and so at all paths, and find what is too much.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from security.findings import ACCEPTED, Finding, accepted, judge
from security.permissions import Statement, as_text, either, listed, of_type, statements
from security.rules import RULES
from tests.support.asl.graph import tasks
from tests.support.stack.called import calls_of
from tests.support.stack.template import execution_plan

Template = dict[str, Any]

FUNCTIONS = {
    "StartPipelineRole": "start_pipeline",
    "InspectArchiveRole": "inspect_archive",
    "AwaitTurnRole": "await_turn",
    "DescribeRunRole": "describe_run",
    "StopOrphansRole": "stop_orphans",
    "PublishArtefactsRole": "publish_artefacts",
}
ACTIONS = {
    "s3:HeadObject": "s3:GetObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:DeleteObjects": "s3:DeleteObject",
}
"""Operations whose action has another name (Service Authorization Reference)."""

UNLOCKING = {"kms:Decrypt"}
"""What S3 does in its reader's name with an archive that is encrypted with one of SourceKeyArns."""

BESIDE = {
    "StartPipelineRole": {"sqs:SendMessage"},  # an event that no attempt could handle is kept by Lambda
    "StopOrphansRole": {"sqs:SendMessage"},
    "PublishArtefactsRole": {"s3:DeleteObjectVersion"},  # DeleteObjects with versions
    "InspectArchiveRole": UNLOCKING
    | {
        "s3:GetObjectVersion",  # GetObject and HeadObject with a version
        "s3:ListBucket",  # without it S3 answers 403 where it means 404
    },
}
"""What a function needs beside what it calls."""

S3A = {
    f"s3:{action}"
    for action in (
        *("GetObject", "GetObjectVersion", "PutObject", "DeleteObject", "AbortMultipartUpload", "ListBucket"),
        *("ListBucketMultipartUploads", "ListMultipartUploadParts", "GetBucketLocation"),
    )
}
"""What the connectors to S3 of nodes and of workers call."""

WITH_A_CLUSTER = {
    "Tags": "AddTags",
    "AutoTerminationPolicy": "PutAutoTerminationPolicy",
    "ManagedScalingPolicy": "PutManagedScalingPolicy",
}
"""What else RunJobFlow takes a permission for, by its field."""

LOG_DELIVERY = {
    f"logs:{action}"
    for action in (
        *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"),
        *("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups", "CreateLogStream", "PutLogEvents"),
    )
}
"""What Step Functions needs for its log: the ten that the developer guide lists ("Using CloudWatch Logs to log
execution history")."""

POD_LOGS = {
    f"logs:{action}" for action in ("CreateLogStream", "DescribeLogStreams", "PutLogEvents", "DescribeLogGroups")
}
"""What a pod needs for a log group ("Create a job execution role", Amazon EMR on EKS Development Guide)."""

_PREFIXES = {"emr": "elasticmapreduce", "emrserverless": "emr-serverless", "emrcontainers": "emr-containers"}
"""Step Functions' names of services → those of their actions."""

TRACING = {
    f"xray:{action}" for action in ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")
}

SERVICES = {
    **dict.fromkeys(FUNCTIONS, "lambda.amazonaws.com"),
    "PipelineRole": "states.amazonaws.com",
    "ClusterServiceRole": "elasticmapreduce.amazonaws.com",
    "NodeRole": "ec2.amazonaws.com",
    "JobRole": "emr-serverless.amazonaws.com",
    "PodRole": "elasticmapreduce.amazonaws.com",
}

_OWN = {"Ref": "AWS::StackName"}
_PASSED = {
    ("PipelineRole", "${ClusterServiceRole.Arn}"): "elasticmapreduce.amazonaws.com",
    ("PipelineRole", "${NodeRole.Arn}"): "ec2.amazonaws.com",
    ("ClusterServiceRole", "${NodeRole.Arn}"): "ec2.amazonaws.com",
    ("PipelineRole", "${JobRole.Arn}"): "emr-serverless.amazonaws.com",
}
"""Who gives which role to which service."""

_OF_OWN_CLUSTERS = {"TerminateJobFlows", "AddJobFlowSteps"}
"""What changes a cluster. What only looks has no condition: a cluster that has ended may have no tags for IAM."""

_BOUNDARY = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]}
_ANY_MACHINE = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:*"
"""The source in the trust of a role of Step Functions (developer guide, "Prevent cross-service confused deputy")."""


def wildcards_have_reasons(template: Template) -> list[str]:
    """No action has a wildcard, and no resource but for those of `security/accepted.toml`."""
    found = {Finding("AwsSolutions-IAM5", subject) for subject in RULES["IAM5"](template)}
    return judge(found, accepted(ACCEPTED.read_text()), of=("AwsSolutions-IAM5",))


def statements_are_named(template: Template) -> list[str]:
    """Every statement allows something and has a name of its own."""
    names = Counter(one.name for one in statements(template))
    wrong = [f"{name} is there {count} times" for name, count in names.items() if count > 1]
    return wrong + [one.name for one in statements(template) if one.body["Effect"] != "Allow" or one.sid == "?"]


def _called_by_machine(template: Template) -> set[str]:
    actions = {"lambda:invoke": "lambda:InvokeFunction", "sns:publish": "sns:Publish"}
    machine = template["Resources"]["Pipeline"]["Properties"]["Definition"]
    needed = set()
    for state in tasks(machine).values():
        called = state["Resource"].removeprefix("arn:aws:states:::")
        service, _, action = called.removeprefix("aws-sdk:").partition(":")
        prefix = _PREFIXES.get(service, service)
        needed.add(actions.get(called) or f"{prefix}:{action[0].upper()}{action[1:]}")
    asked = execution_plan(300_000)["cluster"]
    tagging = {
        f"{service}:TagResource"
        for state, service in (("StartJob", "emr-serverless"), ("StartContainerJob", "emr-containers"))
        if "Tags" in machine["States"][state]["Arguments"]
    }
    of_clusters = {f"elasticmapreduce:{action}" for field, action in WITH_A_CLUSTER.items() if field in asked}
    return needed | tagging | of_clusters


def needed(template: Template) -> dict[str, set[str]]:
    """What each role and policy has to allow, read off what uses it."""
    workers = S3A | UNLOCKING
    found = {"NodeRole": workers, "JobRole": workers, "PodRole": workers | POD_LOGS, "WriteTraces": TRACING}
    found["ClusterServiceRole"] = {"iam:PassRole", "iam:CreateServiceLinkedRole"}
    around = {"iam:PassRole", "iam:CreateServiceLinkedRole"} | LOG_DELIVERY
    found["PipelineRole"] = _called_by_machine(template) | around
    for role, function in FUNCTIONS.items():
        called = {ACTIONS.get(operation, operation) for operation in calls_of(function)}
        found[role] = called | {"logs:CreateLogStream", "logs:PutLogEvents"} | BESIDE.get(role, set())
    return found


def nothing_is_missing_or_too_much(template: Template) -> list[str]:
    """Every action is used by what has the role, and every call has its action."""
    allowed: dict[str, set[str]] = {}
    for one in statements(template):
        allowed.setdefault(one.owner, set()).update(one.actions)
    wanted = needed(template)
    return [
        f"{owner}: {action} is {'missing' if action in wanted.get(owner, set()) else 'too much'}"
        for owner in sorted(wanted.keys() | allowed.keys())
        for action in sorted(wanted.get(owner, set()) ^ allowed.get(owner, set()))
    ]


def _condition_of(one: Statement) -> object:
    """The condition that a statement has to have."""
    operations = {action.partition(":")[2] for action in one.actions if action.startswith("elasticmapreduce:")}
    if "RunJobFlow" in operations:
        return {"StringEquals": {"elasticmapreduce:RequestTag/orchard:stack": _OWN}}
    if operations & _OF_OWN_CLUSTERS:
        return {"StringEquals": {"elasticmapreduce:ResourceTag/orchard:stack": _OWN}}
    if one.actions == ["kms:Decrypt"]:
        return {"StringEquals": {"kms:ViaService": {"Fn::Sub": "s3.${AWS::Region}.amazonaws.com"}}}
    if "iam:PassRole" in one.actions:
        services = {_PASSED.get((one.owner, resource), "nobody") for resource in one.resources}
        return {"StringEquals": {"iam:PassedToService": "/".join(services)}}
    if "emr-containers:StartJobRun" in one.actions:
        return {"StringEquals": {"emr-containers:ExecutionRoleArn": {"Fn::GetAtt": ["PodRole", "Arn"]}}}
    if one.owner == "ClusterServiceRole" and "iam:CreateServiceLinkedRole" in one.actions:
        return {"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}}
    return None


def conditions_hold(template: Template) -> list[str]:
    """Clusters are this stack's, and roles are passed to EMR and its nodes."""
    return [
        f"{one.name} has the condition {one.body.get('Condition')}"
        for one in statements(template)
        if one.body.get("Condition") != _condition_of(one)
    ]


def roles_are_for_one_service(template: Template) -> list[str]:
    """A role is taken by its service, for this account where that service says for whom it acts."""
    wrong = []
    for name, role in of_type(template, "AWS::IAM::Role"):
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        if (trust["Action"], trust["Principal"]) != ("sts:AssumeRole", {"Service": SERVICES.get(name)}):
            wrong.append(f"{name} is taken by {trust['Principal']}")
        # A role cannot be given to a function or an instance of another account, and EC2 does not say for whom it asks
        if SERVICES.get(name) not in ("lambda.amazonaws.com", "ec2.amazonaws.com"):
            condition = trust.get("Condition", {})
            own = condition.get("StringEquals") == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
            source = as_text(condition.get("ArnLike", {}).get("aws:SourceArn"))
            if not own or not ("${AWS::AccountId}" in source or source.startswith("${")):  # an ARN of the stack's
                wrong.append(f"{name} is taken for anybody")
            if SERVICES.get(name) == "states.amazonaws.com" and source != _ANY_MACHINE:
                wrong.append(f"{name} is not taken before there is a state machine")
    return wrong


def roles_keep_within_the_boundary(template: Template) -> list[str]:
    """Every role has the boundary that is given, those that SAM would make too."""
    roles = of_type(template, "AWS::IAM::Role")
    return [f"{name} has no boundary" for name, role in roles if role.get("PermissionsBoundary") != _BOUNDARY]


def managed_policies_are_known(template: Template) -> list[str]:
    """Roles have the tracing policy of the template, EMR's role has EMR's, nodes and jobs have none."""
    emr = ["arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"]
    wanted = {"NodeRole": [], "JobRole": [], "PodRole": [], "ClusterServiceRole": emr}
    return [
        f"{name} has {policies}"
        for name, role in of_type(template, "AWS::IAM::Role")
        if (policies := [as_text(policy) for policy in role.get("ManagedPolicyArns", [])])
        != wanted.get(name, ["${WriteTraces}"])
    ]


def callers_are_ours(template: Template) -> list[str]:
    """What other services may call or write to, they may for one resource of this stack."""
    wrong = []
    for name, permission in of_type(template, "AWS::Lambda::Permission"):
        source = as_text(permission.get("SourceArn", ""))
        of_account = permission.get("SourceAccount") == {"Ref": "AWS::AccountId"}
        # only the ARN of a bucket does not name its account
        known = source.startswith("${") or ("${AWS::AccountId}" in source and of_account)
        if permission["Action"] != "lambda:InvokeFunction" or not known or "*" in source:
            wrong.append(f"{name} is for anybody")
    for type_ in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy"):
        for name, policy in of_type(template, type_):
            for one in policy["PolicyDocument"]["Statement"]:
                sources = listed(one.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn"))
                named = "Service" in one["Principal"] and "*" not in "".join(listed(one["Action"]))
                ours = all(as_text(one).startswith("${") for source in sources for one in either(source))
                if one["Effect"] == "Allow" and not (named and ours):
                    wrong.append(f"{name}.{one['Sid']} is for anybody")
    return wrong


CHECKS: tuple[Callable[[Template], list[str]], ...] = (
    wildcards_have_reasons,
    statements_are_named,
    nothing_is_missing_or_too_much,
    conditions_hold,
    roles_are_for_one_service,
    roles_keep_within_the_boundary,
    managed_policies_are_known,
    callers_are_ours,
)


def violations(template: Template) -> dict[str, list[str]]:
    """What each check finds wrong, by the check's name; a check that finds nothing is not in it."""
    found = {check.__name__: check(template) for check in CHECKS}
    return {name: wrong for name, wrong in found.items() if wrong}
