"""Answers of AWS as the states language sees them.

Written for moto 5.2.5, whose interpreter puts what boto3 returned into the state: there, times are Python's, which
DescribeExecution then fails to tell (HTTP 500), and EMR's errors are named `emr.…`. Wrapped is
`StateTaskServiceAwsSdk._eval_service_task`: times become text, as in all of Step Functions' data; and
the name that EMR's errors begin with becomes `Emr`.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchard.local.patching import entries, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def plain_answers() -> Iterator[None]:
    """Have tasks of the kind `aws-sdk` return plain JSON.

    Yields:
        While they do.
    """
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_aws_sdk as sdk

    call = sdk.StateTaskServiceAwsSdk._eval_service_task

    def evaluate(self: Any, env: Any, *args: Any, **kwargs: Any) -> None:
        call(self, env, *args, **kwargs)
        env.stack.append(plain(env.stack.pop()))

    with (
        replaced(sdk.StateTaskServiceAwsSdk, _eval_service_task=evaluate),
        entries(sdk._SERVICE_ERROR_NAMES, {"emr": "Emr"}),
    ):
        yield


def plain(answer: Any) -> Any:
    """An answer of boto3's with its times written out.

    Args:
        answer: The answer, or a part of it.

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
