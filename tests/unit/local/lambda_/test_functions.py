import json
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from orchard.aws import clients
from orchard.local.iam.roles import key_of
from orchard.local.lambda_.emulator import emulator_binary, understood
from orchard.local.lambda_.functions import Function, Functions, Result
from tests.support.cloud.awsfakes import signs_as
from tests.support.cloud.in_process import InProcessRunner
from tests.support.waiting import PATIENCE


@dataclass(frozen=True)
class MotoFunction:
    """What is asked of moto's function."""

    function_name: str = "stack-Start-1"
    function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:stack-Start-1"
    logical_resource_id: str = "Start"
    handler: str = "app.handler"
    timeout: int = 30
    memory_size: int = 256
    role: str = "arn:aws:iam::123456789012:role/stack-StartRole-1"
    event_invoke_config: tuple[Any, ...] = ()
    environment_vars: dict[str, Any] = field(
        default_factory=lambda: {"FRUIT": "pear", "AWS_REGION": "eu-north-1", "LAYER": "/opt/x", "OTHER": "/options"}
    )


class Scripted:
    """A runner whose invocations end as told."""

    def __init__(self, *results: Result | Exception) -> None:
        self.results = list(results)
        self.seen: list[Function] = []
        self.done = threading.Event()

    def run(self, function: Function, event: bytes) -> Result:
        self.seen.append(function)
        result = self.results.pop(0)
        if not self.results:
            self.done.set()
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        self.done.set()


BAD, GOOD = Result.of_error("ValueError", "no"), Result(b"{}")


def functions(runner: Scripted) -> Functions:
    return Functions(
        runner,
        {"Start": Path("/source/start")},
        {"Start": Path("/layers/a\\b")},
        {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://x"},
    )


def finish(given: Functions, runner: Scripted) -> None:
    given.invoke_later(MotoFunction(), b"{}")
    assert runner.done.wait(PATIENCE)
    for thread in threading.enumerate():
        if thread.name.startswith("event for"):
            thread.join(60)


def test_a_function_has_its_own_variables_over_the_clouds() -> None:
    runner = Scripted(GOOD)

    functions(runner).invoke(MotoFunction(), b"{}")

    [function] = runner.seen
    assert function.folder == Path("/source/start")
    assert function.environment["FRUIT"] == "pear"
    assert function.environment["LAYER"] == "/layers/a\\b/x", "its layer is there"
    assert function.environment["OTHER"] == "/options"
    assert function.environment["AWS_REGION"] == "eu-north-1"
    assert function.environment["AWS_ENDPOINT_URL"] == "http://x"
    assert function.environment["AWS_LAMBDA_FUNCTION_TIMEOUT"] == "30"
    assert function.access_key == key_of("stack-StartRole-1")


def test_a_failed_event_is_tried_three_times_and_its_loss_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("orchard.local.lambda_.functions.RETRY_AFTER", (0.0, 0.0))
    runner = Scripted(BAD, BAD, BAD)

    finish(functions(runner), runner)

    assert len(runner.seen) == 3
    [lost] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "failed three times" in lost.getMessage()


def test_an_event_that_is_understood_at_last_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("orchard.local.lambda_.functions.RETRY_AFTER", (0.0, 0.0))
    runner = Scripted(BAD, GOOD)

    finish(functions(runner), runner)

    assert len(runner.seen) == 2
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_runner_that_breaks_is_not_silent(caplog: pytest.LogCaptureFixture) -> None:
    runner = Scripted(KeyError("folder"))

    finish(functions(runner), runner)

    assert "could not be run" in caplog.text


@pytest.mark.parametrize(
    ("status", "body", "failed", "kind"),
    [
        (200, b'{"errorMessage": "m", "errorType": "E", "requestId": "r", "stackTrace": []}', True, "E"),
        (200, b'{"errorMessage": "a field of the answer", "errorType": "too"}', False, "too"),
        (200, b"Task timed out after 3.00 seconds", True, "Sandbox.Timedout"),
        (502, b'{"errorMessage": "m", "errorType": "Runtime.ExitError"}', True, "Runtime.ExitError"),
    ],
)
def test_what_the_emulator_answers(status: int, body: bytes, failed: bool, kind: str) -> None:
    result = understood(status, body)

    assert result.failed is failed
    assert json.loads(result.payload)["errorType"] == kind


def test_the_emulator_comes_with_the_sam_cli_and_can_be_run(tmp_path: Path) -> None:
    binary = emulator_binary(tmp_path)

    assert binary.parent == tmp_path
    assert binary.stat().st_mode & 0o111 == 0o111


APP = """\
import os, sys
print("imported", __name__)
def handler(event, context):
    print("invoked")
    if "raise" in event:
        raise LookupError(event["raise"])
    return {"fruit": os.environ["FRUIT"], "left": context.get_remaining_time_in_millis(), "name": context.function_name}
"""


def described(folder: Path, **differently: str) -> Function:
    function = Function("f", "arn", folder, "app.handler", {"FRUIT": "plum"}, key_of("grower"), timeout=9, memory=128)
    return replace(function, **differently)


def test_a_handler_in_this_process(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FRUIT", raising=False)
    (tmp_path / "app.py").write_text(APP)
    function = described(tmp_path)
    runner = InProcessRunner(tmp_path)

    good, bad = runner.run(function, b"{}"), runner.run(function, b'{"raise": "why"}')

    answer = json.loads(good.payload)
    assert (answer["fruit"], answer["name"]) == ("plum", "f")
    assert 0 < answer["left"] <= 9000
    assert (bad.failed, json.loads(bad.payload)["errorMessage"]) == (True, "why")
    assert "app.py" in "".join(json.loads(bad.payload)["stackTrace"])
    assert (tmp_path / "f.log").read_text().count("invoked") == 2
    assert capsys.readouterr().out == ""
    import os

    runner.close()
    assert "FRUIT" not in os.environ


SIGNING = """\
from orchard.aws import clients
def handler(event, context):
    return clients.s3()._request_signer._credentials.access_key
"""


def test_handlers_in_this_process_sign_for_their_roles_and_others_for_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.py").write_text(SIGNING)
    for name, value in (("DEFAULT_REGION", "eu-west-1"), ("ACCESS_KEY_ID", "users"), ("SECRET_ACCESS_KEY", "own")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    runner = InProcessRunner(tmp_path)
    functions = [described(tmp_path, name=role, access_key=key_of(role)) for role in ("grower", "picker", "grower")]

    keys = [json.loads(runner.run(function, b"{}").payload) for function in functions]

    assert keys == [key_of("grower"), key_of("picker"), key_of("grower")]
    assert signs_as(clients.s3()) == "users"
    clients.s3.cache_clear()
