"""The rules of cdk-nag's AwsSolutions pack (RULES.md) that are about what this stack is made of.

There is no scanner in Python that has them: each is a function from a translated template to the subjects that do not
keep it. Rules about clusters look at the states that create one, since clusters exist nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchard.compute.emr_plan import Cluster, cluster_size
from orchard.compute.emr_request import run_job_flow
from orchard.compute.work import Work
from orchard.layout import ReleaseFiles
from security.findings import Finding
from security.network_rules import NETWORK_COVERED, NETWORK_RULES
from security.permissions import as_text, listed, of_type, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from security.permissions import Template

    Rule = Callable[[Template], Iterator[str]]

COVERED = frozenset(
    {
        *("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy"),
        *("AWS::SNS::Subscription", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "AWS::Events::Rule"),
        *("AWS::Lambda::Function", "AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig", "AWS::Logs::LogGroup"),
        *("AWS::Lambda::LayerVersion", "Custom::Publication"),
        *("AWS::StepFunctions::StateMachine", "AWS::EMR::SecurityConfiguration"),
        *("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::IAM::InstanceProfile", "AWS::IAM::RolePolicy"),
        "AWS::EMRServerless::Application",
        *NETWORK_COVERED,
        *("AWS::Glue::Database", "AWS::Glue::Table", "AWS::Athena::WorkGroup", "AWS::Athena::NamedQuery"),
        *("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::CloudFormation::Stack"),
    }
)
"""The types that these rules are complete for; one that is not here needs its rules looked up."""

NEWEST_RUNTIME = "python3.14"
"""In general use since November 2025 (Lambda's release notes)."""


def _clusters(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    for machine, properties in of_type(template, "AWS::StepFunctions::StateMachine"):
        for name, state in properties["Definition"]["States"].items():
            if state.get("Resource", "").endswith(":emr:runJobFlow"):
                asked = state["Arguments"]
                yield f"{machine}.{name}", asked if isinstance(asked, dict) else planned_cluster()


def planned_cluster() -> dict[str, Any]:
    """What a run asks for, which the state machine hands over as it is; the names in it are examples."""
    size = cluster_size(Work(1, 1), "onnxruntime", region="eu-west-1")
    names = ("STACK_NAME", "SERVICE_ROLE", "NODE_PROFILE", "SECURITY_CONFIGURATION", "SUBNETS")
    given = {**{name: name.lower() for name in names}, "SECURITY_GROUPS": ""}
    return run_job_flow(Cluster.of(size, ReleaseFiles("a", "r"), "/mnt"), "run", "s3://results/logs/run/", given)


def _encryptions(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, properties in of_type(template, "AWS::EMR::SecurityConfiguration"):
        yield name, properties["SecurityConfiguration"].get("EncryptionConfiguration", {})


def _denies_plain(policy: dict[str, Any], action: str, resources: set[str]) -> bool:
    """Whether a policy refuses everybody an action on all of these resources without TLS."""
    return any(
        one["Effect"] == "Deny"
        and one.get("Principal") in ("*", {"AWS": "*"})
        and action in listed(one.get("Action"))
        and one.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        and resources <= {as_text(resource) for resource in listed(one.get("Resource"))}
        for one in policy["PolicyDocument"]["Statement"]
    )


def _open_to_plain(template: Template, types: tuple[str, str], field: str, actions: tuple[str, ...]) -> Iterator[str]:
    """The resources without a policy that refuses what came without TLS; an S3 policy names the objects too."""
    for name, _ in of_type(template, types[0]):
        of_it = {f"${{{name}.Arn}}", f"${{{name}.Arn}}/*"} if types[0] == "AWS::S3::Bucket" else set()
        of_it = of_it or {f"${{{name}}}" if types[0] == "AWS::SNS::Topic" else f"${{{name}.Arn}}"}
        policies = [p for _, p in of_type(template, types[1]) if {"Ref": name} in listed(p[field])]
        if not any(_denies_plain(policy, action, of_it) for policy in policies for action in actions):
            yield name


def ath1_answers_are_encrypted(template: Template) -> Iterator[str]:
    """Workgroups encrypt the results of queries, whatever the client wishes."""
    for name, properties in of_type(template, "AWS::Athena::WorkGroup"):
        wanted = properties.get("WorkGroupConfiguration", {})
        encrypted = "EncryptionConfiguration" in wanted.get("ResultConfiguration", {})
        if not (encrypted and wanted.get("EnforceWorkGroupConfiguration", True)):
            yield name


def emr2_clusters_keep_logs(template: Template) -> Iterator[str]:
    """Clusters write their logs to S3."""
    yield from (name for name, cluster in _clusters(template) if "LogUri" not in cluster)


def emr4_local_disks_are_encrypted(template: Template) -> Iterator[str]:
    """Security configurations have local disks encrypted."""
    for name, encryption in _encryptions(template):
        if "LocalDiskEncryptionConfiguration" not in encryption.get("AtRestEncryptionConfiguration", {}):
            yield name


def emr5_traffic_is_encrypted(template: Template) -> Iterator[str]:
    """Security configurations have traffic between nodes encrypted."""
    yield from (name for name, encryption in _encryptions(template) if not encryption.get("EnableInTransitEncryption"))


def emr6_clusters_know_their_users(template: Template) -> Iterator[str]:
    """Clusters authenticate with an EC2 key pair or Kerberos."""
    for name, cluster in _clusters(template):
        if "Ec2KeyName" not in cluster.get("Instances", {}) and "KerberosAttributes" not in cluster:
            yield name


def s1_accesses_are_logged(template: Template) -> Iterator[str]:
    """Buckets log their accesses."""
    yield from (name for name, p in of_type(template, "AWS::S3::Bucket") if "LoggingConfiguration" not in p)


def s2_buckets_are_private(template: Template) -> Iterator[str]:
    """Buckets block public access in all four ways."""
    for name, properties in of_type(template, "AWS::S3::Bucket"):
        if list(properties.get("PublicAccessBlockConfiguration", {}).values()) != [True] * 4:
            yield name


def s10_buckets_want_tls(template: Template) -> Iterator[str]:
    """Buckets refuse requests without TLS."""
    yield from _open_to_plain(template, ("AWS::S3::Bucket", "AWS::S3::BucketPolicy"), "Bucket", ("s3:*",))


def sns3_publishers_use_tls(template: Template) -> Iterator[str]:
    """Topics refuse what is published without TLS."""
    actions = ("sns:Publish", "sns:*")
    yield from _open_to_plain(template, ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy"), "Topics", actions)


def sqs3_queues_have_dead_letter_queues(template: Template) -> Iterator[str]:
    """Queues have a dead-letter queue, or are one."""
    targets = [p for type_ in ("AWS::Events::Rule",) for _, p in of_type(template, type_)]
    letters = {as_text(t["DeadLetterConfig"]["Arn"]) for p in targets for t in p["Targets"] if "DeadLetterConfig" in t}
    for name, properties in of_type(template, "AWS::SQS::Queue"):
        if "RedrivePolicy" not in properties and f"${{{name}.Arn}}" not in letters:
            yield name


def sqs4_queues_want_tls(template: Template) -> Iterator[str]:
    """Queues refuse requests without TLS."""
    yield from _open_to_plain(template, ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy"), "Queues", ("sqs:*",))


def sf1_executions_are_logged(template: Template) -> Iterator[str]:
    """State machines log everything."""
    for name, properties in of_type(template, "AWS::StepFunctions::StateMachine"):
        logging = properties.get("LoggingConfiguration", {})
        if logging.get("Level") != "ALL" or not logging.get("Destinations"):
            yield name


def sf2_executions_are_traced(template: Template) -> Iterator[str]:
    """State machines send traces to X-Ray."""
    for name, properties in of_type(template, "AWS::StepFunctions::StateMachine"):
        if properties.get("TracingConfiguration") != {"Enabled": True}:
            yield name


def l1_runtimes_are_the_newest(template: Template) -> Iterator[str]:
    """Functions run on the newest runtime."""
    yield from (name for name, p in of_type(template, "AWS::Lambda::Function") if p["Runtime"] != NEWEST_RUNTIME)


def iam4_policies_are_ours(template: Template) -> Iterator[str]:
    """Roles have no policy that AWS manages."""
    for name, properties in of_type(template, "AWS::IAM::Role"):
        for policy in map(as_text, properties.get("ManagedPolicyArns", [])):
            if ":iam::aws:policy/" in policy:
                yield f"{name} {policy.rpartition('/')[2]}"


def iam5_permissions_are_exact(template: Template) -> Iterator[str]:
    """Permissions have no wildcards, neither in actions nor in resources, and are not what is left over from others."""
    for one in statements(template):
        yield from (f"{one.name} {text}" for text in (*one.actions, *one.resources) if "*" in text)
        yield from (f"{one.name} {kind}" for kind in ("NotAction", "NotResource") if kind in one.body)


RULES: dict[str, Rule] = {
    "ATH1": ath1_answers_are_encrypted,
    "EMR2": emr2_clusters_keep_logs,
    "EMR4": emr4_local_disks_are_encrypted,
    "EMR5": emr5_traffic_is_encrypted,
    "EMR6": emr6_clusters_know_their_users,
    "IAM4": iam4_policies_are_ours,
    "IAM5": iam5_permissions_are_exact,
    "L1": l1_runtimes_are_the_newest,
    "S1": s1_accesses_are_logged,
    "S2": s2_buckets_are_private,
    "S10": s10_buckets_want_tls,
    "SF1": sf1_executions_are_logged,
    "SF2": sf2_executions_are_traced,
    "SNS3": sns3_publishers_use_tls,
    "SQS3": sqs3_queues_have_dead_letter_queues,
    "SQS4": sqs4_queues_want_tls,
    **NETWORK_RULES,
}


def findings(template: Template) -> set[Finding]:
    """Everything that does not keep one of the rules."""
    return {Finding(f"AwsSolutions-{number}", subject) for number, rule in RULES.items() for subject in rule(template)}
