"""A user's proxies are for the internet: a local run, command, functions and Spark, asks none for anything."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchard import cache
from orchard.features.export import model_for
from orchard.features.weights import RANDOM, resolve_weights
from orchard.local.emr.jars import s3a_jars, spark_home
from orchard.options import ENGINES
from orchard.release.wheelhouse import gather_wheels, requirements_file
from tests.support.pictures.drawn import fruit_members, write_zip

pytestmark = pytest.mark.slow

NAMES = [name for base in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") for name in (base, base.lower())]


@pytest.fixture(scope="module", autouse=True)
def _downloaded() -> None:
    """What is fetched once from the internet, for which the proxies are, is here."""
    s3a_jars(cache.jars_dir(), spark_home())
    gather_wheels(requirements_file(cache.project_dir(), ENGINES[0]), cache.wheelhouse_dir())
    model_for(resolve_weights(RANDOM), cache.models_dir())


class Listener:
    """A proxy that only counts who comes, and sends them away."""

    def __init__(self) -> None:
        self.came = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._count)
        self._thread.start()

    def _count(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if connection.recv(1) == b"!":
                    return
                self.came += 1

    def end(self) -> None:
        with socket.create_connection(self._socket.getsockname()) as farewell:
            farewell.sendall(b"!")
        self._thread.join()
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.end()


def test_a_run_asks_no_proxy_for_anything(tmp_path: Path, listener: Listener) -> None:
    archive = write_zip(tmp_path / "fruits.zip", fruit_members(training=6, test=2))
    environment = {name: value for name, value in os.environ.items() if name.upper() != "NO_PROXY"}
    words = ["run", str(archive), "--local", "--weights", RANDOM, "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", "from orchard.cli import main; main()", *words],
        env={**environment, **dict.fromkeys(NAMES, listener.address)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.html").exists()
    assert listener.came == 0, "so it works as well where the proxy is not there"
