"""Lambda functions that run.

Written for moto 5.2.5. Replaces `moto.awslambda.models.LambdaFunction.invoke`, which runs functions in Docker, or, with
Docker off, returns what it was told to. Everything that invokes a function passes there: the Invoke API (and so the
state machine's `lambda:invoke`), and the events of this package.
An event that no attempt could handle waits in the queue that the stack names: moto does nothing with a function's
`EventInvokeConfig`.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from orchard.local.iam.roles import key_of
from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LOG = logging.getLogger(__name__)

RETRY_AFTER = (1.0, 2.0)
"""Seconds before each further attempt at an asynchronous event; AWS waits one minute, then two (Lambda developer guide,
"How Lambda handles errors and retries with asynchronous invocation")."""


@dataclass(frozen=True)
class Function:
    """A function to run.

    Attributes:
        handler: `module.function` in there.
        environment: The variables it runs with, beside those of the machine.
        access_key: The id of its role's key, with which it signs what it asks for.
        timeout: Seconds that an invocation may take.
        memory: Megabytes that it is told to have.
    """

    name: str
    arn: str
    folder: Path
    handler: str
    environment: Mapping[str, str]
    access_key: str
    timeout: int
    memory: int


@dataclass(frozen=True)
class Result:
    """How an invocation ended.

    Attributes:
        payload: What the function returned, or a description of its error, as JSON.
    """

    payload: bytes
    failed: bool = False

    @classmethod
    def of_error(cls, kind: str, message: str, trace: list[str] | None = None) -> Result:
        """An error as Lambda describes it to whoever invoked the function."""
        described: dict[str, Any] = {"errorMessage": message, "errorType": kind}
        if trace is not None:
            described["stackTrace"] = trace
        return cls(json.dumps(described).encode(), failed=True)


class Runner(Protocol):
    """What runs functions."""

    def run(self, function: Function, event: bytes) -> Result:
        """Run one and wait for its end; errors of the function are results."""

    def close(self) -> None:
        """End whatever still runs."""


class Functions:
    """The functions of one cloud.

    Args:
        folders: Where their sources are, by logical id.
        layers: Where their layers are, likewise; in the values of its variables, a function finds this for `/opt`.
    """

    def __init__(
        self,
        runner: Runner,
        folders: Mapping[str, Path],
        layers: Mapping[str, Path],
        environment: Mapping[str, str],
    ) -> None:
        self._runner = runner
        self._folders = folders
        self._layers = layers
        self._environment = environment
        self._closing = threading.Event()

    def invoke(self, function: Any, event: bytes) -> Result:
        """Invoke a function and wait."""
        return self._runner.run(self._described(function), event)

    def invoke_later(self, function: Any, event: bytes) -> None:
        """Invoke a function in the background, as AWS does for events: after three errors the event is kept."""
        threading.Thread(
            target=self._persist, args=(function, event), name=f"event for {function.function_name}", daemon=True
        ).start()

    def close(self) -> None:
        """End whatever still runs; no further attempts."""
        self._closing.set()
        self._runner.close()

    def _persist(self, function: Any, event: bytes) -> None:
        for pause in (*RETRY_AFTER, None):
            try:
                result = self.invoke(function, event)
            except Exception:
                if not self._closing.is_set():
                    LOG.exception("The function %s could not be run, and the event is lost", function.function_name)
                return
            if not result.failed or self._closing.is_set():
                return
            LOG.warning("%s failed on an event: %s", function.function_name, result.payload.decode(errors="replace"))
            if pause is None or self._closing.wait(pause):
                break
        if not self._closing.is_set():
            LOG.error("%s failed three times on an event: %s", function.function_name, event.decode())
            keep_undelivered(function, event, result.payload, attempts=len(RETRY_AFTER) + 1)

    def _described(self, function: Any) -> Function:
        name = function.function_name
        layer = self._layers.get(function.logical_resource_id)
        own = {key: str(value) for key, value in function.environment_vars.items()}
        if layer is not None:
            own = {key: re.sub(r"^/opt(?=/|$)", lambda _: str(layer), value) for key, value in own.items()}
        environment = {
            **self._environment,
            **own,
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
            # there is no daemon to send traces to, and each attempt would cost a warning
            "AWS_XRAY_SDK_ENABLED": "false",
            "POWERTOOLS_TRACE_DISABLED": "true",
        }
        return Function(
            name=name,
            arn=function.function_arn,
            folder=self._folders[function.logical_resource_id],
            handler=function.handler,
            environment=environment,
            access_key=key_of(function.role),
            timeout=int(function.timeout),
            memory=int(function.memory_size),
        )


@contextmanager
def running_functions(functions: Functions) -> Iterator[None]:
    """Have moto run functions here."""
    from moto.awslambda.models import LambdaFunction

    def invoke(self: Any, body: str | bytes, request_headers: Any, response_headers: Any) -> bytes:
        event = (body.encode() if isinstance(body, str) else body) or b"{}"
        kind = request_headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "Event":
            functions.invoke_later(self, event)
        if kind != "RequestResponse":
            return b""
        result = functions.invoke(self, event)
        response_headers["x-amz-executed-version"] = "$LATEST"
        if result.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return result.payload

    with replaced(LambdaFunction, invoke=invoke):
        try:
            yield
        finally:
            functions.close()


def keep_undelivered(function: Any, event: bytes, answer: bytes, attempts: int) -> None:
    """Send an event to the function's destination for failures, if it has one.

    The record is that of the Lambda developer guide, "Capturing records of Lambda asynchronous invocations".

    Args:
        answer: What the last attempt ended with, as JSON.
    """
    from moto.sqs.models import sqs_backends

    for configured in function.event_invoke_config:
        queue = configured.config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        if ":sqs:" not in queue:
            continue
        _, _, _, region, account, name = queue.split(":")
        record = {
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": f"{function.function_arn}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": json.loads(event),
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": json.loads(answer),
        }
        sqs_backends[account][region].send_message(name, json.dumps(record))
