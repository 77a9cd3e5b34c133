"""What `awslambdaric` has in C++, in Python: the client of the Lambda runtime API (Lambda developer guide, "Using the
Lambda runtime API for custom runtimes").

Its wheels hold a module for one version of Python each, and the environment of the tests has that of its own. With this
in its place, the rest of `awslambdaric` runs on the Python of the functions' runtime.
"""

import http.client
import json
import os

_API = "/2018-06-01/runtime/invocation"


def initialize_client(user_agent: str) -> None:
    """Nothing is to be prepared."""


def next() -> tuple[bytes, dict[str, str]]:  # noqa: A001 (awslambdaric's own name)
    """Wait for an event; its body, and what comes with it."""
    return _asked("GET", f"{_API}/next")


def post_invocation_result(request: str, result: bytes, content_type: str, invocation: str | None = None) -> None:
    """Say what a handler returned."""
    _asked("POST", f"{_API}/{request}/response", result, {"Content-Type": content_type})


def post_error(request: str, error: str, fault: str, invocation: str | None = None) -> None:
    """Say how a handler failed."""
    kind = {"Lambda-Runtime-Function-Error-Type": json.loads(error)["errorType"]}
    _asked("POST", f"{_API}/{request}/error", error.encode(), kind)


def _asked(
    method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[bytes, dict[str, str]]:
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.read(), dict(response.getheaders())
    finally:
        connection.close()
