"""Workers are of sizes that there are and do what executors of a cluster would do; StartJobRun accepts the jobs."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from orchard.compute.emr_plan import cluster_size
from orchard.compute.emr_serverless import EmrServerless
from orchard.compute.emr_serverless_plan import (
    EXECUTION_TIMEOUT_MINUTES,
    ServerlessSize,
    Worker,
    as_serverless,
    job_requests,
    smallest_worker,
)
from orchard.compute.images import has_python
from orchard.compute.sizing import LARGEST_VCPUS, SHAPES
from orchard.compute.work import Work
from orchard.local.emr.job_run import spark_parameters
from orchard.local.moto.sdk_tasks import to_boto
from orchard.options import ENGINES, NodeChoice
from orchard.pipeline.input import ArchiveVersion
from tests.support.stack.template import REGION, RUN_ID, jobs_of, sam

LEGAL = {2: range(4, 17), 4: range(8, 31), 8: range(16, 61, 4), 16: range(32, 121, 8)}
"""vCPUs → GB ("Understanding application behavior", EMR Serverless User Guide)."""


def planned(images: int, engine: str = "onnxruntime", **choice: Any) -> ServerlessSize:  # noqa: ANN401
    return EmrServerless().size(Work(images, images * 4_500), engine, region=REGION, choice=NodeChoice(**choice))


def environment(engine: str = "onnxruntime") -> str:
    return jobs_of().release.environment(engine)


def requests(plan: ServerlessSize) -> list[dict[str, Any]]:
    return job_requests(plan, jobs_of())


def start_job_run_errors(request: dict[str, Any]) -> str:
    shape = boto3.client("emr-serverless", region_name="eu-west-1").meta.service_model.operation_model("StartJobRun")
    whole = {"ApplicationId": "00f1", "ClientToken": "t", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/jobs"}
    asked = to_boto({**whole, **request}, shape.input_shape)
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
    images=st.integers(1, 10**8),
    engine=st.sampled_from(ENGINES),
    size=st.sampled_from([None, *SHAPES]),
    nodes=st.sampled_from([None, 0, 1, 50]),
)
def test_whatever_is_planned_can_be_had(images: int, engine: str, size: str | None, nodes: int | None) -> None:
    plan = planned(images, engine, size=size, core_nodes=nodes)
    told = plan.spark_settings(environment())
    for worker, of in ((plan.driver, "spark.driver"), (plan.executor, "spark.executor")):
        assert worker.memory_gb in LEGAL[worker.vcpus]
        parts = [int(told[f"{of}.{part}"].removesuffix("m")) for part in ("memory", "memoryOverhead")]
        assert sum(parts) == worker.memory_gb * 1024, "heap and overhead are the worker"
        assert told[f"{of}.cores"] == str(worker.vcpus)
    assert plan.executor.memory_gb * 1024 >= plan.spark.heap_mb + plan.spark.overhead_mb
    for request in requests(plan):
        assert start_job_run_errors(request) == ""


def test_the_validation_would_notice_a_wrong_field() -> None:
    [request, *_] = requests(planned(1))
    assert "unknown" in start_job_run_errors({**request, "JobDriver": {"Spark": {}}}).lower()
    assert ".Jobs is unknown" in start_job_run_errors({**request, "Jobs": []})
    assert ".mode is 'SOON'" in start_job_run_errors({**request, "Mode": "SOON"})
    assert ".name is of a size of 300" in start_job_run_errors({**request, "Name": "x" * 300})
    assert ".clientToken is 'a b'" in start_job_run_errors({**request, "ClientToken": "a b"})


def test_the_longest_run_id_still_fits_into_a_jobs_name() -> None:
    for request in job_requests(planned(1), jobs_of("x" * 80)):
        assert start_job_run_errors(request) == ""


def test_the_executors_are_those_of_the_cluster() -> None:
    cluster = cluster_size(Work(155_000, 10**9), "onnxruntime", region=REGION)
    plan = as_serverless(cluster)
    assert (plan.worker_vcpus, plan.feature_seconds, plan.reason) == (
        cluster.worker_vcpus,
        cluster.feature_seconds,
        cluster.reason,
    )
    assert str(plan) == "1 driver of 2 vCPUs with 8 GB + 2 x 8 vCPUs with 16 GB"


@pytest.mark.parametrize("engine", ENGINES)
def test_driver_and_executors_find_the_python_of_the_engines_archive(engine: str) -> None:
    told = planned(10, engine).spark_settings(environment(engine))
    assert (
        told["spark.archives"]
        == f"s3://orchard-artefacts/releases/cafe00000000/environments/{engine}.tar.gz#environment"
    )
    python = "./environment/bin/python"
    for name in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
        assert told[f"spark.emr-serverless.driverEnv.{name}"] == python
    assert told["spark.executorEnv.PYSPARK_PYTHON"] == python


def test_driver_and_executors_are_told_their_region() -> None:
    told = planned(10).spark_settings(environment())
    for process in ("spark.emr-serverless.driverEnv", "spark.executorEnv"):
        assert told[f"{process}.AWS_DEFAULT_REGION"] == "eu-west-1"
        assert told[f"{process}.AWS_METADATA_SERVICE_NUM_ATTEMPTS"] == "5"
        assert told[f"{process}.AWS_METADATA_SERVICE_TIMEOUT"] == "5"
        assert told[f"{process}.LANG"] == "C.UTF-8"
    assert told["spark.hadoop.fs.s3a.endpoint.region"] == "eu-west-1"


def test_a_job_gets_its_arguments_as_they_are_and_spark_its_settings() -> None:
    plan = planned(10)
    jobs = jobs_of(archive=ArchiveVersion("in", "my fruits & co (1)'s.zip", "-x", "", 1))
    [unzip, _, pca] = job_requests(plan, jobs)
    submit = unzip["JobDriver"]["SparkSubmit"]
    assert submit["EntryPoint"] == "s3://orchard-artefacts/releases/cafe00000000/spark_jobs/unzip.py"
    assert submit["EntryPointArguments"] == jobs.arguments["unzip"]
    settings_, options = spark_parameters(submit["SparkSubmitParameters"])
    assert settings_ == plan.spark_settings(environment())
    assert options == ["--py-files", jobs.release.package]
    assert submit["SparkSubmitParameters"] == " ".join(shlex.split(submit["SparkSubmitParameters"])), (
        "nothing is quoted"
    )
    assert pca["Name"] == f"{RUN_ID} pca"


def test_logs_are_the_runs_own_and_nobody_elses() -> None:
    for request in requests(planned(10)):
        monitoring = request["ConfigurationOverrides"]["MonitoringConfiguration"]
        assert monitoring["S3MonitoringConfiguration"] == {"LogUri": jobs_of().log_uri}
        assert monitoring["ManagedPersistenceMonitoringConfiguration"] == {"Enabled": False}


def test_a_job_outlasts_the_patience_of_any_stack_and_not_by_much() -> None:
    patience = sam()["Parameters"]["PatienceSeconds"]["MaxValue"] / 60
    assert patience < EXECUTION_TIMEOUT_MINUTES <= patience * 1.1
    assert {request["ExecutionTimeoutMinutes"] for request in requests(planned(1))} == {EXECUTION_TIMEOUT_MINUTES}


def test_what_the_largest_plan_of_the_rules_needs_is_within_the_stacks_bound() -> None:
    assert planned(10**8).vcpus == LARGEST_VCPUS
    assert planned(10**8).vcpus <= sam()["Parameters"]["MaximumVcpus"]["Default"]
    assert planned(1).vcpus <= sam()["Parameters"]["MaximumVcpus"]["MinValue"]
