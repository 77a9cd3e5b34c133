"""The rules of AwsSolutions: each holds but for what is accepted, and each notices what breaks it."""

from collections.abc import Callable
from typing import Any

import pytest

from security.findings import ACCEPTED, Finding, accepted, judge
from security.rules import COVERED, RULES, findings, planned_cluster
from tests.support.asl.graph import CREATE
from tests.support.stack.template import cloudformation, machine

Template = dict[str, Any]
ADMIN = "arn:aws:iam::aws:policy/Admin"
ANYBODY = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
BLOCKED = "PublicAccessBlockConfiguration"
FINE = accepted(ACCEPTED.read_text())


@pytest.mark.parametrize("number", RULES)
def test_the_template_keeps_the_rule_but_for_what_is_accepted(number: str) -> None:
    found = {Finding(f"AwsSolutions-{number}", subject) for subject in RULES[number](cloudformation())}
    assert judge(found, {one for one in FINE if one.rule == f"AwsSolutions-{number}"}) == []


def test_what_is_accepted_are_findings_of_these_rules() -> None:
    assert judge(findings(cloudformation()), FINE, of=("AwsSolutions-",)) == []


def test_no_resource_is_of_a_type_whose_rules_nobody_has_looked_up() -> None:
    assert {resource["Type"] for resource in cloudformation()["Resources"].values()} == COVERED


def properties(template: Template, name: str) -> Template:
    found: Template = template["Resources"][name]["Properties"]
    return found


def add(template: Template, name: str, type_: str, **wanted: object) -> None:
    template["Resources"][name] = {"Type": type_, "Properties": wanted}


def cluster(template: Template) -> Template:
    """The request of a cluster, written into the state that makes it."""
    state = properties(template, "Pipeline")["Definition"]["States"][CREATE]
    assert state["Arguments"] == "{% $run.inspected.plan.cluster %}"
    state["Arguments"] = asked = planned_cluster()
    return asked


def encryption(template: Template) -> Template:
    found: Template = properties(template, "ClusterSecurity")["SecurityConfiguration"]["EncryptionConfiguration"]
    return found


def at_rest(template: Template) -> Template:
    found: Template = encryption(template)["AtRestEncryptionConfiguration"]
    return found


def answers(template: Template) -> Template:
    found: Template = properties(template, "Queries")["WorkGroupConfiguration"]
    return found


def rules_of(template: Template) -> list[Template]:
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::Events::Rule"]


def policy(template: Template, name: str) -> list[Template]:
    statements: list[Template] = properties(template, name)["PolicyDocument"]["Statement"]
    return statements


def role(template: Template, name: str) -> list[Template]:
    statements: list[Template] = properties(template, name)["Policies"][0]["PolicyDocument"]["Statement"]
    return statements


def not_all_denied(template: Template, name: str) -> None:
    """The topic's denial with another verb would deny something else."""
    [denial] = [one for one in policy(template, name) if one["Effect"] == "Deny"]
    denial["Action"] = "sns:Subscribe"


