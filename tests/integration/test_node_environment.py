"""What a process of a node finds there, printed by itself: what EMR gives it, and what the plan tells it."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from orchard.cache import project_dir
from orchard.compute.emr_eks_plan import as_pods
from orchard.compute.emr_eks_plan import job_requests as pod_requests
from orchard.compute.emr_plan import Cluster, cluster_size
from orchard.compute.emr_serverless_plan import as_serverless, job_requests
from orchard.compute.work import Work
from orchard.layout import ReleaseFiles
from orchard.local.cloud import LocalCloud
from orchard.local.emr.eks import trust_pods, virtual_cluster
from orchard.local.iam.roles import key_of
from orchard.local.moto.sdk_tasks import to_boto
from tests.support.cloud.in_process import InProcessRunner
from tests.support.cloud.mini import Json, cluster, reaches, step_states, steps_of
from tests.support.cloud.nodes import write_environment
from tests.support.stack.bundles import stack_with
from tests.support.stack.template import GIVEN, jobs_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

JOB = """\
import json, os, sys
from pyspark.sql import SparkSession

def look(_):
    return [dict(os.environ)]

def read(_):
    import boto3
    boto3.client("s3").get_object(Bucket=bucket, Key=key)
    return []

context = SparkSession.builder.getOrCreate().sparkContext
row, reading, found = context.parallelize([0], 1), {}, {}
if len(sys.argv) == 3:  # a job run has the arguments of unzip, and no boto3 outside of an archive that is not asked for
    bucket, key = sys.argv[1:]
    reading["driver"] = lambda: read(None)
    reading["executor"] = row.mapPartitions(read).count
    reading["s3a"] = context.textFile(f"s3://{bucket}/{key}").count
for where, do in reading.items():
    try:
        do()
        found[where] = "read"
    except Exception as error:
        found[where] = str(error)
[worker] = row.mapPartitions(look).collect()
print(json.dumps({"driver": dict(os.environ), "worker": worker, "read": found}))
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    jobs = {"spark_jobs/unzip.py": JOB.encode(), "bootstrap/install.sh": b"env\n"}
    stack = stack_with(tmp_path_factory.mktemp("layer"), jobs, Compute="emr-serverless")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "PYTHONPATH", "LC_ALL", "HTTPS_PROXY", "SPARK_CONF_DIR", "KERAS_HOME"):
            patch.setenv(name, "the-users-own")
        with LocalCloud(stack, tmp_path_factory.mktemp("home"), runner=InProcessRunner, cores=1) as running:
            yield running


