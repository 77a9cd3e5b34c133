"""What the stack promises: where data lie, who hears of a run, what is never deleted, where it may be deployed."""

import importlib
import inspect
import json
import re
import tomllib
from typing import Any

import pytest

from orchard.aws.sessions import DEFAULT_REGION, EU_REGIONS
from orchard.aws.stack import _EXISTING_BUCKET as EXISTING_BUCKET
from orchard.aws.stack import _OUTPUTS as STACK_OUTPUTS
from orchard.compute import emr, emr_eks, emr_eks_plan, emr_request, emr_serverless, money
from orchard.compute.emr_eks import EmrEks
from orchard.compute.emr_serverless import EmrServerless
from orchard.compute.images import RELEASE_LABEL, has_python
from orchard.compute.registry import COMPUTES, DEFAULT
from orchard.runs import inspect as runs_inspect
from orchard.runs import plan
from tests.support.stack.template import ROOT, cloudformation, findings, properties, resources, sam, types_of

BUCKETS = ("InputBucket", "ResultsBucket", "ArtefactsBucket")
PLANNERS = (runs_inspect, plan, money, emr, emr_request, emr_serverless, emr_eks_plan)
FUNCTIONS = {
    "StartPipeline": "start_pipeline",
    "InspectArchive": "inspect_archive",
    "AwaitTurn": "await_turn",
    "DescribeRun": "describe_run",
    "StopOrphans": "stop_orphans",
    "PublishArtefacts": "publish_artefacts",
}

JOB_APPLICATION, VARIABLE = EmrServerless.places
VIRTUAL_CLUSTER, CLUSTER_VARIABLE = EmrEks.places
CONDITIONAL = {JOB_APPLICATION, VIRTUAL_CLUSTER, emr_eks._RELEASE, emr_eks._ROLE, EXISTING_BUCKET}


@pytest.mark.slow
def test_the_template_has_no_finding() -> None:
    assert findings(sam()) == []


def test_the_outputs_are_those_that_the_command_line_reads() -> None:
    outputs = cloudformation()["Outputs"]
    assert set(outputs) == {*STACK_OUTPUTS.values(), *CONDITIONAL}
    assert {name for name, output in outputs.items() if "Condition" in output} == CONDITIONAL


def test_it_is_deployed_inside_the_european_union_only() -> None:
    [assertion] = sam()["Rules"]["InTheEuropeanUnion"]["Assertions"]
    regions, region = assertion["Assert"]["Fn::Contains"]
    assert region == {"Ref": "AWS::Region"}
    # The sovereign cloud is another partition, and the state machine's ARNs are of this one.
    assert set(regions) == {region for region in EU_REGIONS if not region.startswith("eusc-")}


@pytest.mark.parametrize("region", sorted(region for region in EU_REGIONS if not region.startswith("eusc-")))
def test_cloudformation_knows_every_type_wherever_the_stack_may_be(region: str) -> None:
    """A template that names another is refused, also where a condition says that none is made."""
    types = {resource["Type"] for resource in cloudformation()["Resources"].values()}
    assert {type_ for type_ in types if not type_.startswith("Custom::")} <= types_of(region)


