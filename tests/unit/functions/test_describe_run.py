"""The last state gets a notice whatever it hands over."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.emr.models import emr_backends

from functions.describe_run.app import handler
from orchard.aws import clients
from tests.support.cloud.job_runs import JOB_RUNS, FakeJobRuns
from tests.support.paths import ROOT
from tests.support.stack.lambda_context import FakeContext

EVENTS = ROOT / "events"


@pytest.fixture(autouse=True)
def _aws_mocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("JOB_APPLICATION_ID", "")
    monkeypatch.setenv("VIRTUAL_CLUSTER_ID", "")
    with mock_aws():
        yield


def described(state: object) -> dict[str, str]:
    event = {"state": state, "started": "2026-11-20T12:00:00.000Z"}
    return handler(event, FakeContext())


def finished_run() -> dict[str, Any]:
    s3, emr = clients.s3(), clients.client("emr")
    s3.create_bucket(Bucket="out", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    summary = {"counts": {"images": 12, "features": 12}, "engine": "onnxruntime", "parameters": {"kept": 3}}
    s3.put_object(Bucket="out", Key="runs/r/summary.json", Body=json.dumps(summary).encode())
    instances = {"KeepJobFlowAliveWhenNoSteps": True, "InstanceGroups": []}
    cluster = emr.run_job_flow(Name="r", Instances=instances, JobFlowRole="n", ServiceRole="s")["JobFlowId"]
    estimate = {"usd_per_hour": 0.3, "price_date": "2026-11"}
    plan = {"run_uri": "s3://out/runs/r", "log_uri": "s3://out/logs/r/", "estimate": estimate}
    return {"run_id": "r", "inspected": {"plan": plan}, "cluster": {"id": cluster}}


def test_a_success_is_described_from_its_summary_and_its_cluster() -> None:
    notice = described(finished_run())
    assert notice["subject"] == "Orchard: done, r"
    assert "Components\n3\n" in notice["message"]
    assert "Actual on AWS\nunder $0.01 for the cluster" in notice["message"]
    assert notice["cause"] == ""


def test_a_refusal_needs_neither_cluster_nor_bucket() -> None:
    state = {"run_id": "r", "failure": {"Error": "ArchiveRefused", "Cause": "a.zip is not a zip"}}
    assert described(state)["cause"] == "a.zip is not a zip"


@pytest.mark.parametrize("kind", JOB_RUNS)
def test_a_run_on_job_runs_is_described_from_them(kind: type[FakeJobRuns], monkeypatch: pytest.MonkeyPatch) -> None:
    service, began = kind(), datetime(2026, 11, 20, 12, 1, tzinfo=UTC)
    ended = began + timedelta(minutes=30)
    failed = {"startedAt": began, "endedAt": ended, "finishedAt": ended, "stateDetails": "ExitCode: 1"}
    event = json.loads((EVENTS / "describe-run-job-failed.json").read_text())
    event["state"]["inspected"]["plan"]["compute"] = service.compute.name
    service.add(event["state"]["run_id"], "featurize", "FAILED", began, **failed)
    monkeypatch.setenv(service.compute.places[1], service.place)
    monkeypatch.setattr(clients, "client", {service.service: service}.__getitem__)
    notice = handler({**event, "started": "2026-11-20T12:00:00.000Z"}, FakeContext())
    assert "failed in the featurize step" in notice["message"]
    assert "Actual on AWS\n$0.20 for the job runs" in notice["message"]


@pytest.mark.parametrize("state", [None, [], "?", {}, {"cluster": {"id": "j-GONE"}, "failure": {}}, {"failure": None}])
def test_any_state_gets_a_notice(state: object) -> None:
    notice = described(state)
    assert set(notice) == {"subject", "message", "cause"}
    assert notice["message"]


@pytest.mark.parametrize(
    ("more", "metric"),
    [
        ({}, "RunsSucceeded"),
        ({"failure": {"Error": "ArchiveRefused", "Cause": "c"}}, "RunsRefused"),
        ({"failure": {"Error": "StepFailed", "Cause": "c"}}, "RunsFailed"),
        ({"termination_failure": {"Error": "Emr.EmrException", "Cause": "c"}}, "RunsFailed"),
    ],
)
def test_outcomes_are_counted(more: dict[str, Any], metric: str, capsys: pytest.CaptureFixture[str]) -> None:
    described({"run_id": "r", **more})
    counted = counts(capsys)
    assert counted[metric] == [1.0]
    assert "RunCost" not in counted, "there was no cluster"


def counts(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What was counted, as CloudWatch reads it from the log."""
    (counted,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    return dict(counted)


def test_what_a_run_has_cost_is_counted_for_the_function_of_this_stack(capsys: pytest.CaptureFixture[str]) -> None:
    state = finished_run()
    emr_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].clusters[state["cluster"]["id"]].creation_datetime -= timedelta(
        hours=2
    )
    described(state)
    counted = counts(capsys)
    assert counted["RunCost"] == [pytest.approx(0.6, abs=0.01)]
    assert (counted["service"], counted["FunctionName"]) == ("describe_run", "function")
    [wanted] = counted["_aws"]["CloudWatchMetrics"]
    assert [set(dimensions) for dimensions in wanted["Dimensions"]] == [{"service", "FunctionName"}]
    assert {"Name": "RunCost", "Unit": "None"} in wanted["Metrics"]
