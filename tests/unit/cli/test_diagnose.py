"""`orchard diagnose`: why a run failed, found anew from what its execution, EMR and the logs say."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.emr.models import emr_backends

from tests.support.cloud import awsfakes
from tests.support.cloud.fake import FakeCloud, orchard
from tests.unit.diagnose.sample_logs import sample

RUN = "fruits-1"
FAILED = {"Error": "RunFailed", "Cause": "The step failed."}
LOGS = "s3://orchard-results/logs/fruits-1/"


def the_step(cloud: FakeCloud) -> tuple[str, Any]:
    """The run's cluster, and moto's own step in it."""
    [cluster] = cloud.clusters()
    [step] = emr_backends[DEFAULT_ACCOUNT_ID][awsfakes.REGION].clusters[cluster].steps
    return cluster, step


def leave_log(cloud: FakeCloud, name: str, text: str) -> str:
    """Put a log of the run's step where EMR does; its address."""
    cluster, step = the_step(cloud)
    key = f"logs/{RUN}/{cluster}/steps/{step.id}/{name}.gz"
    awsfakes.session().client("s3").put_object(Bucket="orchard-results", Key=key, Body=gzip.compress(text.encode()))
    return f"s3://orchard-results/{key}"


@pytest.fixture
def failed(make_cloud: Callable[..., FakeCloud]) -> FakeCloud:
    """A run whose step has failed, without any log."""
    cloud = make_cloud(outcome=FAILED)
    cloud.start(RUN)
    cloud.ended(RUN)
    the_step(cloud)[1].state = "FAILED"
    return cloud


def facts(run: str = RUN) -> dict[str, Any]:
    told = orchard("diagnose", run, "--json")
    assert told.exit_code == 0, told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def test_the_cause_the_lines_and_what_to_do(failed: FakeCloud) -> None:
    log = leave_log(failed, "stdout", sample("step-stdout-py4j"))
    told = orchard("diagnose", "fruits")
    assert told.exit_code == 0, told.stderr
    cluster, step = the_step(failed)
    assert (
        told.stdout
        == f"""\
The run fruits-1 failed in the unzip step.

Why
  The job stopped with ZeroDivisionError: division by zero

Where
  {log}, lines 39 to 53
{"".join(line for line in shown(sample("step-stdout-py4j")))}
Python
  ZeroDivisionError: division by zero

Java
  org.apache.spark.SparkException: Job aborted due to stage failure: Task 1 in stage 1.0 failed 4 times
  org.apache.spark.api.python.PythonException

Next
  Read the whole log of the step.

Read
  {LOGS}{cluster}/steps/{step.id}/stdout.gz: read

All logs
  {LOGS}
"""
    )


def shown(log: str) -> list[str]:
    """Lines 39 to 53 of a log, with their numbers."""
    return [f"  {number}  {line}\n" for number, line in enumerate(log.split("\n"), start=1)][38:53]


def test_of_many_lines_the_ends_are_shown_with_a_mark_between(failed: FakeCloud) -> None:
    frames = "".join(f'  File "a.py", line {number}, in f\n' for number in range(100))
    leave_log(failed, "stdout", f"Traceback (most recent call last):\n{frames}ValueError: deep\n")
    told = orchard("diagnose", RUN).stdout
    assert '   10    File "a.py", line 8, in f\n    …\n   93    File "a.py", line 91, in f\n' in told


def test_without_a_name_it_is_the_latest_run(failed: FakeCloud) -> None:
    assert orchard("diagnose").stdout.startswith(f"The run {RUN} failed")


def test_as_json_it_has_the_same_facts(failed: FakeCloud) -> None:
    log = leave_log(failed, "stdout", sample("step-stdout-own-words"))
    assert facts() == {
        "run": RUN,
        "status": "FAILED",
        "refused": False,
        "archive": "s3://orchard-input/fruits.zip",
        "cluster": the_step(failed)[0],
        "step": "unzip",
        "cause": "A share of 0.999 of the variance cannot be reached: 48 components explain 0.98 together.",
        "message": "",
        "found_in": f"{log}, line 2",
        "evidence": {
            "uri": log,
            "first_line": 2,
            "last_line": 2,
            "lines": [{"number": 2, "text": sample("step-stdout-own-words").split("\n")[1]}],
            "python": [],
            "java": [],
        },
        "read": [{"uri": log, "outcome": "read"}],
        "logs": LOGS,
        "next": "choose a smaller --variance",
    }


def test_with_nothing_found_it_says_what_was_read_and_where_to_look(failed: FakeCloud) -> None:
    found = facts()
    assert found["cause"] == "The unzip step failed, and its logs do not say why."
    assert found["evidence"] is None
    names = [look["uri"].rpartition("/")[2] for look in found["read"]]
    assert names == ["stdout.gz", "stderr.gz", "controller.gz"]
    assert {look["outcome"] for look in found["read"]} == {"not there"}
    assert found["read"][0]["uri"] in found["next"]
    told = orchard("diagnose", RUN).stdout
    assert f"{found['read'][0]['uri']}: not there\n" in told


def test_a_run_that_is_done_or_goes_on_is_said_to_be(make_cloud: Callable[..., FakeCloud]) -> None:
    cloud = make_cloud()
    cloud.leave(RUN)
    cloud.start(RUN)
    cloud.ended(RUN)
    told = orchard("diagnose", RUN)
    assert (told.exit_code, told.stdout) == (
        0, "The run fruits-1 is done: nothing went wrong.\n\nNext\n  orchard results fruits-1\n",
    )  # fmt: skip
    assert facts()["cause"] == ""


def test_a_run_that_goes_on_is_to_be_watched(make_cloud: Callable[..., FakeCloud]) -> None:
    cloud = make_cloud(goes_on=True)
    cloud.start(RUN)
    cloud.waits(RUN)
    told = orchard("--region", "eu-west-1", "diagnose", RUN).stdout
    assert told == "The run fruits-1 is still going on.\n\nNext\n  orchard --region eu-west-1 watch fruits-1\n"


def test_a_run_that_was_refused_has_its_reason(make_cloud: Callable[..., FakeCloud]) -> None:
    cloud = make_cloud(outcome={"Error": "ArchiveRefused", "Cause": "fruits.zip is not a zip: it is empty"})
    cloud.start(RUN)
    cloud.ended(RUN)
    assert orchard("diagnose", RUN).stdout == (
        "The run fruits-1 was refused before any cluster was created.\n\n"
        "Why\n  fruits.zip is not a zip: it is empty\n\nNext\n  orchard plan fruits.zip\n"
    )
    assert facts()["refused"] is True


def test_of_a_run_that_was_stopped_the_step_is_found(make_cloud: Callable[..., FakeCloud]) -> None:
    cloud = make_cloud(goes_on=True)
    arn = cloud.start(RUN)
    cloud.waits(RUN)
    the_step(cloud)[1].state = "INTERRUPTED"
    awsfakes.session().client("stepfunctions").stop_execution(executionArn=arn)
    cloud.ended(RUN)
    found = facts()
    assert (found["status"], found["step"], found["cause"]) == ("ABORTED", "unzip", "The run was stopped.")
    assert orchard("diagnose", RUN).stdout.startswith("The run fruits-1 was stopped in the unzip step.\n")


def test_there_must_be_such_a_run(make_cloud: Callable[..., FakeCloud]) -> None:
    make_cloud()
    assert orchard("diagnose", "pears").exit_code == 2
    assert orchard("diagnose").exit_code == 2
