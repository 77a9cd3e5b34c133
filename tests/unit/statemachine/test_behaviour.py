"""What the state machine does on moto's interpreter when its tasks answer as they do in AWS, and when they do not."""

import json
import re
from collections.abc import Sequence

import botocore.session
import pytest
from botocore.validate import validate_parameters

from orchard.local.moto.sdk_tasks import to_boto
from orchard.runs import turns
from tests.support.asl.answers import GIVEN, NOTICE, SEVERAL_NODES, Answers, answers, cluster, job, starts, step
from tests.support.asl.graph import EKS, JOB_KINDS, SERVERLESS, JobKind, tasks
from tests.support.asl.judge import wrong, wrong_calls
from tests.support.asl.query import MOST_BYTES
from tests.support.asl.run import Fails, Run, run
from tests.support.asl.scenarios import (
    AWAIT,
    END,
    PATIENCE_SECONDS,
    PLANS,
    POLL,
    SCENARIOS,
    TELL,
    TURN_SECONDS,
    WORK,
    Scenario,
    by_jobs,
)
from tests.support.asl.walk import walk
from tests.support.stack.template import RUN_ID, execution_plan, machine, rendered, sam


def on_moto(**given: Answers) -> Run:
    return run(json.dumps(rendered()), answers(**given), GIVEN)


def walked(**given: Answers) -> Run:
    return walk(rendered(), answers(**given), GIVEN)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_when(scenario: Scenario) -> None:
    done, also = on_moto(**scenario.given), walked(**scenario.given)
    assert wrong(done, scenario) == []
    assert (wrong_calls(also) if scenario.complete else []) == []
    done.calls = also.calls = []
    assert done == also, "both interpreters do the same"


def test_every_state_is_in_a_scenario() -> None:
    assert {state for scenario in SCENARIOS for state in scenario.visited} == set(machine()["States"])


def on(kind: JobKind) -> dict[str, Answers]:
    """The answers of a run on job runs."""
    return {"InspectArchive": [{"Payload": PLANS[kind.compute]}]}


every_kind = pytest.mark.parametrize("kind", JOB_KINDS, ids=lambda kind: kind.compute)


@pytest.mark.parametrize(
    ("integration", "service", "given", "states"),
    [
        ("emr", "emr", {}, 6),
        ("emrserverless", "emr-serverless", {**on(SERVERLESS), SERVERLESS.look: [job("RUNNING")]}, 3),
        ("emrcontainers", "emr-containers", {**on(EKS), EKS.look: [job("RUNNING")]}, 3),
    ],
)
def test_every_call_is_one_that_emr_understands(
    integration: str, service: str, given: dict[str, Answers], states: int
) -> None:
    model = botocore.session.Session().get_service_model(service)
    asked = dict(on_moto(**given).calls)
    checked = 0
    for state, task in tasks(machine()).items():
        called, _, action = task["Resource"].rpartition(":")
        if called.endswith(f"aws-sdk:{integration}"):
            shape = model.operation_model(action[0].upper() + action[1:]).input_shape
            arguments = to_boto(asked[state], shape)
            validate_parameters(arguments, shape)
            assert set(arguments) <= set(shape.members)
            checked += 1
    assert checked == states


@every_kind
def test_every_job_of_an_execution_has_a_token_that_the_api_takes(kind: JobKind) -> None:
    tokens = [asked["ClientToken"] for asked in on_moto(**on(kind)).arguments(kind.start)]
    again = [asked["ClientToken"] for asked in on_moto(**on(kind)).arguments(kind.start)]
    assert len({*tokens, *again}) == 6, "another execution has other tokens, whatever its name"
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,64}", token) for token in tokens), "StartJobRun API model"