BREAKS: list[tuple[str, str, Callable[[Template], Any]]] = [
    ("ATH1", "Queries", lambda t: answers(t).update(EnforceWorkGroupConfiguration=False)),
    ("ATH1", "Queries", lambda t: answers(t)["ResultConfiguration"].pop("EncryptionConfiguration")),
    ("EMR2", "Pipeline.CreateCluster", lambda t: cluster(t).pop("LogUri")),
    ("EC23", "PrimaryGroup", lambda t: properties(t, "PrimaryGroup").update(SecurityGroupIngress=[ANYBODY])),
    ("EC23", "WorkerFromEmr", lambda t: properties(t, "WorkerFromEmr").update(CidrIpv6="::/0")),
    ("EC27", "WorkerGroup", lambda t: properties(t, "WorkerGroup").update(GroupDescription="")),
    ("EMR4", "ClusterSecurity", lambda t: at_rest(t).pop("LocalDiskEncryptionConfiguration")),
    ("EMR6", "Other.Start", lambda t: t["Resources"].update(Other=another_machine())),
    ("IAM4", "NodeRole Admin", lambda t: properties(t, "NodeRole").update(ManagedPolicyArns=[ADMIN])),
    ("IAM5", "NodeRole.WriteRuns s3:*", lambda t: role(t, "NodeRole")[2].update(Action=["s3:*"])),
    ("IAM5", "NodeRole.WriteRuns *", lambda t: role(t, "NodeRole")[2].update(Resource="*")),
    ("IAM5", "NodeRole.WriteRuns NotAction", lambda t: role(t, "NodeRole")[2].update(NotAction="s3:GetObject")),
    ("IAM5", "NodeRole.WriteRuns NotResource", lambda t: role(t, "NodeRole")[2].update(NotResource="arn:aws:s3:::x")),
    ("KMS5", "DiskKey", lambda t: properties(t, "DiskKey").update(EnableKeyRotation=False)),
    ("L1", "Older", lambda t: add(t, "Older", "AWS::Lambda::Function", Runtime="python3.9")),
    ("S1", "Loose", lambda t: add(t, "Loose", "AWS::S3::Bucket")),
    ("S2", "Loose", lambda t: add(t, "Loose", "AWS::S3::Bucket")),
    ("S2", "InputBucket", lambda t: properties(t, "InputBucket")[BLOCKED].update(BlockPublicAcls=False)),
    ("S10", "InputBucket", lambda t: policy(t, "InputBucketPolicy")[0].update(Effect="Allow")),
    ("S10", "InputBucket", lambda t: policy(t, "InputBucketPolicy")[0].update(Action="s3:GetObject")),
    ("S10", "InputBucket", lambda t: policy(t, "InputBucketPolicy")[0].update(Principal={"AWS": ADMIN})),
    ("S10", "InputBucket", lambda t: policy(t, "InputBucketPolicy")[0]["Resource"].pop()),
    ("S10", "ResultsBucket", lambda t: policy(t, "ResultsBucketPolicy")[0].pop("Condition")),
    ("S10", "ArtefactsBucket", lambda t: t["Resources"].pop("ArtefactsBucketPolicy")),
    ("SF1", "Pipeline", lambda t: properties(t, "Pipeline")["LoggingConfiguration"].update(Level="ERROR")),
    ("SF1", "Pipeline", lambda t: properties(t, "Pipeline")["LoggingConfiguration"].pop("Destinations")),
    ("SF2", "Pipeline", lambda t: properties(t, "Pipeline").pop("TracingConfiguration")),
    ("SNS3", "NoticeTopic", lambda t: not_all_denied(t, "NoticeTopicPolicy")),
    ("SNS3", "NoticeTopic", lambda t: policy(t, "NoticeTopicPolicy")[0].update(Resource={"Ref": "Pipeline"})),
    ("SNS3", "AlarmTopic", lambda t: policy(t, "AlarmTopicPolicy").pop()),
    ("SQS3", "UndeliveredEvents", lambda t: [rule["Targets"][0].pop("DeadLetterConfig", 0) for rule in rules_of(t)]),
    ("SQS4", "UndeliveredEvents", lambda t: policy(t, "UndeliveredEventsPolicy").pop()),
    ("VPC3", "List", lambda t: add(t, "List", "AWS::EC2::NetworkAcl")),
    ("VPC7", "Other", lambda t: add(t, "Other", "AWS::EC2::VPC")),
]  # fmt: skip


def another_machine() -> Template:
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "Definition": {"States": {"Start": {**machine()["States"]["CreateCluster"]}, "End": {"Type": "Succeed"}}},
            "LoggingConfiguration": {"Level": "ALL", "Destinations": ["logs"]},
            "TracingConfiguration": {"Enabled": True},
        },
    }


@pytest.mark.parametrize(("number", "subject", "breaks"), BREAKS)
def test_a_rule_notices_what_breaks_it(number: str, subject: str, breaks: Callable[[Template], Any]) -> None:
    template = cloudformation()
    before = set(RULES[number](template))
    breaks(template)
    assert set(RULES[number](template)) - before == {subject}


def test_a_rule_notices_what_mends_it() -> None:
    template = cloudformation()
    encryption(template).update(EnableInTransitEncryption=True)
    add(template, "Flows", "AWS::EC2::FlowLog", ResourceId={"Ref": "ClusterNetwork"})
    assert not list(RULES["EMR5"](template))
    assert not list(RULES["VPC7"](template))


@pytest.mark.parametrize("known", [{"Ec2KeyName": "key"}, {}])
def test_a_cluster_knows_its_users_by_key_or_by_kerberos(known: Template) -> None:
    template = cloudformation()
    asked = cluster(template)
    asked["Instances"] = known
    if not known:
        asked["KerberosAttributes"] = {"Realm": "EC2.INTERNAL"}
    assert not list(RULES["EMR6"](template))


def test_every_rule_was_broken_or_mended_here() -> None:
    assert {number for number, _, _ in BREAKS} | {"EMR5"} == set(RULES)
