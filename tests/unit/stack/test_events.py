"""The payloads of events/, for `sam local invoke <Function> -e events/<file>.json`: real, and in step with the code."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import (
    CloudFormationCustomResourceEvent,
    EventBridgeEvent,
    S3Event,
    S3EventBridgeNotificationEvent,
)

from orchard.compute.registry import compute_of
from orchard.pipeline.input import ArchiveVersion, CreatedObject, execution_input, messages_in
from orchard.pipeline.state import RunState
from tests.support.stack.template import ROOT, machine, properties, resources

EVENTS = ROOT / "events"
KEYS = {
    "s3-put": "fruits.zip",
    "s3-multipart": "fruits.zip",
    "s3-versioned": "fruits.zip",
    "s3-unversioned": "fruits.zip",
    "s3-key-with-spaces": "autumn harvest/apples and pears.zip",
    "s3-key-with-plus": "c++/apples+pears 100%.zip",
    "s3-key-unicode": "été/Früchte 果物 🍎.zip",
    "s3-not-a-zip": "fruits.csv",
}


def test_the_documents_say_how_to_invoke_each_function() -> None:
    shown = re.findall(r"`sam local invoke (\w+) -e (events/[\w-]+\.json)`", (ROOT / "docs/operations.md").read_text())
    assert [name for name, _ in shown] == list(resources("AWS::Lambda::Function"))
    assert all((ROOT / path).is_file() for _, path in shown)


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found


def archive_of(name: str) -> ArchiveVersion:
    [message] = messages_in(event(name))
    return CreatedObject.parse(message).archive


def test_every_payload_is_tested_here() -> None:
    described = [
        f"describe-run-{how}" for how in ("succeeded", "refused", "step-failed", "launch-failed", "job-failed")
    ]
    ended = [f"execution-{how}" for how in ("failed", "timed-out", "aborted")]
    rest = [
        "s3-test-event",
        "s3-eventbridge",
        "s3-two-records",
        "inspect-archive",
        "await-turn",
        "schedule",
        "publication-create",
        "publication-delete",
    ]
    assert {path.stem for path in EVENTS.glob("*.json")} == {*KEYS, *described, *ended, *rest}


@pytest.mark.parametrize(("name", "key"), KEYS.items())
def test_s3_encodes_a_key_and_the_data_class_decodes_it(name: str, key: str) -> None:
    [record] = S3Event(event(name)).records
    assert S3Event(event(name)).object_key == archive_of(name).key == key
    assert record.s3.get_object.key.isascii()
    assert record.event_name.startswith("ObjectCreated:")
    assert record.s3.bucket.name == properties("InputBucket")["BucketName"]["Fn::Sub"].replace(
        "${AWS::StackName}", "orchard"
    ).replace("${AWS::AccountId}", "123456789012").replace("${AWS::Region}", record.aws_region)


def test_uploads_differ_in_what_makes_another_run_of_them() -> None:
    assert S3Event(event("s3-multipart")).record.event_name == "ObjectCreated:CompleteMultipartUpload"
    assert archive_of("s3-multipart").etag.endswith("-97")
    assert archive_of("s3-unversioned").version_id is None
    assert archive_of("s3-put").version_id != archive_of("s3-versioned").version_id


def test_eventbridge_tells_of_the_same_upload_in_its_own_words() -> None:
    told = S3EventBridgeNotificationEvent(event("s3-eventbridge"))
    archive, notified = archive_of("s3-eventbridge"), archive_of("s3-versioned")
    assert (told.source, told.detail_type) == ("aws.s3", "Object Created")
    assert told.detail.bucket.name == archive.bucket
    assert told.detail.object["key"] == archive.key, "as it is: the data class would take + for a space"
    assert (told.detail.object.etag, told.detail.object.version_id) == (archive.etag, archive.version_id)
    assert archive == replace(notified, key=archive.key)


def test_one_event_may_tell_of_two_uploads() -> None:
    keys = [record.s3.get_object.key for record in S3Event(event("s3-two-records")).records]
    assert keys == ["apples.zip", "pears.zip"]


def test_the_test_event_has_no_records() -> None:
    assert event("s3-test-event")["Event"] == "s3:TestEvent"
    assert "Records" not in event("s3-test-event")


def test_what_is_inspected_is_what_the_upload_started() -> None:
    archive = archive_of("s3-put")
    started = json.loads(execution_input(archive))
    assert event("inspect-archive") == {"run_id": archive.run_id(), "input": started}


def test_what_awaits_its_turn_is_what_the_state_machine_hands_over() -> None:
    payload = event("await-turn")
    assert set(payload) == set(machine()["States"]["LookAtTurn"]["Arguments"]["Payload"])
    assert payload["execution"].endswith(f":{event('inspect-archive')['run_id']}")


@pytest.mark.parametrize(
    ("how", "failure"),
    [
        ("succeeded", None),
        ("refused", "ArchiveRefused"),
        ("step-failed", "StepFailed"),
        ("launch-failed", "LaunchFailed"),
        ("job-failed", "JobFailed"),
    ],
)
def test_what_is_described_is_what_the_state_machine_hands_over(how: str, failure: str | None) -> None:
    payload = event(f"describe-run-{how}")
    assert set(payload) == set(machine()["States"]["DescribeRun"]["Arguments"]["Payload"])
    assert payload["state"].get("failure", {}).get("Error") == failure
    assert {key: payload["state"][key] for key in ("run_id", "input")} == event("inspect-archive")
    assert ("cluster" in payload["state"]) == (how not in ("refused", "job-failed"))
    state = RunState.parse(payload["state"])
    assert (compute_of(state).name == "emr-serverless") == bool(state.job_run) == (how == "job-failed")


@pytest.mark.parametrize("how", ["failed", "timed-out", "aborted"])
def test_what_ended_badly_matches_the_rule(how: str) -> None:
    ended = EventBridgeEvent(event(f"execution-{how}"))
    pattern = properties("EndedExecutions")["EventPattern"]
    assert ended.source in pattern["source"]
    assert ended.detail_type in pattern["detail-type"]
    assert ended.detail["status"] == how.upper().replace("-", "_")
    assert ended.detail["status"] in pattern["detail"]["status"]
    assert json.loads(ended.detail["input"]) == event("inspect-archive")["input"]
    assert ended.detail["executionArn"].endswith(f":{ended.detail['name']}")


def test_what_comes_by_schedule_is_of_the_rule_that_sweeps() -> None:
    due = EventBridgeEvent(event("schedule"))
    assert (due.source, due.detail_type, due.detail) == ("aws.events", "Scheduled Event", {})
    assert ":rule/orchard-SweepSchedule-" in due.resources[0]
    assert properties("SweepSchedule")["ScheduleExpression"] == "rate(15 minutes)"
    assert [target["Arn"]["Fn::GetAtt"][0] for target in properties("SweepSchedule")["Targets"]] == ["StopOrphans"]
    assert properties("SweepPermission")["SourceArn"] == {"Fn::GetAtt": ["SweepSchedule", "Arn"]}


@pytest.mark.parametrize("kind", ["create", "delete"])
def test_what_cloudformation_asks_for_is_what_the_template_says(kind: str) -> None:
    request = CloudFormationCustomResourceEvent(event(f"publication-{kind}"))
    assert request.request_type == kind.capitalize()
    assert set(request.resource_properties) == set(properties("Publication"))
    bucket = properties("ArtefactsBucket")["BucketName"]["Fn::Sub"]
    assert request.resource_properties["Bucket"] == bucket.replace("${AWS::StackName}", "orchard").replace(
        "${AWS::AccountId}", "123456789012"
    ).replace("${AWS::Region}", "eu-west-1")
    assert "amazonaws" not in request.response_url, "whoever tries it answers nobody"
