"""Run the state machine on moto's interpreter (LocalStack's), with the answers of its tasks written down beforehand.

Everything is the interpreter's but what a task calls: a task state takes the next of its answers. Waiting takes no time
and is only noted. Written for moto 5.2.5.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
    state_task_service_lambda,
    state_task_service_sns,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from orchard.local.moto.jsonata import evaluated_expressions
from tests.support.stack.template import ACCOUNT, REGION, RUN_ID

_SERVICES = (
    state_task_service_aws_sdk.StateTaskServiceAwsSdk,
    state_task_service_lambda.StateTaskServiceLambda,
    state_task_service_sns.StateTaskServiceSns,
)


class RunError(Exception):
    """A failure inside an execution.

    Args:
        error: Its error name.
        cause: Its cause.
    """

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(cause)
        self.error, self.cause = error, cause


@dataclass(frozen=True)
class Fails:
    """An answer that is an error."""

    error: str
    cause: str = "scripted"


@dataclass(frozen=True)
class Redriven:
    """An answer that never comes: the execution is stopped meanwhile, and redriven later.

    Step Functions then enters the state again, with the same data (developer guide, "Restarting state machine
    executions with redrive"), and its context tells since when. Neither interpreter knows it by itself.
    """


REDRIVEN = Redriven()


def redriven(execution: dict[str, Any]) -> None:
    """Change what the context says of an execution: it is redriven, an hour after the last time."""
    hour = int(execution.get("RedriveTime", "2026-11-01T10")[11:13]) + 1
    execution["RedriveTime"] = f"2026-11-01T{hour}:00:00.000Z"


@dataclass
class Run:
    """What an execution did.

    Attributes:
        calls: State and arguments of every call, in order, retries too.
        waits: Seconds of every wait, those of retries not among them.
        visited: The states that were entered, in order.
        status: How it ended.
        error: Its error, "" if it succeeded.
        cause: Its cause, likewise.
        variables: What was assigned, by the names of the variables.
    """

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    waits: list[int] = field(default_factory=list)
    visited: list[str] = field(default_factory=list)
    status: str = ""
    error: str = ""
    cause: str = ""
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        """What was known of the run at last."""
        known: dict[str, Any] = self.variables.get("run", {})
        return known

    def arguments(self, state: str) -> list[dict[str, Any]]:
        """The arguments of every call of a state."""
        return [arguments for name, arguments in self.calls if name == state]


def run(definition: str, script: Mapping[str, Sequence[dict[str, Any] | Fails | Redriven]], given: object) -> Run:
    """Run a state machine to its end.

    Args:
        definition: Its text.
        script: Task state → its answers, in order; the last one is given again and again.
        given: The execution's input.

    Returns:
        What it did.
    """
    done = Run()
    with (
        _scripted(script, done),
        evaluated_expressions(),
        mock_aws(config={"stepfunctions": {"execute_state_machine": True}}),
    ):
        step_functions = boto3.client("stepfunctions", region_name=REGION)
        role = f"arn:aws:iam::{ACCOUNT}:role/pipeline"
        made = step_functions.create_state_machine(name="pipeline", definition=definition, roleArn=role)
        arn = step_functions.start_execution(
            stateMachineArn=made["stateMachineArn"], name=RUN_ID, input=json.dumps(given)
        )["executionArn"]
        backend: Any = stepfunctions_parser_backends[ACCOUNT][REGION]
        ended, history = backend.describe_execution(arn), backend.get_execution_history(arn)["events"]
    for event in history:
        if entered := event.get("stateEnteredEventDetails"):
            done.visited.append(entered["name"])
        assigned = event.get("stateExitedEventDetails", {}).get("assignedVariables", {})
        done.variables |= {name: json.loads(value) for name, value in assigned.items()}
    done.status, done.error, done.cause = str(ended.status), ended.error or "", ended.cause or ""
    return done


_parsed = cache(AmazonStateLanguageParser.parse)


@contextmanager
def _scripted(script: Mapping[str, Sequence[dict[str, Any] | Fails | Redriven]], done: Run) -> Iterator[None]:
    answers = {state: list(given) for state, given in script.items()}

    def call(_self: object, env: Environment, normalised_parameters: dict[str, Any], **_: object) -> None:
        context: Any = env.states.context_object.context_object_data
        state = context["State"]["Name"]
        left = answers[state]
        while True:
            done.calls.append((state, deepcopy(normalised_parameters)))
            answer = left.pop(0) if len(left) > 1 else left[0]
            if not isinstance(answer, Redriven):
                break
            redriven(context["Execution"])
        if isinstance(answer, Fails):
            raise FailureEventException(_failure(env, answer))
        env.stack.append(deepcopy(answer))

    def wait(_self: WaitFunction, env: Environment, wait_seconds: int) -> None:
        done.waits.append(wait_seconds)

    patches: list[Any] = [patch.object(service, "_eval_service_task", call) for service in _SERVICES]
    patches += [
        # an execution is over when its start returns, and parsing a definition once more would take most of the time
        patch.object(ExecutionWorker, "start", ExecutionWorker._execution_logic),
        patch.object(AmazonStateLanguageParser, "parse", _parsed),
        patch.object(WaitFunction, "_wait_interval", wait),
        patch.object(retrier_decl, "time", SimpleNamespace(sleep=lambda _: None)),
    ]
    for applied in patches:
        applied.start()
    try:
        yield
    finally:
        for applied in patches:
            applied.stop()


def _failure(env: Environment, answer: Fails) -> FailureEvent:
    details = TaskFailedEventDetails(
        error=answer.error, cause=answer.cause, resource="scripted", resourceType="scripted"
    )
    return FailureEvent(
        env=env,
        error_name=ErrorName(error_name=answer.error),
        event_type=HistoryEventType.TaskFailed,
        event_details=EventDetails(taskFailedEventDetails=details),
    )
