"""Who may do what: every permission is named, and the ones that the state machine needs are there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.asl_graph import tasks
from tests.stack_template import cloudformation, machine, resources

NO_RESOURCE = {
    "WriteTraces.WriteTraces": "X-Ray knows no resources",
    "StopOrphansRole.FindClusters": "a list has no resource",
    "PipelineRole.CreateOwnClusters": "a cluster has no ARN before it exists",
    "PipelineRole.LogExecutions": "the delivery of logs knows no resources",
}
"""The statements that may name no resource, and why."""

Statement = dict[str, Any]


def _statements() -> Iterator[tuple[str, Statement]]:
    """Every permission of the stack as `<resource>.<Sid>` and statement."""
    for name, resource in cloudformation()["Resources"].items():
        wanted = resource.get("Properties", {})
        documents = (
            [policy["PolicyDocument"] for policy in wanted.get("Policies", [])] if "Role" in resource["Type"] else []
        )
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            documents = [wanted["PolicyDocument"]]
        for document in documents:
            yield from ((f"{name}.{statement['Sid']}", statement) for statement in document["Statement"])


STATEMENTS = dict(_statements())


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def of_role(name: str) -> list[Statement]:
    return [statement for key, statement in STATEMENTS.items() if key.startswith(f"{name}.")]


def test_every_statement_has_a_name_of_its_own() -> None:
    assert len(STATEMENTS) == len(list(_statements()))


@pytest.mark.parametrize("name", STATEMENTS)
def test_actions_are_named(name: str) -> None:
    statement = STATEMENTS[name]
    assert statement["Effect"] == "Allow"
    assert not [action for action in listed(statement["Action"]) if "*" in action]
    assert "NotAction" not in statement


@pytest.mark.parametrize("name", STATEMENTS)
def test_resources_are_named_or_there_is_a_reason(name: str) -> None:
    anything = "*" in listed(STATEMENTS[name]["Resource"])
    assert anything == (name in NO_RESOURCE)


def test_roles_are_passed_to_emr_and_its_nodes_only() -> None:
    passed = {name: s for name, s in STATEMENTS.items() if "iam:PassRole" in listed(s["Action"])}
    service = {"StringEquals": {"iam:PassedToService": "elasticmapreduce.amazonaws.com"}}
    node = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    assert {name: (s["Action"], s["Resource"], s["Condition"]) for name, s in passed.items()} == {
        "PipelineRole.GiveClustersTheirServiceRole": (
            "iam:PassRole",
            {"Fn::GetAtt": ["ClusterServiceRole", "Arn"]},
            service,
        ),
        "PipelineRole.GiveNodesTheirRole": ("iam:PassRole", {"Fn::GetAtt": ["NodeRole", "Arn"]}, node),
        "ClusterServiceRole.GiveNodesTheirRole": ("iam:PassRole", {"Fn::GetAtt": ["NodeRole", "Arn"]}, node),
    }


def _needed() -> set[str]:
    """What the state machine's role has to be allowed, read off the state machine."""
    actions = {"lambda:invoke": "lambda:InvokeFunction", "sns:publish": "sns:Publish"}
    needed = set()
    for state in tasks(machine()).values():
        called = state["Resource"].removeprefix("arn:aws:states:::")
        service, _, action = called.removeprefix("aws-sdk:").partition(":")
        needed.add(
            actions.get(called)
            or f"{'elasticmapreduce' if service == 'emr' else service}:{action[0].upper()}{action[1:]}"
        )
    cluster = machine()["States"]["CreateCluster"]["Parameters"]
    extras = {"Tags": "elasticmapreduce:AddTags", "AutoTerminationPolicy": "elasticmapreduce:PutAutoTerminationPolicy"}
    return needed | {action for field, action in extras.items() if field in cluster}


