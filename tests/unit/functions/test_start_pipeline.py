"""An uploaded zip starts one execution, however often and in whatever company its event is delivered."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest
from moto import mock_aws

from functions.start_pipeline.app import StartsFailedError, handler, logger
from orchard.aws import clients
from tests.support.stack.lambda_context import FakeContext

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
        "archive": {"bucket": "in", "key": "fruits.zip", "version_id": "v1", "etag": "abc", "size": 7}
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


def bridged(key: str = "fruits.zip", version: str | None = "v1", sequencer: str | None = "0A") -> dict[str, Any]:
    uploaded = {"key": key, "size": 7, "etag": "abc", "version-id": version, "sequencer": sequencer}
    detail = {"bucket": {"name": "in"}, "object": {k: v for k, v in uploaded.items() if v is not None}}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": {**detail, "reason": "PutObject"}}


@pytest.mark.usefixtures("_machine")
@pytest.mark.parametrize("version", ["v1", "null", None])
@pytest.mark.parametrize("key", ["my fruits+1.zip", "100%25.zip", "à/%2B+.zip"])
def test_one_upload_that_is_heard_of_in_both_ways_and_twice_is_one_run(key: str, version: str | None) -> None:
    [run] = deliver(record(key, version))
    for _ in range(2):
        assert handler(bridged(key, version), FakeContext()) == {"started": [run]}
    [execution] = executions()
    assert execution["name"] == run
    assert json.loads(execution["input"])["archive"]["key"] == key


@pytest.mark.usefixtures("_machine")
def test_without_versions_eventbridge_tells_uploads_of_the_same_bytes_apart_by_their_sequencer() -> None:
    first, second = (handler(bridged(version=None, sequencer=one), FakeContext())["started"] for one in ("0A", "0B"))
    assert first != second
    assert len(executions()) == 2


@pytest.mark.usefixtures("_machine")
@pytest.mark.parametrize("key", ["A.ZIP", "a.Zip", "a.zIP", "in/a.zip", "a.orchard.json", "in/a.ORCHARD.JSON"])
def test_the_extension_may_be_in_any_case(key: str) -> None:
    [run] = deliver(record(key), record(key))[:1]
    assert run.startswith("a-")
    assert len(executions()) == 1


@pytest.mark.usefixtures("_machine")
@pytest.mark.parametrize("key", ["sources/a.zip", "sources/x/a.orchard.json", "sources/a/", "sources/a.7z"])
def test_what_lies_among_the_sources_of_requests_starts_no_run(key: str) -> None:
    assert deliver(record(key)) == []


@pytest.mark.usefixtures("_machine")
@pytest.mark.parametrize("key", ["a.7z", "a.tar.gz", "a.TGZ", "a.tar", "a.rar", "a.zip.part", "a.zip/", "a/"])
def test_what_somebody_took_for_an_archive_is_a_run_that_will_say_why_it_is_none(key: str) -> None:
    [run] = deliver(record(key))
    [execution] = executions()
    assert execution["name"] == run
    assert run.startswith("a-")


@pytest.mark.usefixtures("_machine")
def test_single_pictures_and_other_files_are_counted_and_nobody_is_told(
    logs_of: LogsOf, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = logs_of(logger)
    keys = [f"Training/Apple/{number}.jpg" for number in range(20)] + ["readme.txt", "zip", "a.csv.gz", "a\x1b[2J.png"]
    assert deliver(*map(record, keys)) == []
    assert executions() == []
    assert [line["key"] for line in logs()] == [*keys[:-1], r"a\x1b[2J.png"]
    (metrics,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert (metrics["ObjectsIgnored"], metrics["RunsStarted"]) == ([24.0], [0.0])


@pytest.mark.usefixtures("_machine")
def test_a_tree_of_folders_is_one_mistake_and_told_once() -> None:
    tree = ["fruits/", "fruits/Training/", *(f"fruits/Training/{label}/" for label in "ABC")]
    runs = {run for key in tree for run in deliver(record(key, version=f"v {key}"))}
    assert len(runs) == 1
    [execution] = executions()
    assert json.loads(execution["input"])["archive"]["key"] == "fruits/"


@pytest.mark.usefixtures("_machine")
def test_half_of_a_character_in_a_key_stops_nothing() -> None:
    assert len(handler(bridged("a\ud83c.zip"), FakeContext())["started"]) == 1


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
