"""A terminal keeps the variables of a local cloud that has ended: every command says so, at once."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from unittest.mock import Mock

import boto3
import pytest
from botocore.config import Config
from typer.testing import CliRunner

from orchard.aws import endpoint
from orchard.aws.endpoint import VARIABLES, check_endpoint
from orchard.cli.app import app
from orchard.errors import EnvironmentNotReadyError
from orchard.local.moto.server import moto_server
from orchard.runs.follow import Follower
from tests.support.cloud import awsfakes


@pytest.fixture(autouse=True)
def _nothing_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    awsfakes.isolate(monkeypatch)


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> str:
    """What a local cloud has told to export that has ended."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
    for name in VARIABLES:
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    return address


@pytest.fixture
def no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("something was connected to")

    monkeypatch.setattr(socket.socket, "connect", connect)


def told(monkeypatch: pytest.MonkeyPatch, address: str) -> EnvironmentNotReadyError:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setattr(endpoint, "_PATIENCE", 0.3)
    with pytest.raises(EnvironmentNotReadyError) as error:
        check_endpoint()
    return error.value


def test_without_the_variable_nobody_is_asked(no_connection: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    check_endpoint()


def test_an_endpoint_of_aws_is_not_asked(no_connection: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://vpce-1.s3.eu-west-1.vpce.amazonaws.com")
    check_endpoint()


def test_a_local_cloud_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with moto_server() as address:
        for one in (address, address.replace("127.0.0.1", "localhost")):
            monkeypatch.setenv("AWS_ENDPOINT_URL", one)
            check_endpoint()


def test_proxies_are_not_asked_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with moto_server() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        check_endpoint()


def test_one_that_has_ended(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error = told(monkeypatch, gone)
    assert error.headline == f"The local cloud at {gone} has ended"
    assert "orchard local up" in error.cause
    assert error.next_command == f"unset {' '.join(VARIABLES)}"


def test_one_that_ends_while_a_run_is_followed(gone: str) -> None:
    once = Config(retries={"total_max_attempts": 1})
    asked = boto3.client("stepfunctions", endpoint_url=gone, region_name="eu-west-1", config=once)
    with pytest.raises(EnvironmentNotReadyError, match="has ended"):
        Follower(asked, Mock(), "arn:aws:states:eu-west-1:123456789012:execution:orchard:r", Mock()).look()


@pytest.mark.parametrize("address", ["http://10.255.255.1:4566", "http://cloud.example", "127.0.0.1:4566", "nonsense"])
def test_one_that_is_none_by_its_name(address: str, no_connection: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, address).headline == f"{address} is not a local cloud of Orchard"


@pytest.mark.parametrize("rest", ["/foo", "/foo/bar", "?a=b"])
def test_an_address_with_more_than_host_and_port(
    rest: str, no_connection: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = told(monkeypatch, f"http://localhost:4566{rest}")
    assert error.headline == f"AWS_ENDPOINT_URL has more than a host and a port: http://localhost:4566{rest}"
    assert error.next_command == "export AWS_ENDPOINT_URL=http://localhost:4566"


@pytest.fixture
def strangers_server() -> Iterator[str]:
    class Strange(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Strange) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_somebody_elses_server(strangers_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error = told(monkeypatch, strangers_server)
    assert error.headline == f"{strangers_server} is not a local cloud of Orchard"
    assert "another program answers" in error.cause


def test_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        error = told(monkeypatch, f"http://127.0.0.1:{server.getsockname()[1]}")
    assert "does not answer" in error.headline
    assert "try again" in error.cause  # it may be a local cloud that has too much to do


def test_a_connection_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as exits:
        server = exits.enter_context(closing(socket.create_server(("127.0.0.1", 0), backlog=0)))
        for _ in range(4):  # more than may wait: the system lets the next one hang
            waiting = exits.enter_context(closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        error = told(monkeypatch, f"http://127.0.0.1:{server.getsockname()[1]}")
    assert "does not answer" in error.headline


COMMANDS = [
    ("runs",), ("runs", "--json"), ("status",), ("watch", "a"), ("diagnose",), ("results",), ("report",), ("stop", "a"),
    ("sweep",), ("clean", "outputs", "--all"), ("clean", "logs", "--all"), ("run", "fruits.zip"),
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_says_so(
    words: tuple[str, ...], gone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fruits.zip").write_bytes(b"PK")
    said = CliRunner().invoke(app, list(words))
    assert said.exit_code == 3, said.output
    assert f"Error: The local cloud at {gone} has ended\n" in said.stderr
    assert "  Next: unset AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID" in said.stderr


def test_the_doctor_says_so_in_one_line_and_asks_nobody(gone: str) -> None:
    said = CliRunner().invoke(app, ["doctor"])
    assert said.exit_code == 3
    last = said.stdout.splitlines()[-1]
    assert last.startswith("wrong")
    assert f"The local cloud at {gone} has ended" in last
