"""Executions as in Step Functions: one without a name gets one, a stop holds, one that ended badly can be redriven.

Written for moto 5.2.5, whose `StepFunctionsParserBackend.start_execution` names every execution without a name `None`
and takes any name, and which has no RedriveExecution. The first is wrapped. The second is added to
`StepFunctionResponse`: the interpreter is started once more, in the state that the execution ended in, with what that
was entered with and with the variables as they were, and goes on with the same history (developer guide, "Restarting
state machine executions with redrive"). DescribeExecution and ListExecutions tell how often, and when.

A state that is just ending when the execution is stopped, or times out, cannot name the next one, and this error would
take the place of the stop: the execution would be FAILED, not ABORTED or TIMED_OUT. Wrapped is `Environment.set_error`.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

_REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")


@contextmanager
def named_and_redriven_executions() -> Iterator[None]:
    """Have executions named as Step Functions names them, and redriven when somebody asks for it."""
    from moto.core.responses import ActionResult
    from moto.stepfunctions.parser.models import StepFunctionsParserBackend
    from moto.stepfunctions.responses import StepFunctionResponse

    start = StepFunctionsParserBackend.start_execution
    describe, list_ = StepFunctionResponse.describe_execution, StepFunctionResponse.list_executions

    def start_execution(self: Any, state_machine_arn: str, name: str | None = None, *rest: Any, **more: Any) -> Any:
        name = name or str(uuid.uuid4())
        self._validate_name(name)
        return start(self, state_machine_arn, name, *rest, **more)

    def redrive_execution(self: Any) -> Any:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        return ActionResult({"redriveDate": redrive(execution)})

    def describe_execution(self: Any) -> Any:
        answer: Any = describe(self)
        answer.result.update(_more(self.stepfunction_backend.describe_execution(answer.result["executionArn"])))
        return answer

    def list_executions(self: Any) -> Any:
        answer: Any = list_(self)
        for one in answer.result["executions"]:
            one.update(_more(self.stepfunction_backend.describe_execution(one["executionArn"])))
        return answer

    with (
        replaced(StepFunctionsParserBackend, start_execution=start_execution),
        replaced(
            StepFunctionResponse,
            redrive_execution=redrive_execution,
            describe_execution=describe_execution,
            list_executions=list_executions,
        ),
    ):
        yield


@contextmanager
def first_endings_hold() -> Iterator[None]:
    """Have an execution end as it was first said to."""
    from moto.stepfunctions.parser.asl.eval.environment import Environment
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped, ProgramTimedOut

    fail = Environment.set_error

    def set_error(self: Any, error: Any) -> None:
        if not isinstance(self.program_state(), ProgramStopped | ProgramTimedOut):
            fail(self, error)

    with replaced(Environment, set_error=set_error):
        yield


def redrive(execution: Any) -> datetime:
    """Have an execution that ended badly go on.

    Raises:
        JsonRESTError: `ExecutionNotRedrivable`: it goes on, or has succeeded.
    """
    from moto.core.exceptions import JsonRESTError
    from moto.stepfunctions.parser.api import ExecutionStatus

    if execution.status not in _REDRIVABLE:
        raise JsonRESTError("ExecutionNotRedrivable", f"Execution {execution.exec_arn} is {execution.status}")
    execution.redrive_count = getattr(execution, "redrive_count", 0) + 1
    execution.redrive_date = now = datetime.now(UTC)
    execution.error = execution.cause = execution.stop_date = None
    execution.exec_status = ExecutionStatus.RUNNING
    execution.exec_worker = _worker(execution, execution.exec_worker)
    execution.exec_worker.start()
    return now


def _more(execution: Any) -> dict[str, Any]:
    """What moto leaves out when it describes an execution: redrives, and when it timed out."""
    count = getattr(execution, "redrive_count", 0)
    ended = {"stopDate": execution.stop_date} if execution.status == "TIMED_OUT" else {}
    return {"redriveCount": count} | ({"redriveDate": execution.redrive_date} if count else {}) | ended


def _worker(execution: Any, before: Any) -> Any:
    """What runs the rest of an execution, after what ran it so far."""
    from moto.stepfunctions.parser.api import HistoryEventType
    from moto.stepfunctions.parser.asl.component.common.flow.start_at import StartAt
    from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

    history = before.env.event_manager
    entered = before.env.states.context_object.context_object_data["State"]["Name"]
    data, variables = before.env.states.get_input(), before.env.variable_store

    class Redriven(ExecutionWorker):
        def _execution_logic(self) -> None:
            program: Any = self._get_evaluation_entrypoint()
            program.start_at = StartAt(entered)
            self.env = self._get_evaluation_environment()
            self.env.event_manager = history
            self.env.states.reset(data)
            self.env.variable_store = variables  # type: ignore[misc]  # final: an execution begins without any
            context: Any = self.env.states.context_object.context_object_data
            context["Execution"]["RedriveTime"] = execution.redrive_date.isoformat().replace("+00:00", "Z")
            history.add_event(context=self.env.event_history_context, event_type=HistoryEventType.ExecutionRedriven)
            program.eval(self.env)
            self._execution_communication.terminated()

    return Redriven(
        evaluation_details=before._evaluation_details,
        exec_comm=before._execution_communication,
        cloud_watch_logging_session=None,
        activity_store={},
    )