@pytest.fixture(scope="module")
def plan(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    root = tmp_path_factory.mktemp("nodes")
    write_environment(root / "onnxruntime")
    release = ReleaseFiles(cloud.outputs["ArtefactsBucketName"], cloud.outputs["Release"])
    return Cluster.of(cluster_size(Work(1, 1), "onnxruntime", region="eu-west-1"), release, str(root))


def release_of(plan: Cluster) -> ReleaseFiles:
    bucket, _, release = plan.bootstrap_uri.removeprefix("s3://").split("/")[:3]
    return ReleaseFiles(bucket, release)


def on_a_cluster(plan: Cluster, *steps: list[str], configurations: list[Json] | None = None) -> str:
    """A cluster of the stack's, after these steps and the job."""
    release = release_of(plan)
    job = ["spark-submit", release.job("unzip"), release.bucket, release.key("bootstrap/install.sh")]
    found = cluster(
        *((step, "CONTINUE") for step in (*steps, job)),
        JobFlowRole="orchard-node-eu-west-1",
        BootstrapActions=plan.bootstrap_actions(),
        Configurations=plan.configurations() if configurations is None else configurations,
    )
    reaches(found, "WAITING")
    return found


def output(cloud: LocalCloud, place: str) -> str:
    [file] = (cloud.folder / "clusters").glob(place)
    return file.read_text()


def told_by_job(cloud: LocalCloud, cluster_id: str) -> Json:
    """What the job of a cluster printed."""
    step = steps_of(cluster_id)[-1]
    assert step["Status"]["State"] == "COMPLETED"
    told: Json = json.loads(output(cloud, f"{cluster_id}/logs/steps/{step['Id']}/stdout"))
    return told


def shell_variables(text: str) -> set[str]:
    return {line.partition("=")[0] for line in text.splitlines()} - {"PWD", "OLDPWD", "SHLVL", "_"}


def own_variables(environment: Json) -> set[str]:
    """But for what Spark's programs, and Python in a C locale, tell themselves."""
    own = {"PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON", "SPARK_CONF_DIR"}
    theirs = ("SPARK_", "PYTHON", "PYSPARK_", "_PYSPARK_", "OMP_NUM_THREADS")
    return {name for name in environment if name in own or not name.startswith(theirs)} - {
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
        "LC_CTYPE",
    }


def documented(process: str) -> set[str]:
    """The variables that docs/operations.md lists for a process."""
    text = (project_dir() / "docs" / "operations.md").read_text()
    [line] = re.findall(rf"^\| {process} \| (.+) \|$", text, re.MULTILINE)
    [every] = re.findall(r"^\| every process \| (.+) \|$", text, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", every + line))


@pytest.fixture(scope="module")
def on_emr(cloud: LocalCloud, plan: Cluster) -> dict[str, set[str]]:
    """The variables that the processes of a cluster print."""
    found = on_a_cluster(plan, ["bash", "-c", "env"])
    told, plain = told_by_job(cloud, found), steps_of(found)[0]["Id"]
    assert told["read"] == {"driver": "read", "executor": "read", "s3a": "read"}
    assert "the-users-own" not in json.dumps(told)
    assert told["driver"]["AWS_DEFAULT_REGION"] == told["worker"]["AWS_DEFAULT_REGION"] == "eu-west-1"
    return {
        "a bootstrap action": shell_variables(output(cloud, f"{found}/logs/node/*/bootstrap-actions/1/stdout")),
        "a step": shell_variables(output(cloud, f"{found}/logs/steps/{plain}/stdout")),
        "the driver of a step": own_variables(told["driver"]),
        "an executor of a step": own_variables(told["worker"]),
    }


@pytest.fixture(scope="module")
def on_serverless(cloud: LocalCloud, plan: Cluster) -> dict[str, set[str]]:
    """The variables that the processes of a job run print."""
    serverless, application = boto3.client("emr-serverless"), cloud.outputs["JobApplicationId"]
    logs = f"s3://{cloud.outputs['ResultsBucketName']}/logs/any/"
    jobs = replace(jobs_of("any"), release=release_of(plan), log_uri=logs)
    [request, *_] = job_requests(as_serverless(plan.size), jobs)
    [role] = [one["Arn"] for one in boto3.client("iam").list_roles()["Roles"] if "JobRole" in one["RoleName"]]
    asked = to_boto(request, serverless.meta.service_model.operation_model("StartJobRun").input_shape)
    job = serverless.start_job_run(applicationId=application, clientToken="one", executionRoleArn=role, **asked)[
        "jobRunId"
    ]

    def state() -> str:
        return serverless.get_job_run(applicationId=application, jobRunId=job)["jobRun"]["state"]

    eventually(lambda: state() in ("SUCCESS", "FAILED"), "the end of the job")
    assert state() == "SUCCESS", output(cloud, f"{job}/logs/stderr")
    told = json.loads(output(cloud, f"{job}/logs/stdout"))
    assert "the-users-own" not in json.dumps(told)
    assert told["driver"]["AWS_DEFAULT_REGION"] == told["worker"]["AWS_DEFAULT_REGION"] == "eu-west-1"
    return {
        "the driver of a job run": own_variables(told["driver"]),
        "an executor of a job run": own_variables(told["worker"]),
    }


@pytest.fixture(scope="module")
def in_pods(cloud: LocalCloud, plan: Cluster) -> dict[str, set[str]]:
    """The variables that the processes of a job run in pods print."""
    containers, session = boto3.Session().client("emr-containers"), boto3.Session()  # type: ignore[call-overload]
    logs = f"s3://{cloud.outputs['ResultsBucketName']}/logs/any/"
    jobs = replace(jobs_of("any"), release=release_of(plan), log_uri=logs)
    [request, *_] = pod_requests(as_pods(plan.size), jobs, GIVEN)
    [role] = [one for one in boto3.client("iam").list_roles()["Roles"] if "JobRole" in one["RoleName"]]
    trust_pods(session, role["RoleName"])
    asked = to_boto(request, containers.meta.service_model.operation_model("StartJobRun").input_shape)
    place, label = virtual_cluster(session), "emr-7.13.0-latest"
    job = containers.start_job_run(
        virtualClusterId=place, clientToken="one", executionRoleArn=role["Arn"], releaseLabel=label, **asked
    )["id"]

    def state() -> str:
        return str(containers.describe_job_run(virtualClusterId=place, id=job)["jobRun"]["state"])

    eventually(lambda: state() in ("COMPLETED", "FAILED"), "the end of the job")
    assert state() == "COMPLETED", output(cloud, f"{job}/logs/stderr")
    told = json.loads(output(cloud, f"{job}/logs/stdout"))
    assert "the-users-own" not in json.dumps(told)
    assert {told[process]["AWS_REGION"] for process in ("driver", "worker")} == {"eu-west-1"}
    check_identity(told["driver"], role["RoleName"])
    return {
        "the driver of a job run in pods": own_variables(told["driver"]),
        "an executor of a job run in pods": own_variables(told["worker"]),
    }


def check_identity(pod: Json, role: str) -> None:
    """A pod's token is changed for keys of its role, and of no role that does not trust it."""
    token = Path(pod["AWS_WEB_IDENTITY_TOKEN_FILE"]).read_text("utf-8")
    sts, name = boto3.client("sts"), "any"
    asked = {"RoleSessionName": name, "WebIdentityToken": token}
    keys = sts.assume_role_with_web_identity(RoleArn=pod["AWS_ROLE_ARN"], **asked)["Credentials"]
    assert keys["AccessKeyId"] == key_of(role)
    other = pod["AWS_ROLE_ARN"].replace(role, "orchard-node-eu-west-1")
    with pytest.raises(ClientError, match="Not authorized to perform sts:AssumeRoleWithWebIdentity"):
        sts.assume_role_with_web_identity(RoleArn=other, **asked)


@pytest.mark.parametrize("process", ["a bootstrap action", "a step", "the driver of a step", "an executor of a step"])
def test_a_process_of_a_cluster_has_what_is_documented(on_emr: dict[str, set[str]], process: str) -> None:
    assert on_emr[process] - {"LD_LIBRARY_PATH"} == documented(process)


@pytest.mark.parametrize("process", ["the driver of a job run", "an executor of a job run"])
def test_a_process_of_a_job_run_has_what_is_documented(on_serverless: dict[str, set[str]], process: str) -> None:
    assert on_serverless[process] - {"LD_LIBRARY_PATH"} == documented(process)


@pytest.mark.parametrize("process", ["the driver of a job run in pods", "an executor of a job run in pods"])
def test_a_process_of_a_pod_has_what_is_documented(in_pods: dict[str, set[str]], process: str) -> None:
    assert in_pods[process] - {"LD_LIBRARY_PATH"} == documented(process)


def without(configurations: list[Json], *ends: str) -> list[Json]:
    """The same configurations without the properties whose names end like this."""
    return [
        {
            **one,
            "Properties": {name: value for name, value in one.get("Properties", {}).items() if not name.endswith(ends)},
            "Configurations": without(one.get("Configurations", []), *ends),
        }
        for one in configurations
    ]


def test_a_region_that_is_not_told_is_found_nowhere_else(cloud: LocalCloud, plan: Cluster) -> None:
    def alone_without(end: str) -> str:
        return on_a_cluster(plan, configurations=without(plan.configurations(), end))

    untold = told_by_job(cloud, alone_without(".AWS_DEFAULT_REGION"))["read"]
    nowhere = untold.pop("executor")
    assert "There is no way from here to S3 of us-east-1" in nowhere, "an executor has only what it is told itself"
    assert untold == {"driver": "read", "s3a": "read"}
    assert told_by_job(cloud, alone_without("AWS_DEFAULT_REGION"))["read"]["driver"] != "read"
    assert step_states(alone_without("endpoint.region")) == ["FAILED"], "S3A does not even find the job"
