"""An uploaded zip starts one execution, however often and in whatever company its event is delivered."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest
from moto import mock_aws

from functions.start_pipeline.app import StartsFailedError, handler, logger
from orchard import clients
from tests.lambda_context import FakeContext

LogsOf = Callable[[Any], Callable[[], list[dict[str, Any]]]]

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:pipeline"


@pytest.fixture
def _machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        definition = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}})
        role = "arn:aws:iam::123456789012:role/r"
        clients.step_functions().create_state_machine(name="pipeline", definition=definition, roleArn=role)
        monkeypatch.setenv("STATE_MACHINE_ARN", MACHINE)
        yield


def record(key: str = "fruits.zip", version: str | None = "v1", sequencer: str | None = "0A") -> dict[str, Any]:
    uploaded = {"key": quote_plus(key), "size": 7, "eTag": "abc", "versionId": version, "sequencer": sequencer}
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:CompleteMultipartUpload",
        "s3": {"bucket": {"name": "in"}, "object": {k: v for k, v in uploaded.items() if v is not None}},
    }


def deliver(*records: dict[str, Any]) -> list[str]:
    return handler({"Records": list(records)}, FakeContext())["started"]


def executions() -> list[dict[str, Any]]:
    sfn = clients.step_functions()
    listed = sfn.list_executions(stateMachineArn=MACHINE)["executions"]
    return [dict(sfn.describe_execution(executionArn=found["executionArn"])) for found in listed]


@pytest.mark.usefixtures("_machine")
def test_an_upload_starts_an_execution_named_after_it() -> None:
    (run,) = deliver(record())
    (execution,) = executions()
    assert execution["name"] == run
    assert run.startswith("fruits-")
    assert json.loads(execution["input"]) == {
        "run_id": run,
        "archive": {"bucket": "in", "key": "fruits.zip", "version_id": "v1", "etag": "abc", "size": 7},
    }


@pytest.mark.usefixtures("_machine")
def test_a_redelivered_event_starts_nothing_more() -> None:
    assert deliver(record()) == deliver(record())
    assert len(executions()) == 1


@pytest.mark.usefixtures("_machine")
def test_an_execution_that_has_ended_is_not_started_again() -> None:
    deliver(record())
    clients.step_functions().stop_execution(executionArn=executions()[0]["executionArn"])
    deliver(record())
    assert len(executions()) == 1


@pytest.mark.usefixtures("_machine")
def test_another_version_of_the_same_key_is_another_run() -> None:
    deliver(record(version="v1"), record(version="v2"))
    assert len(executions()) == 2


@pytest.mark.usefixtures("_machine")
def test_without_versions_the_sequencer_makes_the_difference_and_may_be_absent() -> None:
    deliver(
        record(version=None, sequencer="0A"), record(version=None, sequencer="0B"), record(version=None, sequencer=None)
    )
    assert len(executions()) == 3
    assert all(json.loads(execution["input"])["archive"]["version_id"] is None for execution in executions())


@pytest.mark.usefixtures("_machine")
@pytest.mark.parametrize("key", ["my fruits+1.zip", "à/été 2.ZIP", "100%.zip", "a&b#c.zip"])
def test_the_key_is_decoded_once(key: str) -> None:
    deliver(record(key))
    (execution,) = executions()
    assert json.loads(execution["input"])["archive"]["key"] == key


@pytest.mark.usefixtures("_machine")
def test_the_extension_may_be_in_any_case_and_other_objects_are_ignored() -> None:
    assert len(deliver(record("A.ZIP"), record("readme.txt"), record("zip"), record("a.zip.part"))) == 1


@pytest.mark.usefixtures("_machine")
def test_s3s_test_event_is_ignored() -> None:
    event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-20T12:00:00.000Z", "Bucket": "in"}
    assert handler(event, FakeContext()) == {"started": []}
    assert executions() == []


@pytest.mark.usefixtures("_machine")
def test_a_record_that_fails_does_not_hold_up_the_others_but_is_delivered_again() -> None:
    with pytest.raises(StartsFailedError, match="1 of the event's records"):
        deliver(record("a.zip"), {"s3": {}}, record("b.zip"))
    assert len(executions()) == 2
    deliver(record("a.zip"), record("b.zip"))
    assert len(executions()) == 2


@pytest.mark.usefixtures("_machine")
def test_a_machine_that_is_not_there_is_an_error_so_that_lambda_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_MACHINE_ARN", f"{MACHINE}-gone")
    with pytest.raises(StartsFailedError):
        deliver(record())


@pytest.mark.usefixtures("_machine")
def test_logs_carry_the_run_id_and_metrics_the_number_of_starts(
    logs_of: LogsOf, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = logs_of(logger)
    (run,) = deliver(record())
    assert [line["run_id"] for line in logs()] == [run]
    (metrics,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert metrics["RunsStarted"] == [1.0]
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Orchard"