@every_kind
def test_a_start_that_is_tried_again_has_the_same_token(kind: JobKind) -> None:
    lost = [Fails("States.Timeout")] * 6
    asked = on_moto(**on(kind), **{kind.start: [*lost, *starts(kind, [1])]}).arguments(kind.start)
    assert [one["ClientToken"] for one in asked[:7]] == [asked[0]["ClientToken"]] * 7


def test_both_interpreters_ask_for_the_same() -> None:
    moto, walk_ = dict(on_moto().calls), dict(walked().calls)
    for state in ("InspectArchive", "LookAtTurn", "DescribeRun"):  # the payload of a function is text there
        moto[state]["Payload"] = json.loads(moto[state]["Payload"])
    moto["LookAtTurn"]["Payload"]["execution"] = walk_["LookAtTurn"]["Payload"]["execution"]
    moto["DescribeRun"]["Payload"]["started"] = walk_["DescribeRun"]["Payload"]["started"]
    assert moto == walk_


def test_it_polls_at_the_stacks_interval() -> None:
    done = walk(rendered(PollSeconds="20"), answers(LookAtSteps=[step("RUNNING"), step("COMPLETED")]), GIVEN)
    assert done.waits == [20, 20]


def test_it_is_patient_for_as_long_as_the_stack_says() -> None:
    done = walked(LookAtSteps=[step("RUNNING")])
    assert sum(done.waits) == PATIENCE_SECONDS
    assert f"after {PATIENCE_SECONDS} seconds" in done.data["failure"]["Cause"]


def test_patience_is_for_all_launches_together() -> None:
    starting = cluster("STARTING", ready=False)
    failed = cluster("TERMINATED", ready=False, reason="BOOTSTRAP_FAILURE")
    done = walked(LookAtCluster=[starting, failed, starting], LookAtSteps=[step("PENDING")])
    assert done.data["failure"]["Error"] == "StepsTimedOut"
    assert done.data["launch"] == {"attempt": 2}
    assert sum(done.waits) == PATIENCE_SECONDS, "the wait before the second launch among it"


def test_a_week_of_waiting_and_a_whole_run_fit_into_a_history() -> None:
    """Events as Step Functions counts them: two for a state, and three more for each task."""

    def events(states: Sequence[str]) -> int:
        return sum(2 + 3 * (name in tasks(machine())) for name in states)

    polls = sam()["Parameters"]["PatienceSeconds"]["MaxValue"] // sam()["Parameters"]["PollSeconds"]["MinValue"]
    waited, looks = 0, 0
    while waited < TURN_SECONDS:
        waited += turns.unknown_place(f"run {looks}", poll_seconds=15, waited=waited).wait_seconds
        looks += 1
    assert looks < 200
    assert events(AWAIT) * looks + events(POLL) * (polls + 1) + 1_000 < 25_000


def test_a_cause_says_what_emr_said() -> None:
    failed = walked(LookAtCluster=[cluster("TERMINATED_WITH_ERRORS", ready=False, reason="VALIDATION_ERROR")])
    assert "VALIDATION_ERROR" in failed.data["failure"]["Cause"]
    assert "CANCELLED" in walked(LookAtSteps=[step("CANCELLED")]).data["failure"]["Cause"]
    assert "TERMINATING" in walked(LookAtEnd=[cluster("TERMINATING")]).data["termination_failure"]["Cause"]


def test_how_the_cluster_was_before_its_end_is_kept() -> None:
    done = walked(LookAtEnd=[cluster("TERMINATED", reason="USER_REQUEST")])
    assert done.data["cluster_status"]["State"] == "RUNNING"
    assert done.data["ended"] == {"state": "TERMINATED"}


