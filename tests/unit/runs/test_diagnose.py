"""A run is diagnosed from its name, also one that ended before it knew its cluster, or that nobody described."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from orchard.diagnose.causes import Cause
from orchard.runs.diagnose import RunDiagnosis, diagnose_run
from tests.support.cloud.emr import FakeEmr

RUN, ARN = "fruits-1", "arn:aws:states:eu-west-1:123456789012:execution:orchard-pipeline:fruits-1"
BEGAN, ENDED = datetime(2026, 11, 20, 10, 0, tzinfo=UTC), datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PLAN = {"plan": {"log_uri": "s3://elsewhere/logs/", "run_uri": "s3://elsewhere/runs/fruits-1"}}


class FakeSfn:
    """One execution, and what its states assigned to the variable `run`."""

    def __init__(self, status: str, *facts: str, **more: object) -> None:
        given = json.dumps({"archive": {"bucket": "in", "key": "fruits.zip"}})
        self._execution = {
            "name": RUN, "executionArn": ARN, "status": status, "startDate": BEGAN, "input": given, **more,
        }  # fmt: skip
        if status != "RUNNING":
            self._execution["stopDate"] = ENDED
        events = [
            {"id": number, "stateExitedEventDetails": {"assignedVariables": {"run": one}}}
            for number, one in enumerate(facts)
        ]
        self._pages = [{"events": [event, {"id": event["id"] + 0.5}]} for event in reversed(events)]

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803 (boto3's)
        assert executionArn == ARN
        return self._execution

    def get_paginator(self, name: str) -> Any:  # noqa: ANN401
        assert name == "get_execution_history"
        return self

    def paginate(self, *, executionArn: str, reverseOrder: bool) -> Iterator[dict[str, Any]]:  # noqa: N803 (boto3's)
        assert (executionArn, reverseOrder) == (ARN, True)
        return iter(self._pages)


def emr_with(**clusters: tuple[str, str, dict[str, tuple[str, str]]]) -> FakeEmr:
    """Clusters by id: name, tags and steps; each step its id and state."""
    status = {"State": "TERMINATED", "Timeline": {"CreationDateTime": BEGAN}}
    described = {
        key: {"Name": name, "Tags": [{"Key": "orchard:run-id", "Value": run}], "Status": status}
        for key, (name, run, _) in clusters.items()
    }
    began = {"StartDateTime": BEGAN}
    steps = {
        key: [
            {"Name": name, "Id": step, "Status": {"State": state, "Timeline": began}}
            for name, (step, state) in steps.items()
        ]
        for key, (*_, steps) in clusters.items()
    }
    return FakeEmr(described, steps)


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="out")
        yield client


def cause(found: RunDiagnosis) -> Cause:
    assert found.diagnosis is not None
    return found.diagnosis.cause


def ask(sfn: FakeSfn, emr: FakeEmr, s3: Any) -> RunDiagnosis:  # noqa: ANN401
    return diagnose_run(ARN, "out", sfn=sfn, access=emr.access(), s3=s3)  # type: ignore[arg-type]


def test_a_run_that_knew_neither_cluster_nor_plan_is_found_by_the_clusters_name_and_tag(s3: Any) -> None:  # noqa: ANN401
    mine = (
        "orchard fruits-1",
        RUN,
        {"unzip": ("s-1", "COMPLETED"), "pca": ("s-3", "INTERRUPTED"), "x": ("s-9", "FAILED")},
    )
    emr = emr_with(j0=("orchard pears-1", "pears-1", {}), j1=("orchard fruits-1", "pears-1", {}), j2=mine)
    found = ask(FakeSfn("TIMED_OUT", "{}"), emr, s3)
    assert found.known.cluster == "j2"
    assert "j0" not in emr.described
    assert found.facts.failed_step is not None
    assert (found.facts.failed_step.stage, found.facts.failed_step.log_uri) == (
        "pca",
        f"s3://out/logs/{RUN}/j2/steps/s-3/stdout.gz",
    )
    assert cause(found).sentence == "A state took longer than its time-out."
    assert emr.asked["CreatedAfter"] < BEGAN < ENDED < emr.asked["CreatedBefore"]


def test_the_latest_data_that_was_not_cut_off_counts(s3: Any) -> None:  # noqa: ANN401
    facts = json.dumps({"run_id": RUN, "cluster": {"id": "j7"}, "inspected": PLAN})
    emr = emr_with(j7=("", "", {"featurize": ("s-2", "FAILED")}))
    found = ask(FakeSfn("FAILED", "{}", facts, '{"cut of', error="RunFailed", cause="The step failed."), emr, s3)
    assert found.known.cluster == "j7"
    assert found.facts.failed_step is not None
    assert found.facts.failed_step.stage == "featurize"
    assert found.known.plan.log_uri == "s3://elsewhere/logs/"


def test_a_run_without_any_cluster_says_what_the_execution_says(s3: Any) -> None:  # noqa: ANN401
    found = ask(FakeSfn("FAILED", error="States.DataLimitExceeded", cause="too large"), emr_with(), s3)
    assert (found.known.cluster, found.facts.failed_step, found.known.archive.uri) == ("", None, "s3://in/fruits.zip")
    assert cause(found).sentence == "A state's data was larger than Step Functions allows."


def test_a_run_whose_cluster_emr_has_forgotten_is_answered_all_the_same(s3: Any) -> None:  # noqa: ANN401
    facts = json.dumps({"cluster": {"id": "j9"}, "failure": {"Error": "StepFailed", "Cause": "of old"}})
    found = ask(FakeSfn("FAILED", facts, error="RunFailed", cause="The disk was full."), emr_with(), s3)
    assert cause(found).sentence == "The disk was full."
    assert cause(found).found_in == "the message when it ended"


def test_a_cluster_that_was_left_over_is_why_a_run_with_results_failed(s3: Any) -> None:  # noqa: ANN401
    facts = json.dumps({"cluster": {"id": "j2"}, "termination_failure": {"Error": "ClusterLeftOver", "Cause": "x"}})
    emr = emr_with(j2=("", "", {"pca": ("s-3", "COMPLETED")}))
    found = ask(FakeSfn("FAILED", facts, error="RunFailed", cause="The cluster …"), emr, s3)
    assert cause(found).sentence.startswith("The cluster j2 has not ended in time")
    assert cause(found).next_step == "orchard sweep"


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "PENDING_REDRIVE"])
def test_a_run_that_did_not_fail_has_no_cause_and_no_log_is_read(s3: Any, status: str) -> None:  # noqa: ANN401
    found = ask(FakeSfn(status, json.dumps({"cluster": {"id": "j2"}})), emr_with(), s3)
    assert (found.status, found.diagnosis, found.facts.looks, found.known.cluster) == (status, None, (), "j2")


def test_who_stopped_a_run_is_said(s3: Any) -> None:  # noqa: ANN401
    facts = json.dumps({"cluster": {"id": "j2"}})
    emr = emr_with(j2=("", "", {"unzip": ("s-1", "INTERRUPTED")}))
    found = ask(FakeSfn("ABORTED", facts, error="Stopped", cause="by orchard stop"), emr, s3)
    assert (cause(found).sentence, cause(found).detail) == ("The run was stopped.", "Stopped: by orchard stop")