def test_sam_deploys_to_the_command_lines_default_region() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]
    assert config["global"]["parameters"] == {"stack_name": "orchard", "region": DEFAULT_REGION}
    assert config["deploy"]["parameters"]["capabilities"] == "CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_private_and_encrypted_and_outlive_the_stack_if_they_hold_what_only_the_user_has(name: str) -> None:
    bucket = cloudformation()["Resources"][name]
    fate = ("Delete", "Delete") if name == "ArtefactsBucket" else ("RetainExceptOnCreate", "Retain")
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == fate
    wanted = bucket["Properties"]
    assert set(wanted["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(wanted["PublicAccessBlockConfiguration"]) == 4
    [encryption] = wanted["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert wanted["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    lifecycle = wanted["LifecycleConfiguration"]["Rules"]
    assert [rule for rule in lifecycle if "AbortIncompleteMultipartUpload" in rule and "Prefix" not in rule]


def test_what_is_uploaded_keeps_its_versions_for_a_while() -> None:
    for name in ("InputBucket", "ArtefactsBucket"):
        assert properties(name)["VersioningConfiguration"] == {"Status": "Enabled"}
        assert any(
            "NoncurrentVersionExpiration" in rule for rule in properties(name)["LifecycleConfiguration"]["Rules"]
        )


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_read_over_tls_only(name: str) -> None:
    [policy] = [p for p in resources("AWS::S3::BucketPolicy").values() if p["Properties"]["Bucket"] == {"Ref": name}]
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(statement["Resource"]) == 2


@pytest.mark.parametrize(
    ("name", "encryption"),
    [
        ("NoticeTopic", {"KmsMasterKeyId": "alias/aws/sns"}),
        ("UndeliveredEvents", {"SqsManagedSseEnabled": True}),
        ("AlarmTopic", {}),
    ],
)
def test_notices_alarms_and_undelivered_events_go_over_tls_only_and_are_encrypted(
    name: str, encryption: dict[str, Any]
) -> None:
    assert encryption.items() <= properties(name).items()
    denied = [s for s in properties(f"{name}Policy")["PolicyDocument"]["Statement"] if s["Effect"] == "Deny"]
    assert [statement["Condition"] for statement in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_the_mail_is_optional() -> None:
    subscriptions = resources("AWS::SNS::Subscription")
    assert {one["Properties"]["TopicArn"]["Ref"] for one in subscriptions.values()} == {"NoticeTopic", "AlarmTopic"}
    assert {one["Condition"] for one in subscriptions.values()} == {"HasNotificationEmail"}
    assert cloudformation()["Parameters"]["NotificationEmail"]["Default"] == ""


def test_every_object_calls_the_function_which_knows_more_spellings_of_zip_than_a_filter() -> None:
    calls = properties("InputBucket")["NotificationConfiguration"]["LambdaConfigurations"]
    assert calls == [{"Event": "s3:ObjectCreated:*", "Function": {"Fn::GetAtt": ["StartPipeline", "Arn"]}}]
    permission = properties("StartPipelinePermission")
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert permission["SourceArn"]["Fn::Sub"].endswith(properties("InputBucket")["BucketName"]["Fn::Sub"])
    assert cloudformation()["Resources"]["InputBucket"]["DependsOn"] == "StartPipelinePermission"


@pytest.mark.parametrize("name", BUCKETS)
def test_names_in_place_of_references_are_the_buckets_names(name: str) -> None:
    kind = name.removesuffix("Bucket").lower()
    assert properties(name)["BucketName"] == {
        "Fn::Sub": f"${{AWS::StackName}}-{kind}-${{AWS::AccountId}}-${{AWS::Region}}"
    }
    written = set(re.findall(rf"\$\{{AWS::StackName\}}-{kind}[^\"/]*", json.dumps(sam())))
    assert written == {properties(name)["BucketName"]["Fn::Sub"]}


@pytest.mark.parametrize(("logical_id", "folder"), FUNCTIONS.items())
def test_functions_state_what_they_need(logical_id: str, folder: str) -> None:
    wanted = properties(logical_id)
    assert wanted["Runtime"] == "python3.13"
    assert wanted["Architectures"] == ["x86_64"]
    assert wanted["TracingConfig"] == {"Mode": "Active"}
    assert wanted["LoggingConfig"]["LogFormat"] == "JSON"
    assert {"MemorySize", "Timeout"} <= set(wanted)
    module, _, name = wanted["Handler"].partition(".")
    assert callable(getattr(importlib.import_module(f"functions.{folder}.{module}"), name))


@pytest.mark.parametrize(("logical_id", "folder"), FUNCTIONS.items())
def test_a_functions_environment_is_what_it_reads(logical_id: str, folder: str) -> None:
    source = inspect.getsource(importlib.import_module(f"functions.{folder}.app"))
    given = properties(logical_id).get("Environment", {}).get("Variables", {})
    read = set(re.findall(r"os\.environ\[\"(\w+)\"\]", source))
    if "given=os.environ" in source:  # to plan with
        read |= set(re.findall(r"given\[\"(\w+)\"\]", "".join(map(inspect.getsource, PLANNERS))))
    if "Access(clients.client, os.environ)" in source:
        read |= {VARIABLE, CLUSTER_VARIABLE}
    assert set(given) == read


@pytest.mark.parametrize("name", ["StartPipeline", "StopOrphans"])
def test_an_event_that_no_attempt_could_handle_is_kept(name: str) -> None:
    [config] = [
        c
        for c in resources("AWS::Lambda::EventInvokeConfig").values()
        if c["Properties"]["FunctionName"] == {"Ref": name}
    ]
    queue = {"Fn::GetAtt": ["UndeliveredEvents", "Arn"]}
    assert config["Properties"]["DestinationConfig"]["OnFailure"]["Destination"] == queue


def test_an_execution_that_ends_badly_calls_stop_orphans() -> None:
    rule = properties("EndedExecutions")
    assert rule["EventPattern"]["detail"] == {
        "status": ["FAILED", "TIMED_OUT", "ABORTED"],
        "stateMachineArn": [{"Ref": "Pipeline"}],
    }
    [target] = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["StopOrphans", "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["UndeliveredEvents", "Arn"]}}
    permission = properties("StopOrphansPermission")
    assert permission["SourceArn"] == {"Fn::GetAtt": ["EndedExecutions", "Arn"]}


def test_logs_are_not_kept_for_ever() -> None:
    groups = resources("AWS::Logs::LogGroup")
    assert len(groups) == len(FUNCTIONS) + 1
    assert all(group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    written = {properties(name)["LoggingConfig"]["LogGroup"]["Ref"] for name in FUNCTIONS} | {"PipelineLogs"}
    assert written == set(groups)


def test_executions_are_logged_and_traced() -> None:
    pipeline = properties("Pipeline")
    assert pipeline["StateMachineType"] == "STANDARD"
    assert pipeline["LoggingConfiguration"]["Level"] == "ALL"
    assert pipeline["LoggingConfiguration"]["IncludeExecutionData"] is True
    assert pipeline["TracingConfiguration"] == {"Enabled": True}


def test_the_nodes_role_and_its_profile_share_their_name() -> None:
    assert properties("NodeProfile")["InstanceProfileName"] == properties("NodeRole")["RoleName"]
    assert properties("NodeProfile")["Roles"] == [{"Ref": "NodeRole"}]
    assert properties("InspectArchive")["Environment"]["Variables"]["NODE_PROFILE"] == {"Ref": "NodeProfile"}


def test_clusters_encrypt_what_they_write_and_answer_to_imdsv2_only() -> None:
    security = properties("ClusterSecurity")["SecurityConfiguration"]
    encryption = security["EncryptionConfiguration"]
    assert encryption["EnableAtRestEncryption"] is True
    assert encryption["AtRestEncryptionConfiguration"]["S3EncryptionConfiguration"] == {"EncryptionMode": "SSE-S3"}
    metadata = security["InstanceMetadataServiceConfiguration"]
    assert metadata == {"MinimumInstanceMetadataServiceVersion": 2, "HttpPutResponseHopLimit": 1}


def test_what_runs_work_on_is_a_parameter() -> None:
    assert tuple(cloudformation()["Parameters"]["Compute"]["AllowedValues"]) == tuple(COMPUTES)
    assert cloudformation()["Parameters"]["Compute"]["Default"] == DEFAULT
    for condition, compute in (("IsServerless", "emr-serverless"), ("IsEks", "emr-eks"), ("MakesClusters", "emr-ec2")):
        assert cloudformation()["Conditions"][condition] == {"Fn::Equals": [{"Ref": "Compute"}, compute]}
    assert properties("InspectArchive")["Environment"]["Variables"]["COMPUTE"] == {"Ref": "Compute"}


def test_an_application_exists_with_all_that_is_its_own_only_where_runs_work_on_it() -> None:
    conditional = {
        name for name, one in cloudformation()["Resources"].items() if one.get("Condition") == "IsServerless"
    }
    assert conditional == {"JobApplication", "JobRole", "StartJobs", "LookAtJobs", "StopJobs", "StopApplication"}
    for function in ("DescribeRun", "StopOrphans"):
        [condition, there, absent] = properties(function)["Environment"]["Variables"][VARIABLE]["Fn::If"]
        assert (condition, absent) == ("IsServerless", "")
        assert there == {"Fn::GetAtt": ["JobApplication", "ApplicationId"]}


def test_what_pods_need_exists_only_where_runs_work_in_them() -> None:
    """The role that pods take, permissions to start, see and end job runs, and to leave the virtual cluster."""
    template = cloudformation()
    of_pods = {name for name, one in template["Resources"].items() if one.get("Condition") == "IsEks"}
    assert of_pods == {"PodRole", "StartPods", "LookAtPods", "StopPods", "LeaveVirtualCluster"}
    for condition in (
        "PodsHaveSourceKeys",
        "PodsHaveSourceBuckets",
        "HasDriverPod",
        "HasExecutorPod",
        "PodsHaveLogGroup",
    ):
        assert template["Conditions"][condition]["Fn::And"][0] == {"Condition": "IsEks"}
        assert [one for one in template["Resources"].values() if one.get("Condition") == condition]
    for function in ("DescribeRun", "StopOrphans"):
        given = properties(function)["Environment"]["Variables"][CLUSTER_VARIABLE]
        assert given == {"Fn::If": ["IsEks", {"Ref": VIRTUAL_CLUSTER}, ""]}
    [assertion] = sam()["Rules"]["PodsHaveAVirtualCluster"]["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": VIRTUAL_CLUSTER}, ""]}]}


def test_a_virtual_cluster_is_let_go_by_what_is_deleted_before_the_permission_to_look_at_it() -> None:
    wanted = properties("Publication")
    assert wanted[VIRTUAL_CLUSTER] == {"Fn::If": ["IsEks", {"Ref": VIRTUAL_CLUSTER}, ""]}
    assert wanted["Permission"]["Fn::If"][2] == {"Fn::If": ["IsEks", {"Ref": "LeaveVirtualCluster"}, ""]}
    assert wanted["StackName"] == {"Ref": "AWS::StackName"}


@pytest.mark.parametrize("pod", ["Driver", "Executor"])
def test_a_pods_template_is_read_and_nothing_beside_it(pod: str) -> None:
    [statement] = properties(f"Use{pod}PodTemplate")["PolicyDocument"]["Statement"]
    name, names = statement["Resource"]["Fn::Sub"]
    assert name == f"arn:${{AWS::Partition}}:s3:::${{{pod}PodObject}}"
    assert names == {f"{pod}PodObject": {"Fn::Select": [1, {"Fn::Split": ["s3://", {"Ref": f"{pod}PodTemplate"}]}]}}


def test_the_release_of_pods_has_the_python_that_jobs_run_on() -> None:
    label = cloudformation()["Parameters"]["EksReleaseLabel"]
    assert label["Default"] == f"{RELEASE_LABEL}-latest"
    assert has_python(label["Default"])
    for good in (label["Default"], "emr-7.13.0-20260421", "emr-7.13.0-java11-latest"):
        assert re.fullmatch(label["AllowedPattern"], good)
    for bad in ("emr-7.13.0", "emr-6.15.0-latest", "latest"):
        assert not re.fullmatch(label["AllowedPattern"], bad)


def test_a_turn_is_told_by_how_many_may_work_and_on_emr_serverless_by_how_many_have_room() -> None:
    given = properties("AwaitTurn")["Environment"]["Variables"]
    plans = properties("InspectArchive")["Environment"]["Variables"]
    for told in (given, plans):
        assert told["MAXIMUM_RUNS"] == {"Ref": "MaximumRuns"}
        assert told["MAXIMUM_VCPUS"] == {"Fn::If": ["IsServerless", {"Ref": "MaximumVcpus"}, ""]}
    assert plans["MAXIMUM_USD"] == {"Ref": "MaximumUsd"}
    machine, name = given["STATE_MACHINE_ARN"]["Fn::Sub"], properties("Pipeline")["StateMachineName"]["Fn::Sub"]
    assert machine.endswith(f":stateMachine:{name}"), "by its text: the state machine refers to the function"


def test_an_application_is_stopped_by_what_is_deleted_before_it_and_before_the_permission_to() -> None:
    """CloudFormation deletes what refers to others first, on the stack's deletion and after a switch of Compute."""
    wanted = properties("Publication")
    for name, value in (
        (JOB_APPLICATION, {"Fn::GetAtt": ["JobApplication", "ApplicationId"]}),
        ("Permission", {"Ref": "StopApplication"}),
    ):
        assert wanted[name]["Fn::If"][:2] == ["IsServerless", value]
    assert properties("StopApplication")["RoleName"] == {"Ref": "PublishArtefactsRole"}


def test_an_application_runs_what_clusters_run_keeps_nothing_ready_and_has_a_bound() -> None:
    wanted = properties("JobApplication")
    assert (wanted["Type"], wanted["Architecture"]) == ("SPARK", "X86_64")
    assert wanted["ReleaseLabel"] == {"Ref": "ServerlessReleaseLabel"}
    label = cloudformation()["Parameters"]["ServerlessReleaseLabel"]
    assert label["Default"] == RELEASE_LABEL
    assert has_python(RELEASE_LABEL)
    assert re.fullmatch(label["AllowedPattern"], RELEASE_LABEL)
    assert "InitialCapacity" not in wanted, "workers that are kept ready are paid for"
    assert wanted["AutoStartConfiguration"] == {"Enabled": True}
    assert wanted["AutoStopConfiguration"] == {"Enabled": True, "IdleTimeoutMinutes": 1}
    assert wanted["MaximumCapacity"]["Cpu"] == {"Fn::Sub": "${MaximumVcpus} vCPU"}
    most = cloudformation()["Parameters"]["MaximumVcpus"]["MaxValue"]
    assert wanted["MaximumCapacity"]["Memory"] == f"{most * 7.5:.0f} GB", "no worker has more for each vCPU"
