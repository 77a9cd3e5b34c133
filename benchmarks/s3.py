"""An S3 for the benchmarks: `rclone serve s3` over a plain folder.

moto is no S3 to measure on: it keeps every object in one Python process, and answers a few hundred requests a second.
rclone answers about a thousand, and moves as many bytes as the disk; see `requirements/bench.in`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from typing import TYPE_CHECKING

from orchard.errors import EnvironmentNotReadyError
from orchard.local.lambda_.emulator import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
REGION = "eu-west-1"
_KEY = "benchmarks"  # and the secret too: of a server of this machine, that lives for a minute
_PATIENCE = 120.0
"""Seconds until the server listens; it takes half of one."""


def variables(endpoint: str) -> dict[str, str]:
    """The variables by which any AWS client reaches an S3 of this machine.

    Args:
        endpoint: Its address, `http://127.0.0.1:8080` say. Clients address buckets by path where it is a number.
    """
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": _KEY,
        "AWS_SECRET_ACCESS_KEY": _KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Serve a folder: its folders are buckets, and the files in these are objects.

    An ETag is the MD5 of the content: the server reads an object for it once, where S3 knows it.

    Args:
        folder: What to serve.

    Yields:
        The server's address.

    Raises:
        EnvironmentNotReadyError: rclone is not installed, or does not start.
    """
    port = free_port()
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(
            [
                *(_rclone(), "serve", "s3", "--addr", f"{HOST}:{port}"),
                *("--auth-key", f"{_KEY},{_KEY}", "--config", "", str(folder)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            if not _listens(port, server):
                said.seek(0)
                cause = said.read().decode(errors="replace").strip() or "it said nothing"
                raise EnvironmentNotReadyError("The S3 of the benchmarks does not start", cause, "make bench")
            yield f"http://{HOST}:{port}"
        finally:
            server.kill()  # it keeps nothing that it would have to write
            server.wait()


def _rclone() -> str:
    """The program, beside this Python or on the PATH."""
    beside = Path(sys.executable).parent / "rclone"
    found = str(beside) if beside.exists() else shutil.which("rclone")
    if found is None:
        cause = f"there is no {beside} and no rclone on the PATH"
        raise EnvironmentNotReadyError("The benchmarks need rclone", cause, "make bench")
    return found


def _listens(port: int, server: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        with closing(socket(AF_INET, SOCK_STREAM)) as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return True
        time.sleep(0.02)
    return False
