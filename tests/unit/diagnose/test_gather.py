"""Facts come from EMR and S3, and each that nobody answers for is empty."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from orchard.diagnose import gather as gathering
from orchard.diagnose.gather import gather, read_log, step_log_uri

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LOG = "logs/r/j-1/steps/s-2/stdout.gz"
STATE = {
    "run_id": "r",
    "inspected": {"plan": {"run_uri": "s3://out/runs/r", "log_uri": "s3://out/logs/r/"}},
    "cluster": {"id": "j-1"},
    "steps": {"unzip": {"id": "s-1"}, "featurize": {"id": "s-2"}, "pca": {"id": "s-3"}},
}
FAILED = {**STATE, "failure": {"Error": "StepFailed", "Cause": ""}}


class FakeEmr:
    """Knows one cluster, and the states of its steps."""

    def __init__(self, *states: str, answers: bool = True) -> None:
        self._states = dict(zip(("s-1", "s-2", "s-3"), states, strict=True)) if states else {}
        self._answers = answers

    def describe_cluster(self, ClusterId: str) -> dict[str, Any]:  # noqa: N803 (boto3's)
        if not self._answers:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "DescribeCluster")
        return {"Cluster": {"Status": {"Timeline": {"CreationDateTime": NOW - timedelta(minutes=20)}}}}

    def describe_step(self, ClusterId: str, StepId: str) -> dict[str, Any]:  # noqa: N803 (boto3's)
        return {"Step": {"Status": {"State": self._states[StepId], "FailureDetails": {"Reason": f"of {StepId}"}}}}


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="out")
        yield client


def ask(state: object, emr: FakeEmr, s3: Any) -> gathering.RunFacts:  # noqa: ANN401
    return gather(state, started="2026-11-20T11:30:00.000Z", emr=emr, s3=s3, now=NOW)  # type: ignore[arg-type]


def test_the_step_that_failed_is_found_with_what_its_log_says(s3: Any) -> None:  # noqa: ANN401
    text = 'INFO a\nORCHARD-ERROR {"headline": "Told", "cause": "why", "next": "this"}\n'
    s3.put_object(Bucket="out", Key=LOG, Body=gzip.compress(text.encode()))
    facts = ask(FAILED, FakeEmr("COMPLETED", "FAILED", "CANCELLED"), s3)
    assert facts.failed_step is not None
    assert facts.failed_step.stage == "featurize"
    assert facts.failed_step.details == {"Reason": "of s-2"}
    assert facts.failed_step.finding is not None
    assert facts.failed_step.finding.first_line == 2
    assert (facts.minutes, facts.cluster_seconds) == (30, 1200)


def test_what_spark_says_counts_when_python_says_nothing(s3: Any) -> None:  # noqa: ANN401
    sparks = LOG.replace("stdout", "stderr")
    s3.put_object(Bucket="out", Key=LOG, Body=gzip.compress(b"unzip: done\n"))
    s3.put_object(
        Bucket="out", Key=sparks, Body=gzip.compress(b"Caused by: java.lang.OutOfMemoryError: Java heap space")
    )
    facts = ask(FAILED, FakeEmr("COMPLETED", "FAILED", "CANCELLED"), s3)
    assert facts.failed_step is not None
    assert facts.failed_step.finding is not None
    assert facts.failed_step.log_uri == f"s3://out/{sparks}"


@pytest.mark.parametrize(
    "body", [None, b"not gzip", gzip.compress(b"x" * 100)[:-9], gzip.compress(b"")[:10] + b"\xff" * 9]
)
def test_a_log_that_is_missing_or_broken_leaves_the_place_where_it_belongs(s3: Any, body: bytes | None) -> None:  # noqa: ANN401
    if body is not None:
        s3.put_object(Bucket="out", Key=LOG, Body=body)
    facts = ask(FAILED, FakeEmr("COMPLETED", "FAILED", "CANCELLED"), s3)
    assert facts.failed_step is not None
    assert facts.failed_step.finding is None
    assert facts.failed_step.log_uri == f"s3://out/{LOG}"


def test_of_a_long_log_the_end_is_read_and_the_lines_are_counted_from_its_start(
    s3: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gathering, "_MAX_LOG_BYTES", 1000)
    monkeypatch.setattr(gathering, "_CHUNK_BYTES", 64)
    lines = [f"line {n}" for n in range(1, 1001)]
    s3.put_object(Bucket="out", Key="log.gz", Body=gzip.compress("\n".join(lines).encode()))
    log = read_log("s3://out/log.gz", s3)
    assert log is not None
    assert 900 < len(log.text) < 3000
    assert log.text.splitlines() == lines[log.skipped :]


def test_a_success_reads_its_summary_and_a_failure_does_not(s3: Any) -> None:  # noqa: ANN401
    s3.put_object(Bucket="out", Key="runs/r/summary.json", Body=json.dumps({"engine": "onnxruntime"}).encode())
    emr = FakeEmr("COMPLETED", "COMPLETED", "COMPLETED")
    assert ask(STATE, emr, s3).summary == {"engine": "onnxruntime"}
    assert ask(STATE, emr, s3).failed_step is None
    assert ask(FAILED, emr, s3).summary == {}


def test_a_summary_that_is_no_object_is_none(s3: Any) -> None:  # noqa: ANN401
    s3.put_object(Bucket="out", Key="runs/r/summary.json", Body=b"[1]")
    assert ask(STATE, FakeEmr("COMPLETED", "COMPLETED", "COMPLETED"), s3).summary == {}


def test_questions_that_are_not_answered_leave_their_facts_empty(s3: Any) -> None:  # noqa: ANN401
    facts = ask(STATE, FakeEmr(answers=False), s3)
    assert facts == gathering.RunFacts(minutes=30)
    assert gather(None, started="?", emr=FakeEmr(), s3=s3) == gathering.RunFacts()  # type: ignore[arg-type]


def test_logs_are_where_emr_writes_them() -> None:
    assert step_log_uri("s3://out/logs/r/", "j-1", "s-2", "stdout") == f"s3://out/{LOG}"
    assert step_log_uri("s3://out/logs/r", "j-1", "s-2", "controller").endswith("/j-1/steps/s-2/controller.gz")
