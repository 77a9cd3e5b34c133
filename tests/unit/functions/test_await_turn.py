"""A run asks whether its turn has come; who cannot tell says when to ask again."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.stepfunctions.models import stepfunctions_backends

from functions.await_turn.app import handler, logger
from orchard.aws import clients
from tests.support.cloud.awsfakes import client_error
from tests.support.stack.lambda_context import FakeContext

LogsOf = Callable[[Any], Callable[[], list[dict[str, Any]]]]
MACHINE = f"arn:aws:states:eu-west-1:{DEFAULT_ACCOUNT_ID}:stateMachine:orchard-pipeline"


@pytest.fixture(autouse=True)
def _stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("STATE_MACHINE_ARN", MACHINE)
    monkeypatch.setenv("MAXIMUM_RUNS", "2")
    monkeypatch.setenv("MAXIMUM_VCPUS", "")
    with mock_aws():
        definition = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}})
        role = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/r"
        clients.step_functions().create_state_machine(name="orchard-pipeline", definition=definition, roleArn=role)
        yield


def start(name: str) -> str:
    return clients.step_functions().start_execution(stateMachineArn=MACHINE, name=name)["executionArn"]


def is_now(arn: str, status: str) -> None:
    stepfunctions_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].describe_execution(arn).status = status


def asks(arn: str, waited: int = 0) -> dict[str, Any]:
    return handler({"execution": arn, "waited": waited, "poll_seconds": 15}, FakeContext())


def test_the_third_of_two_waits_until_one_of_them_has_ended() -> None:
    runs = [start(f"run-{number}") for number in range(3)]
    assert [asks(run)["may_go"] for run in runs] == [True, True, False]
    assert asks(runs[2]) == {"may_go": False, "ahead": 2, "wait_seconds": 60}
    for status in ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"):
        is_now(runs[0], status)
        assert asks(runs[2]) == {"may_go": True, "ahead": 1, "wait_seconds": 0}


def test_all_pages_of_all_runs_are_counted() -> None:
    runs = [start(f"run-{number:04}") for number in range(1_100)]
    asked: list[dict[str, Any]] = []
    clients.step_functions().meta.events.register(
        "before-parameter-build.stepfunctions.ListExecutions", lambda params, **_: asked.append(dict(params))
    )
    assert asks(runs[-1])["ahead"] == 1_099
    assert [one["maxResults"] for one in asked] == [1_000, 1_000], "in as few calls as can be"


def test_on_emr_serverless_as_many_work_as_have_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAXIMUM_VCPUS", "72")
    runs = [start(f"run-{number}") for number in range(2)]
    assert [asks(run)["may_go"] for run in runs] == [True, False]


def refusing(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise client_error(code)

    monkeypatch.setattr(clients.step_functions(), "get_paginator", fail)


def test_where_the_list_is_throttled_the_run_asks_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    run = start("run")
    refusing("ThrottlingException", monkeypatch)
    told = asks(run)
    assert (told["may_go"], told["ahead"]) == (False, None)
    assert 60 <= told["wait_seconds"] <= 300


def test_another_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    run = start("run")
    refusing("AccessDeniedException", monkeypatch)
    with pytest.raises(ClientError, match="AccessDenied"):
        asks(run)


def test_those_that_wait_are_counted_and_named(capsys: pytest.CaptureFixture[str], logs_of: LogsOf) -> None:
    logs = logs_of(logger)
    runs = [start(f"run-{number}") for number in range(3)]
    for run in runs:
        asks(run)
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [one["TurnsAwaited"] for one in counted] == [[0.0], [0.0], [1.0]]
    assert [(line["run_id"], line["ahead"]) for line in logs()] == [("run-0", 0), ("run-1", 1), ("run-2", 2)]
