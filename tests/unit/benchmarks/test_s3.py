"""The S3 of the benchmarks, and the relay that counts what goes to it."""

import http.client
import shutil
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest

from benchmarks import s3
from benchmarks.s3_traffic import Traffic, counted, understood
from orchard.errors import EnvironmentNotReadyError

HAS_RCLONE = (Path(sys.executable).parent / "rclone").exists() or shutil.which("rclone") is not None


class Stub(BaseHTTPRequestHandler):
    """Answers everything with what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:  # type: ignore[override]
        pass


@pytest.fixture
def stub() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Stub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("head", "request_"),
    [
        ("GET /b/a%20b%C3%A9.zip HTTP/1.1\r\nRange: bytes=1-2\r\n\r\n", ("GET", "/b/a bé.zip", 0)),
        ("HEAD /b/k HTTP/1.1\r\n\r\n", ("HEAD", "/b/k", 0)),
        ("GET /b?list-type=2&prefix=x%2F HTTP/1.1\r\n\r\n", ("LIST", "/b", 0)),
        ("GET /b/?list-type=2 HTTP/1.1\r\n\r\n", ("LIST", "/b/", 0)),
        ("GET / HTTP/1.1\r\n\r\n", ("LIST", "/", 0)),
        ("PUT /b/k?partNumber=2 HTTP/1.1\r\ncontent-length: 12\r\n\r\n", ("PUT", "/b/k", 12)),
        ("PUT /b/k HTTP/1.1\r\nX-Amz-Copy-Source: /b/j\r\nContent-Length: 0\r\n\r\n", ("COPY", "/b/k", 0)),
        ("POST /b?delete HTTP/1.1\r\nContent-Length: 7\r\n\r\n", ("POST", "/b", 7)),
        ("DELETE /b/k HTTP/1.1\r\n\r\n", ("DELETE", "/b/k", 0)),
    ],
)
def test_a_request_is_understood(head: str, request_: tuple[str, str, int]) -> None:
    assert understood(head.encode()) == request_


def test_a_body_of_unknown_length_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="not told"):
        understood(b"PUT /b/k HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")


def test_the_relay_passes_everything_on_and_counts_it(stub: str) -> None:
    body = bytes(range(256)) * 4096
    with counted(stub) as (relay, traffic):
        for key in ("one", "two", "one"):
            asked = urllib.request.Request(f"{relay}/b/{key}", data=body, method="PUT")  # noqa: S310
            with urllib.request.urlopen(asked) as answer:  # noqa: S310
                assert answer.read() == body
    assert traffic.requests == {("PUT", "/b/one"): 2, ("PUT", "/b/two"): 1}
    assert traffic.by_kind() == {"PUT": 3}
    assert 3 * len(body) < traffic.sent < 3 * len(body) + 2000
    assert 3 * len(body) < traffic.received < 3 * len(body) + 2000


@pytest.mark.parametrize("headers", [{}, {"Expect": "100-continue"}])
def test_the_relay_keeps_folders_to_itself(stub: str, headers: dict[str, str]) -> None:
    with counted(stub) as (relay, traffic):
        connection = http.client.HTTPConnection(relay.removeprefix("http://"))
        for path, expected in (("/b/folder/", b""), ("/b/folder/file", b"signature")):
            connection.request("PUT", path, b"signature", headers)
            assert connection.getresponse().read() == expected
        connection.close()
    assert traffic.requests == {("PUT", "/b/folder/"): 1, ("PUT", "/b/folder/file"): 1}


def test_an_address_without_a_port_is_no_server_of_this_machine() -> None:
    with pytest.raises(ValueError, match="no port"), counted("http://localhost"):
        pass
    assert Traffic().by_kind() == {}


def test_without_rclone_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentNotReadyError, match="need rclone"), s3.s3_server(tmp_path):
        pass


def test_a_server_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rclone").write_text("#!/bin/sh\necho no such luck\nexit 1\n")
    (tmp_path / "rclone").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(EnvironmentNotReadyError, match="no such luck"), s3.s3_server(tmp_path):
        pass


@pytest.mark.skipif(not HAS_RCLONE, reason="rclone comes with make bench")
def test_a_folder_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / "there.bin").write_bytes(b"0123456789")
    with s3.s3_server(tmp_path) as endpoint:
        for name, value in s3.variables(endpoint).items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        client.put_object(Bucket="bucket", Key="a b/é.txt", Body=b"words")
        assert client.get_object(Bucket="bucket", Key="there.bin", Range="bytes=2-4")["Body"].read() == b"234"
        listed = client.list_objects_v2(Bucket="bucket", Prefix="a b/")["Contents"]
        client.close()
    assert [(one["Key"], one["Size"]) for one in listed] == [("a b/é.txt", 5)]
    assert (tmp_path / "bucket" / "a b" / "é.txt").read_bytes() == b"words"