def test_the_state_machine_may_do_what_it_does_and_nothing_else() -> None:
    allowed = {action for statement in of_role("PipelineRole") for action in listed(statement["Action"])}
    around = {"iam:PassRole", "iam:CreateServiceLinkedRole"}
    assert {action for action in allowed - around if not action.startswith("logs:")} == _needed()
    assert around <= allowed


def test_the_state_machine_calls_the_functions_of_its_own_stack() -> None:
    [call] = [s for s in of_role("PipelineRole") if s["Action"] == "lambda:InvokeFunction"]
    named = {name for arn in call["Resource"] for name in [arn["Fn::GetAtt"][0]]}
    substitutions = resources("AWS::StepFunctions::StateMachine")["Pipeline"]["Properties"]["DefinitionSubstitutions"]
    assert named == {arn["Fn::GetAtt"][0] for key, arn in substitutions.items() if key.endswith("FunctionArn")}


def test_only_clusters_of_the_stack_are_created_and_ended() -> None:
    own = {"Ref": "AWS::StackName"}
    for name, statement in STATEMENTS.items():
        actions = set(listed(statement["Action"]))
        if "elasticmapreduce:RunJobFlow" in actions:
            assert statement["Condition"] == {"StringEquals": {"elasticmapreduce:RequestTag/orchard:stack": own}}, name
        if actions & {"elasticmapreduce:TerminateJobFlows", "elasticmapreduce:AddJobFlowSteps"}:
            assert statement["Condition"] == {"StringEquals": {"elasticmapreduce:ResourceTag/orchard:stack": own}}, name
    tags = machine()["States"]["CreateCluster"]["Parameters"]["Tags"]
    assert {"Key": "orchard:stack", "Value": "${StackName}"} in tags


def test_every_role_is_for_one_service() -> None:
    services = {}
    for name, role in resources("AWS::IAM::Role").items():
        [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRole"
        services[name] = statement["Principal"]["Service"]
    functions = dict.fromkeys(
        ("StartPipelineRole", "InspectArchiveRole", "DescribeRunRole", "StopOrphansRole"), "lambda.amazonaws.com"
    )
    assert services == functions | {
        "PipelineRole": "states.amazonaws.com",
        "ClusterServiceRole": "elasticmapreduce.amazonaws.com",
        "NodeRole": "ec2.amazonaws.com",
    }


@pytest.mark.parametrize("name", ["PipelineRole", "ClusterServiceRole"])
def test_services_act_for_this_account_only(name: str) -> None:
    [statement] = resources("AWS::IAM::Role")[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert "aws:SourceArn" in statement["Condition"]["ArnLike"]


def test_the_only_managed_policies_are_ours_and_emrs() -> None:
    managed = {
        name: role["Properties"].get("ManagedPolicyArns", []) for name, role in resources("AWS::IAM::Role").items()
    }
    emr = {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"}
    assert managed.pop("ClusterServiceRole") == [emr]
    assert managed.pop("NodeRole") == []
    assert all(policies == [{"Ref": "WriteTraces"}] for policies in managed.values())


def test_nodes_may_write_runs_and_logs_and_nothing_else() -> None:
    written = {
        resource["Fn::Sub"]
        for statement in of_role("NodeRole")
        if {"s3:PutObject", "s3:DeleteObject"} & set(listed(statement["Action"]))
        for resource in listed(statement["Resource"])
    }
    assert written == {"${ResultsBucket.Arn}/runs/*", "${ResultsBucket.Arn}/logs/*"}


def test_nodes_may_do_what_s3a_does() -> None:
    allowed = {action for statement in of_role("NodeRole") for action in listed(statement["Action"])}
    assert allowed == {
        f"s3:{action}"
        for action in (
            "GetObject",
            "GetObjectVersion",
            "PutObject",
            "DeleteObject",
            "AbortMultipartUpload",
            "ListBucket",
            "ListBucketMultipartUploads",
            "ListMultipartUploadParts",
            "GetBucketLocation",
        )
    }
