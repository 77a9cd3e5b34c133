"""Calls and answers of AWS as the states language sees them.

Written for moto 5.2.5, whose interpreter gives boto3 what the definition says and puts what boto3 returned into the
state. So times are Python's, which DescribeExecution then fails to tell (HTTP 500); EMR's errors are named `emr.…`; and
of a service whose API names its fields in camelCase, as EMR Serverless and EMR on EKS do, boto3 takes none of the names
that Step Functions wants, which begin with capitals. Wrapped is `StateTaskServiceAwsSdk._eval_service_task`: fields are
renamed on the way in and out, and times become text, as in all of Step Functions' data. The names that errors begin
with become `Emr`, `EmrServerless` and `EmrContainers`, and the services `emrserverless` and `emrcontainers` are found.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from orchard.local.moto.patching import entries, replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import OperationModel

_SERVICES = {"emrserverless": "emr-serverless", "emrcontainers": "emr-containers"}
"""Step Functions' names of services → botocore's, where they differ."""

_ERRORS = {"emr": "Emr", "emrserverless": "EmrServerless", "emrcontainers": "EmrContainers"}
"""Step Functions' names of services → how the names of their errors begin."""


@contextmanager
def plain_answers() -> Iterator[None]:
    """Have tasks of the kind `aws-sdk` take and return plain JSON, as Step Functions spells it."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk as sdk

    call = sdk.StateTaskServiceAwsSdk._eval_service_task

    def evaluate(self: Any, env: Any, *, normalised_parameters: dict[str, Any], **more: Any) -> None:
        operation = _operation(self._get_boto_service_name(), self.resource.api_action)
        asked = to_boto(normalised_parameters, operation.input_shape)
        call(self, env, normalised_parameters=asked, **more)
        env.stack.append(plain(to_states(env.stack.pop(), operation.output_shape)))

    known = sdk.StateTaskServiceAwsSdk._SERVICE_NAME_SFN_TO_BOTO_OVERRIDES
    with (
        replaced(sdk.StateTaskServiceAwsSdk, _eval_service_task=evaluate),
        entries(sdk._SERVICE_ERROR_NAMES, _ERRORS),
        entries(known, _SERVICES),
    ):
        yield


@cache
def _operation(service: str, action: str) -> OperationModel:
    import botocore.session

    model = botocore.session.get_session().get_service_model(service)
    return model.operation_model(next(name for name in model.operation_names if name.lower() == action.lower()))


def to_boto(value: Any, shape: Any) -> Any:
    """Arguments with the names that boto3 knows.

    Args:
        value: Arguments as Step Functions has them, their names beginning with capitals, or a part of them.

    Returns:
        The same; names that the model does not know stay as they are.
    """
    return _renamed(
        value, shape, lambda name, members: next((known for known in members if _lower(known) == _lower(name)), name)
    )


def to_states(value: Any, shape: Any) -> Any:
    """An answer of boto3's with the names that Step Functions gives: each begins with a capital."""
    return _renamed(value, shape, lambda name, members: name[:1].upper() + name[1:] if name in members else name)


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _renamed(value: Any, shape: Any, rename: Callable[[str, Any], str]) -> Any:
    kind = getattr(shape, "type_name", "")
    if kind == "structure" and isinstance(value, dict):
        renamed = {name: rename(name, shape.members) for name in value}
        known = {_lower(name): member for name, member in shape.members.items()}
        return {renamed[name]: _renamed(inner, known.get(_lower(name)), rename) for name, inner in value.items()}
    if kind == "list" and isinstance(value, list):
        return [_renamed(inner, shape.member, rename) for inner in value]
    if kind == "map" and isinstance(value, dict):
        return {name: _renamed(inner, shape.value, rename) for name, inner in value.items()}
    return value


def plain(answer: Any) -> Any:
    """An answer of boto3's with its times written out.

    Returns:
        The same, with times in UTC as `2026-11-20T09:30:00.000Z`.
    """
    if isinstance(answer, datetime):
        return answer.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(answer, dict):
        return {name: plain(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [plain(value) for value in answer]
    return answer