@pytest.mark.parametrize(
    ("state", "error", "times"),
    [
        ("InspectArchive", "Lambda.TooManyRequestsException", 19),
        ("LookAtTurn", "Whatever.ItIsCalled", 12),
        ("CreateCluster", "Emr.ThrottlingException", 5),
        ("QueueSteps", "Emr.ThrottlingException", 5),
        ("LookAtCluster", "Emr.InternalServerException", 12),
        ("LookAtSteps", "States.Timeout", 12),
        ("TerminateCluster", "Whatever", 6),
        ("LookAtEnd", "Emr.SdkClientException", 6),
        ("StartJob", "EmrServerless.ConflictException", 6),
        ("StartContainerJob", "EmrContainers.EmrContainersException", 6),
        ("LookAtContainerJob", "EmrContainers.InternalServerException", 12),
        ("LookAtJob", "EmrServerless.ThrottlingException", 12),
        ("LookAtSteps", "Whatever.ItIsCalled", 12),
        ("LookAtJob", "Whatever.ItIsCalled", 12),
        ("LookAtEnd", "Whatever.ItIsCalled", 6),
        ("DescribeRun", "Lambda.ServiceException", 19),
        ("Notify", "SNS.AmazonSNSException", 4),
        ("Notify", "Whatever.ItIsCalled", 4),
        ("Notify", "SNS.ThrottledException", 4),
    ],
)
def test_what_passes_by_itself_is_survived(state: str, error: str, times: int) -> None:
    well, kind = answers()[state], next((kind for kind in JOB_KINDS if state in kind.job), None)
    done = on_moto(**(on(kind) if kind else {}), **{state: [*[Fails(error)] * times, *well]})
    assert (done.status, len(done.arguments(state))) == ("SUCCEEDED", times + (3 if kind else 1))
    assert tuple(done.visited) == ((*by_jobs(kind), *TELL) if kind else (*WORK, *END)) + ("RunSucceeded",)


@pytest.mark.parametrize("error", ["Emr.InternalServerErrorException", "States.Timeout", "Emr.SdkClientException"])
@pytest.mark.parametrize("state", ["CreateCluster", "QueueSteps"])
def test_a_call_that_may_have_been_obeyed_is_not_made_twice(state: str, error: str) -> None:
    assert len(walked(**{state: [Fails(error)]}).arguments(state)) == 1


def test_a_cluster_that_is_refused_is_asked_for_once() -> None:
    refused = Fails("Emr.EmrException", "Instance type m6a.xlarge is not supported in this region")
    done = walked(CreateCluster=[refused])
    assert len(done.arguments("CreateCluster")) == 1
    assert done.waits == []
    assert done.data["failure"]["Cause"] == refused.cause


def test_plain_words_say_what_is_known() -> None:
    done = walked(DescribeRun=[Fails("KeyError", "'State'")], LookAtSteps=[step("FAILED")])
    [notice] = done.arguments("Notify")
    assert RUN_ID in notice["Subject"]
    assert "FAILED" in notice["Message"]
    assert "KeyError" in done.cause


def test_the_longest_run_id_still_fits_into_a_subject() -> None:
    [notice] = walked(DescribeRun=[Fails("KeyError")]).arguments("Notify")
    assert len(notice["Subject"].replace(RUN_ID, "x" * 80)) <= 100


def test_what_is_known_of_a_run_is_far_from_what_a_variable_may_hold() -> None:
    plain = {"DescribeRun": [Fails("KeyError")]}  # the notice then holds all that is known once more
    for plan in (SEVERAL_NODES, *(execution_plan(300_000, kind.compute) for kind in JOB_KINDS)):
        known = walked(InspectArchive=[{"Payload": plan}], **plain).data
        assert len(json.dumps(known)) < MOST_BYTES / 4


def test_more_than_step_functions_takes_ends_the_execution() -> None:
    done = walked(InspectArchive=[{"Payload": {**SEVERAL_NODES, "more": "x" * MOST_BYTES}}])
    assert (done.status, done.error) == ("FAILED", "States.DataLimitExceeded")


def test_the_notice_is_the_describers() -> None:
    [notice] = walked().arguments("Notify")
    assert (notice["Subject"], notice["Message"]) == (NOTICE["subject"], NOTICE["message"])
