"""What calls ask permission for."""

# ruff: noqa: ANN401 (JSON)

from typing import Any

import pytest

from orchard.local.iam.requests import Call, of_absence, requests_of

TAGS = {"j-1": {"orchard:stack": "orchard"}}


def asked(service: str, operation: str, path: str = "", **parameters: Any) -> list[tuple[str, str]]:
    """The actions and resources of a call."""
    return [(one.action, one.resource) for one in requests_of(call(service, operation, path, **parameters), tags)]


def call(service: str, operation: str, path: str = "", **parameters: Any) -> Call:
    return Call("r", service, operation, "eu-west-1", "123456789012", path, parameters)


def tags(cluster: str) -> dict[str, str]:
    return TAGS.get(cluster, {})


def in_emr(cluster: str) -> str:
    return f"arn:aws:elasticmapreduce:eu-west-1:123456789012:cluster/{cluster}"


@pytest.mark.parametrize(
    ("operation", "parameters", "wanted"),
    [
        ("GetObject", {"Objects": [("k", "")]}, [("s3:GetObject", "arn:aws:s3:::b/k")]),
        ("GetObject", {"Objects": [("k", "v1")]}, [("s3:GetObjectVersion", "arn:aws:s3:::b/k")]),
        ("GetObjectVersion", {"Objects": [("k", "v1")]}, [("s3:GetObjectVersion", "arn:aws:s3:::b/k")]),
        ("PutObject", {"Objects": [("k", "v1")]}, [("s3:PutObject", "arn:aws:s3:::b/k")]),
        ("HeadBucket", {}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("ListBucket", {}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        (
            "DeleteObject",
            {"Objects": [("k", ""), ("l", "v2")]},
            [
                ("s3:DeleteObject", "arn:aws:s3:::b/k"),
                ("s3:DeleteObject", "arn:aws:s3:::b/l"),
                ("s3:DeleteObjectVersion", "arn:aws:s3:::b/l"),
            ],
        ),
        (
            "PutObject",
            {"Objects": [("k", "")], "CopySource": "/c/l m"},
            [("s3:GetObject", "arn:aws:s3:::c/l m"), ("s3:PutObject", "arn:aws:s3:::b/k")],
        ),
        (
            "PutObject",
            {"Objects": [("k", "")], "CopySource": "c/l?versionId=v3"},
            [("s3:GetObjectVersion", "arn:aws:s3:::c/l"), ("s3:PutObject", "arn:aws:s3:::b/k")],
        ),
    ],
)
def test_calls_of_s3(operation: str, parameters: dict[str, Any], wanted: list[tuple[str, str]]) -> None:
    assert asked("s3", operation, Bucket="b", **parameters) == wanted


def test_an_absent_object_is_told_to_those_who_may_list() -> None:
    found = of_absence(call("s3", "GetObject", Bucket="b", Objects=[("k", "")]))
    assert (found.action, found.resource) == ("s3:ListBucket", "arn:aws:s3:::b")


def test_a_new_cluster_asks_for_all_that_is_done_to_it() -> None:
    roles = {"ServiceRole": "arn:aws:iam::123456789012:role/service", "JobFlowRole": "node"}
    tagged = [{"Key": "orchard:stack", "Value": "orchard"}]
    policies = {"AutoTerminationPolicy": {"IdleTimeout": 300}, "ManagedScalingPolicy": {"ComputeLimits": {}}}
    run = call("elasticmapreduce", "RunJobFlow", Tags=tagged, **roles, **policies)
    found = {one.action: one for one in requests_of(run, tags) if one.action != "iam:PassRole"}
    assert found.pop("elasticmapreduce:RunJobFlow").resource == "*"
    brought = {f"elasticmapreduce:{one}" for one in ("AddTags", "PutAutoTerminationPolicy", "PutManagedScalingPolicy")}
    assert found.keys() == brought
    assert {one.resource for one in found.values()} == {in_emr("new")}
    assert all(("elasticmapreduce:RequestTag/orchard:stack", "orchard") in one.context for one in found.values())
    passed = [one for one in requests_of(run, tags) if one.action == "iam:PassRole"]
    assert [(one.resource.rpartition("/")[2], dict(one.context)["iam:PassedToService"]) for one in passed] == [
        ("service", "elasticmapreduce.amazonaws.com"),
        ("node", "ec2.amazonaws.com"),
    ]


def test_a_plain_cluster_asks_for_no_more_than_itself() -> None:
    assert asked("elasticmapreduce", "RunJobFlow", Name="plain") == [("elasticmapreduce:RunJobFlow", "*")]


@pytest.mark.parametrize(
    ("operation", "parameters", "clusters"),
    [
        ("DescribeCluster", {"ClusterId": "j-1"}, ["j-1"]),
        ("AddJobFlowSteps", {"JobFlowId": "j-1"}, ["j-1"]),
        ("TerminateJobFlows", {"JobFlowIds": ["j-1", "j-2"]}, ["j-1", "j-2"]),
    ],
)
def test_calls_about_clusters_know_their_tags(operation: str, parameters: Any, clusters: list[str]) -> None:
    found = requests_of(call("elasticmapreduce", operation, **parameters), tags)
    assert [one.resource for one in found] == [in_emr(cluster) for cluster in clusters]
    assert [dict(one.context).get("elasticmapreduce:ResourceTag/orchard:stack") for one in found] == [
        TAGS.get(cluster, {}).get("orchard:stack") for cluster in clusters
    ]


def test_a_job_run_asks_for_its_tags_and_its_role() -> None:
    application = "arn:aws:emr-serverless:eu-west-1:123456789012:/applications/00f1"
    role = "arn:aws:iam::123456789012:role/jobs"
    path = "/applications/00f1/jobruns"
    plain = asked("emr-serverless", "StartJobRun", path, executionRoleArn=role)
    tagged = asked("emr-serverless", "StartJobRun", path, executionRoleArn=role, tags={"a": "b"})
    assert plain == [("emr-serverless:StartJobRun", application), ("iam:PassRole", role)]
    assert set(tagged) - set(plain) == {("emr-serverless:TagResource", f"{application}/jobruns/new")}
    assert asked("emr-serverless", "GetJobRun", f"{path}/00f2") == [
        ("emr-serverless:GetJobRun", f"{application}/jobruns/00f2")
    ]


def test_a_job_run_in_pods_asks_for_its_role_by_a_condition() -> None:
    place = "arn:aws:emr-containers:eu-west-1:123456789012:/virtualclusters/0v"
    path, role = "/virtualclusters/0v/jobruns", "arn:aws:iam::123456789012:role/pods"
    tagged = asked("emr-containers", "StartJobRun", path, executionRoleArn=role, tags={"a": "b"})
    assert tagged == [("emr-containers:StartJobRun", place), ("emr-containers:TagResource", f"{place}/jobruns/new")]
    [start] = requests_of(call("emr-containers", "StartJobRun", path, executionRoleArn=role), lambda _: {})
    assert ("emr-containers:ExecutionRoleArn", role) in start.context
    assert asked("emr-containers", "CancelJobRun", f"{path}/0j") == [
        ("emr-containers:CancelJobRun", f"{place}/jobruns/0j")
    ]


def test_listing_clusters_is_about_none() -> None:
    assert asked("elasticmapreduce", "ListClusters") == [("elasticmapreduce:ListClusters", "*")]


ARN = "arn:aws:x:eu-west-1:123456789012:y"


@pytest.mark.parametrize(
    ("called", "wanted"),
    [
        (call("states", "StartExecution", stateMachineArn=ARN, name="n"), ("states:StartExecution", ARN)),
        (call("states", "DescribeExecution", executionArn=ARN), ("states:DescribeExecution", ARN)),
        (call("sns", "Publish", TopicArn=ARN, Message="m"), ("sns:Publish", ARN)),
        (
            call("sqs", "SendMessage", QueueUrl="http://host/123456789012/queue"),
            ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:queue"),
        ),
        (
            call("lambda", "Invoke", "/2015-03-31/functions/inspect/invocations"),
            ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:123456789012:function:inspect"),
        ),
        (call("lambda", "Invoke", f"/2015-03-31/functions/{ARN}/invocations"), ("lambda:InvokeFunction", ARN)),
        (call("glue", "GetTable", Name="features"), ("glue:GetTable", "*")),
    ],
)
def test_other_calls_name_what_they_are_about(called: Call, wanted: tuple[str, str]) -> None:
    [found] = requests_of(called, tags)
    assert (found.action, found.resource) == wanted
    assert dict(found.context)["aws:SecureTransport"] == "true"
