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
from orchard.diagnose.gather import gather
from orchard.diagnose.logs import Look
from tests.unit.diagnose.sample_logs import sample

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
        state = self._states[StepId]
        began = {} if state == "CANCELLED" else {"StartDateTime": NOW}
        details = {"Reason": f"of {StepId}"}
        return {"Step": {"Status": {"State": state, "Timeline": began, "FailureDetails": details}}}


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
    assert (facts.failed_step.stage, facts.failed_step.failed) == ("featurize", True)
    assert facts.failed_step.details == {"Reason": "of s-2"}
    [evidence] = facts.evidence
    assert (evidence.uri, evidence.finding.first_line) == (f"s3://out/{LOG}", 2)
    assert facts.looks == (Look(f"s3://out/{LOG}", "read"),)
    assert (facts.minutes, facts.cluster_seconds) == (30, 1200)


def test_a_step_that_was_cut_off_is_looked_at_too(s3: Any) -> None:  # noqa: ANN401
    facts = ask(FAILED, FakeEmr("COMPLETED", "INTERRUPTED", "CANCELLED"), s3)
    assert facts.failed_step is not None
    assert (facts.failed_step.stage, facts.failed_step.failed) == ("featurize", False)
    assert [look.outcome for look in facts.looks] == ["not there"] * 3


def test_a_step_that_failed_says_more_than_one_that_was_cut_off_before_it(s3: Any) -> None:  # noqa: ANN401
    facts = ask(FAILED, FakeEmr("INTERRUPTED", "FAILED", "CANCELLED"), s3)
    assert facts.failed_step is not None
    assert facts.failed_step.stage == "featurize"


def test_of_a_run_that_did_not_fail_no_step_is_asked_for(s3: Any) -> None:  # noqa: ANN401
    assert ask(STATE, FakeEmr("COMPLETED", "FAILED", "CANCELLED"), s3).failed_step is None


def test_a_step_that_never_began_says_nothing(s3: Any) -> None:  # noqa: ANN401
    assert ask(FAILED, FakeEmr("COMPLETED", "CANCELLED", "CANCELLED"), s3).failed_step is None


def test_a_log_that_is_missing_leaves_the_place_where_it_belongs(s3: Any) -> None:  # noqa: ANN401
    facts = ask(FAILED, FakeEmr("COMPLETED", "FAILED", "CANCELLED"), s3)
    assert facts.failed_step is not None
    assert facts.evidence == ()
    assert facts.failed_step.log_uri == f"s3://out/{LOG}"


@pytest.mark.parametrize(
    "status",
    [
        {"StateChangeReason": {"Message": "On the master instance (i-0f1a2b3c4d5e6f708), bootstrap action 1 failed"}},
        {"ErrorDetails": [{"ErrorData": [{"instance-id": "i-0f1a2b3c4d5e6f708", "bootstrap-action": "1"}]}]},
        {"ErrorDetails": "of another form"},
        {},
    ],
)
def test_a_cluster_that_never_ran_a_step_is_asked_what_its_nodes_say(s3: Any, status: dict[str, Any]) -> None:  # noqa: ANN401
    key = "logs/r/j-1/node/i-0f1a2b3c4d5e6f708/bootstrap-actions/1/stderr.gz"
    s3.put_object(Bucket="out", Key=key, Body=gzip.compress(sample("bootstrap-no-route").encode()))
    state = {**FAILED, "steps": {}, "cluster_status": status}
    [evidence] = ask(state, FakeEmr(), s3).evidence
    assert evidence.uri == f"s3://out/{key}"


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
