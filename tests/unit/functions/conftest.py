"""A region, credentials that open nothing, and clients that are made anew for each file of tests."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from orchard.aws import clients


@pytest.fixture(autouse=True, scope="module")
def _aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        _forget_clients()
        yield
        _forget_clients()


def _forget_clients() -> None:
    for client in (clients.client, clients.s3, clients.step_functions, clients.sns):
        client.cache_clear()


Logs = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def logs_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Logger], Logs]:
    """What a function's logger writes from now on, as the JSON that CloudWatch gets."""

    def listen(logger: Logger) -> Logs:
        stream = io.StringIO()
        monkeypatch.setattr(logger.registered_handler, "stream", stream)
        return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]

    return listen
