"""What is known of a run is read from its execution's data once, whatever they look like."""

import json
from typing import Any

import pytest
from hypothesis import given

from orchard.pipeline.input import GivenArchive
from orchard.pipeline.state import (
    ClusterStatus,
    ErrorDetail,
    Failure,
    Place,
    PlannedCost,
    PlannedRun,
    RunState,
    RunSummary,
)  # fmt: skip
from tests.support.histories import history
from tests.support.states import JSON, OBJECT

DATA: dict[str, Any] = {
    "run_id": "fruits-1",
    "input": {"archive": {"bucket": "in", "key": "fruits.zip", "version_id": "v1", "etag": "e", "size": 5}},
    "inspected": {
        "plan": {
            "run_uri": "s3://out/runs/fruits-1",
            "log_uri": "s3://out/logs/fruits-1/",
            "compute": "emr-ec2",
            "options": {"engine": "onnxruntime"},
            "counts": {"images": 3, "classes": 2, "splits": {"Test": 1, "": 2}},
            "estimate": {"usd_per_hour": 3.6, "total_usd": 0.5, "price_date": "2026-11", "region": "eu-west-1"},
            "charged": False,
        }
    },
    "turn": {"waited": 60},
    "queue": {"place": {"may_go": False, "ahead": 3, "wait_seconds": 60}},
    "launch": {"attempt": 2},
    "cluster": {"id": "j-1"},
    "steps": {"unzip": {"id": "s-1"}, "pca": {"id": "s-3"}},
    "cluster_status": {
        "StateChangeReason": {"Code": "INTERNAL_ERROR", "Message": "m"},
        "ErrorDetails": [{"ErrorCode": "C", "ErrorMessage": "of it", "ErrorData": [{"instance-id": "i-1"}]}],
    },
    "job_run": {"id": "00f1"},
    "failure": {"Error": "StepFailed", "Cause": "c"},
    "termination_failure": {"Error": "ClusterLeftOver"},
}
STATE = RunState(
    run_id="fruits-1",
    archive=GivenArchive("in", "fruits.zip", "v1", "e", 5),
    plan=PlannedRun(
        run_uri="s3://out/runs/fruits-1",
        log_uri="s3://out/logs/fruits-1/",
        compute="emr-ec2",
        engine="onnxruntime",
        images=3,
        classes=2,
        splits={"Test": 1, "": 2},
        estimate=PlannedCost(0.5, 3.6, "2026-11", "eu-west-1"),
        charged=False,
    ),
    waited=60,
    place=Place(False, 3, 60),
    launch=2,
    cluster="j-1",
    steps={"unzip": "s-1", "pca": "s-3"},
    cluster_status=ClusterStatus("INTERNAL_ERROR", "m", (ErrorDetail("C", "of it", ({"instance-id": "i-1"},)),)),
    job_run="00f1",
    failure=Failure("StepFailed", "c"),
    termination_failure=Failure("ClusterLeftOver", ""),
)


def test_every_part_is_found_where_the_state_machine_puts_it() -> None:
    assert RunState.parse(DATA) == STATE


@pytest.mark.parametrize("data", [None, 7, "words", [], {}, {name: 7 for name in DATA if "failure" not in name}])
def test_what_is_missing_or_of_another_kind_is_empty(data: object) -> None:
    assert RunState.parse(data) == RunState()


def test_one_odd_part_leaves_the_others() -> None:
    plan = {**DATA["inspected"]["plan"], "run_uri": 7, "counts": {"images": float("nan"), "splits": {"a": 1, "b": "2"}}}
    state = RunState.parse({**DATA, "inspected": {"plan": plan}, "steps": {"unzip": 1, "pca": {"id": "s-3"}}})
    assert (state.plan.run_uri, state.plan.images, state.plan.splits) == ("", None, {"a": 1})
    assert (state.steps, state.plan.estimate, state.cluster) == ({"pca": "s-3"}, STATE.plan.estimate, "j-1")


@pytest.mark.parametrize("failure", [{}, 7, "words"])
def test_a_failure_of_any_form_is_one(failure: object) -> None:
    assert RunState.parse({"failure": failure}).failure == Failure()


@pytest.mark.parametrize("text", ["", "{}", "[]", "no JSON", '{"archive": "fruits.zip"}'])
def test_an_input_that_names_no_archive_leaves_it_empty(text: str) -> None:
    assert RunState.of_history([], text).archive.uri == ""


@given(JSON | OBJECT)
def test_nothing_that_an_execution_may_hold_raises(data: object) -> None:
    state = RunState.parse(data)
    assert isinstance(state.bucket + state.archive.uri + state.remedy + str(state.awaits), str)
    assert isinstance((state.failure or Failure()).message, str)
    text = json.dumps(data)
    assert RunState.of_history([], text).archive == GivenArchive.from_data(data) == GivenArchive.from_text(text)
    assert isinstance(RunSummary.from_text(text), RunSummary)


@pytest.mark.parametrize("assigned", [{}, {"waited": "15"}, {"run": '{"run_id": "fruits-1", "inspec'}, {"run": "[]"}])
def test_the_latest_state_that_says_something_of_the_run_counts(assigned: dict[str, str]) -> None:
    events = [*history("QueueSteps", facts={"cluster": {"id": "j-1"}}), *history("AwaitSteps")[1:3]]
    events[-1]["stateExitedEventDetails"]["assignedVariables"] = assigned
    given = json.dumps(DATA["input"])
    assert RunState.of_history(reversed(events), given) == RunState(archive=STATE.archive, cluster="j-1")


def test_a_bucket_of_the_stack_is_that_of_its_results_or_of_its_uploads() -> None:
    assert (STATE.bucket, RunState(archive=STATE.archive).bucket, RunState().bucket) == ("out", "in", "")


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({"may_go": False, "ahead": 3, "wait_seconds": 60}, "waits for its turn, behind 3 runs"),
        ({"may_go": False, "ahead": 1, "wait_seconds": 60}, "waits for its turn, behind 1 run"),
        ({"may_go": False, "ahead": 1234}, "waits for its turn, behind 1,234 runs"),
        ({"may_go": False, "ahead": None, "wait_seconds": 60}, "waits for its turn"),
        ({"may_go": True, "ahead": 0, "wait_seconds": 0}, "None"),
        ("words", "None"),
        (None, "None"),
    ],
)
def test_a_run_that_waits_says_behind_how_many(place: object, told: str) -> None:
    assert str(RunState.parse({"queue": {"place": place}}).awaits) == told


def test_the_place_is_what_the_state_machine_takes() -> None:
    assert Place(False, None, 60).to_json() == {"may_go": False, "ahead": None, "wait_seconds": 60}
