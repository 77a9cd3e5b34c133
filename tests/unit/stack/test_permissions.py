"""Who may do what: every permission is used, every use is permitted, and each that were wider would be noticed."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from security.permissions import as_text, listed, statements
from tests.support.stack.called import calls_of
from tests.support.stack.permissions import CHECKS, violations
from tests.support.stack.template import GIVEN, cloudformation, execution_plan, properties, resources

Template = dict[str, Any]
STATEMENTS = {one.name: one for one in statements(cloudformation())}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
GRANTS = ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy")


@pytest.mark.parametrize("check", CHECKS)
def test_the_permissions_keep_every_rule(check: Callable[[Template], list[str]]) -> None:
    assert check(cloudformation()) == []


def body(template: Template, name: str) -> Template:
    """One statement, to be changed."""
    [found] = [one.body for one in statements(template) if one.name == name]
    assert isinstance(found, dict)
    return found


def resource(template: Template, name: str) -> Template:
    found: Template = template["Resources"][name]["Properties"]
    return found


def trust(template: Template, name: str) -> Template:
    found: Template = resource(template, name)["AssumeRolePolicyDocument"]["Statement"][0]
    return found


def granted(template: Template, name: str) -> list[Template]:
    return [one for one in resource(template, name)["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]


def widenings() -> Iterator[tuple[str, Callable[[Template], Any]]]:
    """Every way of widening what the stack allows, by name; each changes a template."""
    for name, one in STATEMENTS.items():
        service = one.actions[0].partition(":")[0]
        more, everything = [*one.actions, f"{service}:UntagResource"], f"{service}:*"
        yield f"{name} with one more action", lambda t, n=name, a=more: body(t, n).update(Action=a)
        yield f"{name} with every action", lambda t, n=name, a=everything: body(t, n).update(Action=a)
        if one.resources != ["*"]:
            yield f"{name} on everything", lambda t, n=name: body(t, n).update(Resource="*")
        if "Condition" in one.body:
            yield f"{name} without its condition", lambda t, n=name: body(t, n).pop("Condition")
        yield f"{name} without its name", lambda t, n=name: body(t, n).pop("Sid")
    for name in resources("AWS::IAM::Role"):
        if "Condition" in trust(cloudformation(), name):
            yield f"{name} for other accounts", lambda t, n=name: trust(t, n).pop("Condition")
            for key in ("StringEquals", "ArnLike"):
                yield f"{name} without {key}", lambda t, n=name, k=key: trust(t, n)["Condition"].pop(k)
        yield f"{name} for everybody", lambda t, n=name: trust(t, n).update(Principal={"AWS": "*"})
        yield f"{name} without its boundary", lambda t, n=name: resource(t, n).pop("PermissionsBoundary")
        yield f"{name} as administrator", lambda t, n=name: resource(t, n).update(ManagedPolicyArns=[ADMINISTRATOR])
    for name, permission in resources("AWS::Lambda::Permission").items():
        yield f"{name} without its source", lambda t, n=name: resource(t, n).pop("SourceArn")
        if "SourceAccount" in permission["Properties"]:
            yield f"{name} without its account", lambda t, n=name: resource(t, n).pop("SourceAccount")
    for name in (name for type_ in GRANTS for name in resources(type_) if granted(cloudformation(), name)):
        yield f"{name} without its condition", lambda t, n=name: granted(t, n)[0].pop("Condition")
        yield f"{name} for everybody", lambda t, n=name: granted(t, n)[0].update(Principal="*")


WIDENINGS = dict(widenings())


@pytest.mark.parametrize("name", WIDENINGS)
def test_a_wider_permission_is_noticed(name: str) -> None:
    template = cloudformation()
    WIDENINGS[name](template)
    assert violations(template)


@pytest.mark.parametrize("name", [name for name in STATEMENTS if not name.startswith("WriteTraces")])
def test_a_permission_that_is_missing_is_noticed(name: str) -> None:
    template = cloudformation()
    body(template, name).update(Action=[])
    others = {action for one in statements(template) if one.owner == STATEMENTS[name].owner for action in one.actions}
    assert bool(set(STATEMENTS[name].actions) - others) == ("nothing_is_missing_or_too_much" in violations(template))


def test_the_calls_of_a_function_are_found_behind_other_names() -> None:
    assert {"s3:GetObject", "s3:HeadObject"} <= calls_of("inspect_archive"), "through open_source, and a class method"
    assert "elasticmapreduce:ListClusters" in calls_of("stop_orphans"), "through a paginator"
    assert calls_of("start_pipeline") == {"states:StartExecution"}


def test_what_lambda_keeps_it_may_write_to_the_queue() -> None:
    configs = resources("AWS::Lambda::EventInvokeConfig").values()
    keepers = {f"{config['Properties']['FunctionName']['Ref']}Role" for config in configs}
    assert keepers == {one.owner for one in STATEMENTS.values() if one.actions == ["sqs:SendMessage"]}


def test_the_state_machine_calls_the_functions_of_its_own_stack() -> None:
    [call] = [one for one in STATEMENTS.values() if one.actions == ["lambda:InvokeFunction"]]
    substitutions = properties("Pipeline")["DefinitionSubstitutions"]
    called = {as_text(arn) for key, arn in substitutions.items() if key.endswith("FunctionArn")}
    assert set(call.resources) == called


def test_clusters_carry_the_tag_that_permissions_ask_for() -> None:
    assert {"Key": "orchard:stack", "Value": GIVEN["STACK_NAME"]} in execution_plan()["cluster"]["Tags"]
    assert properties("InspectArchive")["Environment"]["Variables"]["STACK_NAME"] == {"Ref": "AWS::StackName"}


def test_nodes_read_archives_and_artefacts_and_write_runs_and_logs() -> None:
    reached: dict[str, set[str]] = {}
    for one in STATEMENTS.values():
        if one.owner == "NodeRole":
            for action in one.actions:
                reached.setdefault(action, set()).update(one.resources)
    archives = {
        "arn:${AWS::Partition}:s3:::${AWS::StackName}-input-${AWS::AccountId}-${AWS::Region}/*",
        "arn:${AWS::Partition}:s3:::${ExistingInputBucket}/*",
        "arn:aws:s3:::${SourceBucket}/*",
    }
    runs, logs = "${ResultsBucket.Arn}/runs/*", "${ResultsBucket.Arn}/logs/*"
    assert reached["s3:GetObject"] == {
        *archives, runs, "${ArtefactsBucket.Arn}/releases/*", "${ArtefactsBucket.Arn}/models/*",
    }  # fmt: skip
    assert reached["s3:PutObject"] == {runs, logs}
    assert reached["s3:DeleteObject"] == {runs}
    assert reached["s3:GetObjectVersion"] == archives


def test_who_reads_archives_and_nobody_else_may_decrypt_by_the_given_keys_and_only_through_s3() -> None:
    decrypting = {one.owner: one.resources for one in STATEMENTS.values() if "kms:Decrypt" in one.actions}
    reading = {one.owner for one in STATEMENTS.values() if one.sid == "ReadArchives"}
    assert decrypting == {key: ["${SourceKeyArns}"] for key in reading}
    conditions = {name: found.get("Condition") for name, found in resources("AWS::IAM::RolePolicy").items()}
    assert [name for name, condition in conditions.items() if "SourceKeys" in condition] == [
        *("InspectWithSourceKeys", "UnzipWithSourceKeys", "UnzipWithSourceKeysInJobs", "UnzipWithSourceKeysInPods")
    ]


def test_whatever_becomes_of_the_tags_of_a_cluster_that_has_ended_it_can_be_looked_at() -> None:
    looking = {f"elasticmapreduce:{action}" for action in ("DescribeCluster", "DescribeStep", "ListSteps")}
    found = [one for one in STATEMENTS.values() if looking & set(one.actions)]
    assert {one.owner for one in found} == {"PipelineRole", "DescribeRunRole", "StopOrphansRole"}
    for one in found:
        assert "Condition" not in one.body, one.name
        assert set(one.actions) <= looking, "what changes a cluster has a statement of its own"


def test_a_boundary_is_a_policy_or_none() -> None:
    parameter = cloudformation()["Parameters"]["PermissionsBoundary"]
    assert re.fullmatch(parameter["AllowedPattern"], parameter["Default"])
    for arn in ("arn:aws:iam::123456789012:policy/bounds/all", "arn:aws:iam::aws:policy/PowerUserAccess"):
        assert re.fullmatch(parameter["AllowedPattern"], arn)
    assert not re.fullmatch(parameter["AllowedPattern"], "arn:aws:iam::123456789012:role/admin")


def test_emr_may_make_the_role_of_spot_and_no_other() -> None:
    """What the older managed policy of EMR allowed, and AmazonEMRServicePolicy_v2 does not."""
    one = STATEMENTS["ClusterServiceRole.MakeSpotRole"]
    assert one.actions == ["iam:CreateServiceLinkedRole"]
    [role] = one.resources
    assert role.endswith(":role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot")
    assert one.body["Condition"] == {"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}}


@pytest.mark.parametrize("role", ["JobRole", "PodRole"])
def test_a_worker_may_do_what_a_node_may(role: str) -> None:
    assert properties(role)["Policies"] == properties("NodeRole")["Policies"]


def test_a_job_run_in_pods_gets_the_role_of_pods_and_no_other() -> None:
    one = STATEMENTS["PipelineRole.StartPods"]
    assert one.body["Condition"] == {
        "StringEquals": {"emr-containers:ExecutionRoleArn": {"Fn::GetAtt": ["PodRole", "Arn"]}}
    }
    assert as_text(trust(cloudformation(), "PodRole")["Condition"]["ArnLike"]["aws:SourceArn"]) == one.resources[0]


def test_nobody_but_people_with_the_account_writes_archives_and_only_a_deployment_artefacts() -> None:
    writing = {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"}
    written = {(one.owner, to) for one in STATEMENTS.values() if writing & set(one.actions) for to in one.resources}
    assert written
    assert not [to for _, to in written if "input" in to.lower()]
    assert {owner for owner, to in written if "artefacts" in to.lower()} == {"PublishArtefactsRole"}


def test_statements_are_read_in_all_the_ways_of_writing_them() -> None:
    assert listed("a") == listed(["a"]) == ["a"]
    assert as_text({"Ref": "Topic"}) == "${Topic}"
    assert as_text({"Fn::GetAtt": ["Queue", "Arn"]}) == "${Queue.Arn}"
    assert as_text({"Fn::Join": [",", []]}) == '{"Fn::Join": [",", []]}'
