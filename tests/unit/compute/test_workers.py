"""Workers are of sizes that there are and do what executors of a cluster would do; StartJobRun accepts the jobs."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from orchard.compute.emr_eks import EmrEks
from orchard.compute.emr_plan import cluster_size
from orchard.compute.emr_serverless import EmrServerless
from orchard.compute.emr_serverless_plan import smallest_worker
from orchard.compute.images import has_python
from orchard.compute.job_runs import JobRuns
from orchard.compute.jobs import Jobs
from orchard.compute.prices import EU_WEST_1
from orchard.compute.sizing import LARGEST_VCPUS, SHAPES
from orchard.compute.work import Work
from orchard.compute.workers import LONGEST_JOB_MINUTES, Worker, Workers
from orchard.local.emr.job_run import spark_parameters
from orchard.local.moto.sdk_tasks import to_boto
from orchard.local.moto.translate import load
from orchard.options import ENGINES, NodeChoice
from orchard.pipeline.input import ArchiveVersion
from tests.support.stack.template import GIVEN, REGION, ROOT, RUN_ID, jobs_of, sam


@dataclass(frozen=True)
class Kind:
    """What runs jobs.

    Attributes:
        whole: What StartJobRun takes beside what is planned.
        driver: Where the driver's environment is, among the properties.
        submit: Where what is submitted is, in a request.
    """

    compute: JobRuns[Any]
    service: str
    whole: dict[str, Any]
    driver: str
    submit: str

    def __str__(self) -> str:
        return self.service


_ROLE = "arn:aws:iam::123456789012:role/jobs"
SERVERLESS = Kind(
    EmrServerless(),
    "emr-serverless",
    {"ApplicationId": "00f1", "ClientToken": "t", "ExecutionRoleArn": _ROLE},
    "spark.emr-serverless.driverEnv",
    "SparkSubmit",
)
EKS = Kind(
    EmrEks(),
    "emr-containers",
    {"VirtualClusterId": "0v", "ClientToken": "t", "ExecutionRoleArn": _ROLE, "ReleaseLabel": "emr-7.13.0-latest"},
    "spark.kubernetes.driverEnv",
    "SparkSubmitJobDriver",
)
KINDS = (SERVERLESS, EKS)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)

LEGAL = {2: range(4, 17), 4: range(8, 31), 8: range(16, 61, 4), 16: range(32, 121, 8)}
"""vCPUs → GB ("Understanding application behavior", EMR Serverless User Guide)."""


def planned(kind: Kind, images: int, engine: str = "onnxruntime", **choice: Any) -> Workers:  # noqa: ANN401
    found: Workers = kind.compute.size(Work(images, images * 4_500), engine, region=REGION, choice=NodeChoice(**choice))
    return found


def requests(kind: Kind, plan: Workers, jobs: Jobs | None = None, **given: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = kind.compute.requests(plan, jobs or jobs_of(), {**GIVEN, **given}).execution["jobs"]
    return found


def settings_of(kind: Kind, plan: Workers, **given: str) -> dict[str, str]:
    """The properties that the jobs of a plan are submitted with."""
    [one, *_] = requests(kind, plan, **given)
    return spark_parameters(one["JobDriver"][kind.submit]["SparkSubmitParameters"])[0]


def start_job_run_errors(kind: Kind, request: dict[str, Any]) -> str:
    shape = boto3.client(kind.service, region_name="eu-west-1").meta.service_model.operation_model("StartJobRun")  # type: ignore[call-overload]
    asked = to_boto({**kind.whole, **request}, shape.input_shape)
    found = ParamValidator().validate(asked, shape.input_shape).generate_report()
    return f"{found}{', '.join(illegal(asked, shape.input_shape))}"


def illegal(value: Any, shape: Any, at: str = "") -> Iterator[str]:  # noqa: ANN401
    """What botocore leaves to the service: fields that the model lacks, enumerations, patterns and lengths."""
    if shape.type_name == "structure":
        yield from (f"{at}.{name} is unknown" for name in value.keys() - shape.members.keys())
        for name in value.keys() & shape.members.keys():
            yield from illegal(value[name], shape.members[name], f"{at}.{name}")
        return
    size = value if shape.type_name in ("integer", "long") else len(value) if hasattr(value, "__len__") else None
    if size is not None and not shape.metadata.get("min", 0) <= size <= shape.metadata.get("max", size):
        yield f"{at} is of a size of {size}"
    if shape.type_name == "list":
        for number, inner in enumerate(value):
            yield from illegal(inner, shape.member, f"{at}[{number}]")
    if shape.type_name == "string":
        pattern, enum = shape.metadata.get("pattern"), shape.metadata.get("enum")
        if (pattern and not re.fullmatch(pattern, value)) or (enum and value not in enum):
            yield f"{at} is {value!r}"


@pytest.mark.parametrize(
    ("vcpus", "memory_mb", "memory_gb"),
    [(4, 1, 8), (4, 8 * 1024, 8), (4, 8 * 1024 + 1, 9), (8, 17 * 1024, 20), (8, 60 * 1024, 60), (16, 33 * 1024, 40)],
)
def test_a_worker_is_the_smallest_that_there_is(vcpus: int, memory_mb: int, memory_gb: int) -> None:
    assert smallest_worker(vcpus, memory_mb) == Worker(vcpus, memory_gb)


@pytest.mark.parametrize(
    ("release", "has"),
    [
        ("emr-7.13.0", True),
        ("emr-7.14.0-latest", True),
        ("emr-7.13.0-java11-latest", True),
        ("emr-7.11.0-20251020", False),
        ("emr-8.0.0", True),
        ("emr-7.11.0", False),
        ("emr-6.15.0", False),
        ("emr-spark-8.0.0", False),
        ("", False),
    ],
)
def test_an_image_is_known_to_have_python_3_11_or_not(release: str, has: bool) -> None:
    assert has_python(release) == has


def test_more_than_a_worker_may_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="at most 30 GB"):
        smallest_worker(4, 31 * 1024)


@given(
    kind=st.sampled_from(KINDS),
    images=st.integers(1, 10**8),
    engine=st.sampled_from(ENGINES),
    size=st.sampled_from([None, *SHAPES]),
    nodes=st.sampled_from([None, 0, 1, 50]),
)
def test_whatever_is_planned_can_be_had(
    kind: Kind, images: int, engine: str, size: str | None, nodes: int | None
) -> None:
    plan = planned(kind, images, engine, size=size, core_nodes=nodes)
    told = settings_of(kind, plan)
    for worker, of in ((plan.driver, "spark.driver"), (plan.executor, "spark.executor")):
        assert kind is EKS or worker.memory_gb in LEGAL[worker.vcpus]
        parts = [int(told[f"{of}.{part}"].removesuffix("m")) for part in ("memory", "memoryOverhead")]
        assert sum(parts) == worker.memory_gb * 1024, "heap and overhead are the worker"
        assert told[f"{of}.cores"] == str(worker.vcpus)
    assert plan.executor.memory_gb * 1024 >= plan.spark.heap_mb + plan.spark.overhead_mb
    for request in requests(kind, plan):
        assert start_job_run_errors(kind, request) == ""


def test_the_validation_would_notice_a_wrong_field() -> None:
    [request, *_] = requests(SERVERLESS, planned(SERVERLESS, 1))
    for change, said in (
        ({"JobDriver": {"Spark": {}}}, "unknown"),
        ({"Jobs": []}, ".jobs is unknown"),
        ({"Mode": "SOON"}, ".mode is 'soon'"),
        ({"Name": "x" * 300}, ".name is of a size of 300"),
        ({"ClientToken": "a b"}, ".clienttoken is 'a b'"),
    ):
        assert said in start_job_run_errors(SERVERLESS, {**request, **change}).lower()


@every_kind
@pytest.mark.parametrize("run", ["x" * 80, "A-b_c" * 16])
def test_the_longest_run_id_still_fits_into_a_jobs_name(kind: Kind, run: str) -> None:
    names = set()
    for one in (run, f"{run[:-1]}-"):
        for request in requests(kind, planned(kind, 1), jobs_of(one)):
            assert start_job_run_errors(kind, request) == ""
            names.add(request["Name"])
    assert len(names) == 6, "of two runs of one beginning each has its own"


@pytest.mark.parametrize(("kind", "memory"), [(SERVERLESS, 16), (EKS, 13)], ids=str)
def test_the_executors_are_those_of_the_cluster(kind: Kind, memory: int) -> None:
    cluster = cluster_size(Work(155_000, 10**9), "onnxruntime", region=REGION)
    plan = kind.compute.sized(cluster)
    assert (plan.worker_vcpus, plan.feature_seconds, plan.reason) == (
        cluster.worker_vcpus,
        cluster.feature_seconds,
        cluster.reason,
    )
    assert str(plan) == f"1 driver of 2 vCPUs with 8 GB + 2 x 8 vCPUs with {memory} GB"


@every_kind
@pytest.mark.parametrize("engine", ENGINES)
def test_driver_and_executors_find_the_python_of_the_engines_archive(kind: Kind, engine: str) -> None:
    told = settings_of(kind, planned(kind, 10, engine))
    archive = f"s3://orchard-artefacts/releases/cafe00000000/environments/{engine}.tar.gz"
    assert told["spark.archives"] == f"{archive}#environment"
    names = [
        f"{kind.driver}.PYSPARK_PYTHON",
        f"{kind.driver}.PYSPARK_DRIVER_PYTHON",
        "spark.executorEnv.PYSPARK_PYTHON",
    ]
    assert {told[name] for name in names} == {"./environment/bin/python"}


@every_kind
def test_driver_and_executors_are_told_their_region(kind: Kind) -> None:
    told = settings_of(kind, planned(kind, 10))
    for process in (kind.driver, "spark.executorEnv"):
        assert told[f"{process}.AWS_DEFAULT_REGION"] == "eu-west-1"
        assert told[f"{process}.AWS_METADATA_SERVICE_NUM_ATTEMPTS"] == "5"
        assert told[f"{process}.AWS_METADATA_SERVICE_TIMEOUT"] == "5"
        assert told[f"{process}.LANG"] == "C.UTF-8"
    assert told["spark.hadoop.fs.s3a.endpoint.region"] == "eu-west-1"


@every_kind
def test_a_job_gets_its_arguments_as_they_are_and_spark_its_settings(kind: Kind) -> None:
    jobs = jobs_of(archive=ArchiveVersion("in", "my fruits & co (1)'s.zip", "-x", "", 1))
    [unzip, _, pca] = requests(kind, planned(kind, 10), jobs)
    submit = unzip["JobDriver"][kind.submit]
    assert submit["EntryPoint"] == "s3://orchard-artefacts/releases/cafe00000000/spark_jobs/unzip.py"
    assert submit["EntryPointArguments"] == jobs.arguments["unzip"]
    parameters = submit["SparkSubmitParameters"]
    assert spark_parameters(parameters)[1] == ["--py-files", jobs.release.package]
    assert parameters == " ".join(shlex.split(parameters)), "nothing is quoted"
    assert pca["Name"] == kind.compute.job_name(RUN_ID, "pca")


def monitoring(kind: Kind, **given: str) -> list[dict[str, Any]]:
    every = requests(kind, planned(kind, 10), **given)
    for request in every:
        assert start_job_run_errors(kind, request) == ""
    return [request["ConfigurationOverrides"]["MonitoringConfiguration"] for request in every]


def test_logs_are_the_runs_own_and_nobody_elses() -> None:
    folder = jobs_of().log_uri
    for logs in monitoring(SERVERLESS):
        assert logs["S3MonitoringConfiguration"] == {"LogUri": folder}
        assert logs["ManagedPersistenceMonitoringConfiguration"] == {"Enabled": False}
    for logs in monitoring(EKS):
        assert logs == {
            "S3MonitoringConfiguration": {"LogUri": folder.removesuffix("/")},
            "ManagedLogs": {"AllowAWSToRetainLogs": "DISABLED"},
            "PersistentAppUI": "DISABLED",
        }


def test_pods_write_to_a_log_group_where_the_stack_names_one() -> None:
    for logs in monitoring(EKS, EKS_LOG_GROUP="/emr/pods"):
        named = {"LogGroupName": "/emr/pods", "LogStreamNamePrefix": RUN_ID}
        assert logs["CloudWatchMonitoringConfiguration"] == named


def test_a_pod_fits_on_a_node_of_as_many_vcpus_beside_what_kubernetes_runs_there() -> None:
    told = settings_of(EKS, planned(EKS, 10))
    assert (told["spark.driver.cores"], told["spark.kubernetes.driver.request.cores"]) == ("2", "1500m")
    assert (told["spark.executor.cores"], told["spark.kubernetes.executor.request.cores"]) == ("4", "3500m")


def test_pods_are_placed_on_nodes_that_the_wheels_are_built_for() -> None:
    assert settings_of(EKS, planned(EKS, 10))["spark.kubernetes.node.selector.kubernetes.io/arch"] == "amd64"


def test_pods_take_their_role_by_the_identity_of_their_service_account() -> None:
    told = settings_of(EKS, planned(EKS, 10))["spark.hadoop.fs.s3a.aws.credentials.provider"]
    assert told.split(",") == [
        "software.amazon.awssdk.auth.credentials.WebIdentityTokenFileCredentialsProvider",
        "software.amazon.awssdk.auth.credentials.ContainerCredentialsProvider",
    ]


def test_pods_are_of_the_releases_template_or_of_the_users() -> None:
    plan, names = planned(EKS, 10), [f"spark.kubernetes.{pod}.podTemplateFile" for pod in ("driver", "executor")]
    own = settings_of(EKS, plan)
    assert [own.get(name) for name in names] == [jobs_of().release.driver_pod, None]
    given = {"DRIVER_POD_TEMPLATE": "s3://a/driver.yaml", "EXECUTOR_POD_TEMPLATE": "s3://a/executor.yaml"}
    told = settings_of(EKS, plan, **given)
    assert [told[name] for name in names] == [*given.values()]


def test_a_job_outlasts_the_patience_of_any_stack_and_not_by_much() -> None:
    patience = sam()["Parameters"]["PatienceSeconds"]["MaxValue"] / 60
    assert patience < LONGEST_JOB_MINUTES <= patience * 1.1
    asked = {request["ExecutionTimeoutMinutes"] for request in requests(SERVERLESS, planned(SERVERLESS, 1))}
    assert asked == {LONGEST_JOB_MINUTES}


def test_a_drivers_pod_ends_by_itself_and_has_no_field_that_emr_refuses() -> None:
    """Allowed fields: "Using pod templates", Amazon EMR on EKS Development Guide."""
    pod = load(ROOT / "bootstrap" / "driver-pod.yaml")
    assert pod == {"apiVersion": "v1", "kind": "Pod", "spec": {"activeDeadlineSeconds": LONGEST_JOB_MINUTES * 60}}


def test_what_the_largest_plan_of_the_rules_needs_is_within_the_stacks_bound() -> None:
    largest = planned(SERVERLESS, 10**8).vcpus
    assert largest == LARGEST_VCPUS <= sam()["Parameters"]["MaximumVcpus"]["Default"]
    assert planned(SERVERLESS, 1).vcpus <= sam()["Parameters"]["MaximumVcpus"]["MinValue"]


def test_pods_cost_what_they_ask_for_on_top_of_nodes_that_are_not_counted() -> None:
    charges = planned(EKS, 155_000).charges(EU_WEST_1, 3)
    assert charges.rates == {"EMR on EKS": pytest.approx((1.5 + 2 * 7.5) * 0.01012 + (8 + 2 * 13) * 0.00111125)}
    assert (charges.starts_free, charges.stop_minutes) == (False, 0)
    assert "nodes of your EKS cluster" in charges.beside
    assert planned(SERVERLESS, 1).charges(EU_WEST_1, 3).beside == ""
