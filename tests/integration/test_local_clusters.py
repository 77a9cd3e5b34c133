"""Clusters of the local cloud: real processes, and the states and logs that EMR promises."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from orchard.cache.lifeline import descendants
from orchard.compute.spark import s3a_settings
from orchard.local.cloud import LocalCloud
from tests.support.cloud.in_process import InProcessRunner
from tests.support.cloud.mini import STACK, cluster, reaches, read, script, status, step_states, steps_of
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(STACK, tmp_path_factory.mktemp("home"), runner=InProcessRunner, cores=1) as running:
        yield running


def test_a_cluster_waits_for_steps_and_runs_them_in_order(cloud: LocalCloud, tmp_path: Path) -> None:
    log = tmp_path / "log"
    append = [["bash", "-c", f"sleep 0.{3 - number}; echo {number} >> {log}"] for number in range(3)]
    found = cluster(*append)
    now = reaches(found, "WAITING")

    assert log.read_text().split() == ["0", "1", "2"]
    assert step_states(found) == ["COMPLETED"] * 3
    assert "ReadyDateTime" in now["Timeline"]
    assert "EndDateTime" not in now["Timeline"]
    [first, second, _] = [step["Status"]["Timeline"] for step in steps_of(found)]
    assert first["StartDateTime"] <= first["EndDateTime"] <= second["StartDateTime"]

    boto3.client("emr").terminate_job_flows(JobFlowIds=[found])
    assert "EndDateTime" in reaches(found, "TERMINATED")["Timeline"]
    with pytest.raises(ClientError, match="may not be modified"):
        boto3.client("emr").add_job_flow_steps(JobFlowId=found, Steps=[])


def test_a_cluster_that_is_not_kept_ends_with_its_last_step(cloud: LocalCloud) -> None:
    found = cluster(["true"], keep_alive=False)

    assert reaches(found, "TERMINATED")["StateChangeReason"]["Code"] == "ALL_STEPS_COMPLETED"


@pytest.mark.parametrize(
    ("action", "states", "end"),
    [
        ("CONTINUE", ["FAILED", "COMPLETED"], "WAITING"),
        ("CANCEL_AND_WAIT", ["FAILED", "CANCELLED"], "WAITING"),
        ("TERMINATE_CLUSTER", ["FAILED", "CANCELLED"], "TERMINATED_WITH_ERRORS"),
    ],
)
def test_what_follows_a_failed_step(cloud: LocalCloud, action: str, states: list[str], end: str) -> None:
    bucket = cloud.outputs["ResultsBucketName"]
    found = cluster((["bash", "-c", "echo why >&2; exit 3"], action), ["true"], LogUri=f"s3n://{bucket}/any/")

    now = reaches(found, end)

    assert step_states(found) == states
    details = steps_of(found)[0]["Status"]["FailureDetails"]
    assert details["Message"] == "why"
    assert read(details["LogFile"]) == "why\n"
    assert now["StateChangeReason"].get("Code") == ("STEP_FAILURE" if action == "TERMINATE_CLUSTER" else None)


def test_a_program_that_is_not_there_fails_its_step(cloud: LocalCloud) -> None:
    found = cluster((["no-such-program"], "CONTINUE"))

    reaches(found, "WAITING")
    assert "no-such-program" in steps_of(found)[0]["Status"]["FailureDetails"]["Message"]


def test_a_failed_bootstrap_action_ends_the_cluster_before_it_was_ready(cloud: LocalCloud) -> None:
    bucket = cloud.outputs["ResultsBucketName"]
    uri = script(cloud, "fail.sh", 'echo "no wheels in $1" >&2; exit 5')
    found = cluster(
        ["true"],
        LogUri=f"s3://{bucket}/boot/",
        BootstrapActions=[{"Name": "install", "ScriptBootstrapAction": {"Path": uri, "Args": ["s3://house"]}}],
    )

    now = reaches(found, "TERMINATED_WITH_ERRORS")

    assert now["StateChangeReason"]["Code"] == "BOOTSTRAP_FAILURE"
    message = now["StateChangeReason"]["Message"]
    assert message.endswith("bootstrap action 1 returned a non-zero return code")
    instance = message.split("(")[1].split(")")[0]
    assert (
        read(f"s3://{bucket}/boot/{found}/node/{instance}/bootstrap-actions/1/stderr.gz") == "no wheels in s3://house\n"
    )
    assert "ReadyDateTime" not in now["Timeline"]
    assert step_states(found) == ["CANCELLED"]


def test_a_bootstrap_action_finds_what_a_node_has(cloud: LocalCloud, tmp_path: Path) -> None:
    note = script(cloud, "a note", "from S3")
    uri = script(
        cloud,
        "boot.sh",
        'set -euo pipefail\naws s3 cp --only-show-errors "$1" "$2"\nsudo -E FRUIT=pear sh -c \'echo $FRUIT\' >> "$2"\n'
        'python3.11 -c "print(3)" >> "$2"\n',
    )
    actions = [{"Name": "b", "ScriptBootstrapAction": {"Path": uri, "Args": [note, str(tmp_path / "note")]}}]

    reaches(cluster(BootstrapActions=actions), "WAITING")

    assert (tmp_path / "note").read_text() == "from S3pear\n3\n"


def test_terminating_a_cluster_ends_the_step_with_all_its_processes(cloud: LocalCloud, tmp_path: Path) -> None:
    # the grandchild makes a process group of its own, as pyspark's daemon does
    inner = "import os, time; os.setpgid(0, 0); open('%s', 'w').write(str(os.getsid(0))); time.sleep(600)"
    told = tmp_path / "session"
    found = cluster(["bash", "-c", f'python3.11 -c "{inner % told}" & wait'], ["true"])
    session = int(eventually(lambda: told.read_text() if told.exists() else "", "the grandchild"))
    assert descendants(session)

    boto3.client("emr").terminate_job_flows(JobFlowIds=[found])

    assert status(found)["State"] in {"TERMINATING", "TERMINATED"}
    assert reaches(found, "TERMINATED")["StateChangeReason"]["Code"] == "USER_REQUEST"
    assert step_states(found) == ["INTERRUPTED", "CANCELLED"]
    assert not descendants(session)


def test_an_idle_cluster_ends_of_itself(cloud: LocalCloud) -> None:
    found = cluster(["sleep", "2"], AutoTerminationPolicy={"IdleTimeout": 1})

    now = reaches(found, "TERMINATED")

    assert step_states(found) == ["COMPLETED"]  # a cluster with work to do is not idle
    assert "idle" in now["StateChangeReason"]["Message"]


def test_steps_can_be_cancelled(cloud: LocalCloud) -> None:
    emr = boto3.client("emr")
    found = cluster(["sleep", "600"], ["true"], ["true"])
    eventually(lambda: step_states(found)[0] == "RUNNING", "a running step")
    [running, pending, last] = [step["Id"] for step in steps_of(found)]

    answers = emr.cancel_steps(ClusterId=found, StepIds=[pending, running, "s-NONE"])["CancelStepsInfoList"]

    assert [answer["Status"] for answer in answers] == ["SUBMITTED", "SUBMITTED", "FAILED"]
    reaches(found, "WAITING")
    assert step_states(found) == ["CANCELLED", "CANCELLED", "COMPLETED"]
    [refused] = emr.cancel_steps(ClusterId=found, StepIds=[last])["CancelStepsInfoList"]
    assert refused["Status"] == "FAILED"


SPARK_JOB = """\
import os, sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
where = sys.argv[1]
spark.range(100).repartition(2).write.parquet(where)
assert spark.read.parquet(where).count() == 100
print(spark.conf.get("spark.sql.session.timeZone"), os.environ["FRUIT"], spark.sparkContext.master)
"""


def test_a_spark_step_reads_and_writes_s3(cloud: LocalCloud) -> None:
    bucket = cloud.outputs["ResultsBucketName"]
    job = script(cloud, "job.py", SPARK_JOB)
    exports = [{"Classification": "export", "Properties": {"FRUIT": "quince", "PYSPARK_PYTHON": "python3.11"}}]
    found = cluster(
        ["spark-submit", job, f"s3://{bucket}/numbers with spaces/"],
        LogUri=f"s3://{bucket}/spark/",
        Configurations=[
            {
                "Classification": "spark-defaults",
                "Properties": {
                    **s3a_settings("eu-west-1"),
                    "spark.sql.session.timeZone": "UTC",
                    "spark.executor.memory": "900g",
                },
            },
            {"Classification": "spark-env", "Properties": {}, "Configurations": exports},
        ],
    )

    reaches(found, "WAITING", "TERMINATED_WITH_ERRORS")

    [step] = steps_of(found)
    logs = f"s3://{bucket}/spark/{found}/steps/{step['Id']}"
    assert step["Status"]["State"] == "COMPLETED", read(f"{logs}/stderr.gz")
    assert read(f"{logs}/stdout.gz") == "UTC quince local[1,4]\n"
    kept = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix="numbers with spaces/")["Contents"]
    assert sum(one["Key"].endswith(".parquet") for one in kept) == 2
