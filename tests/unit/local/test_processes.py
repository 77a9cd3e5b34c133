from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orchard.local.processes import Child, Children, session_members
from tests.waiting import eventually

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)
FAMILY = """\
import subprocess
subprocess.Popen(["sleep", "600"], process_group=0)
print("ready", flush=True)
"""


def start(tmp_path: Path, program: str) -> Child:
    said = tmp_path / "said"
    with said.open("wb") as stdout:
        child = Child([sys.executable, "-c", program], env={}, cwd=tmp_path, stdout=stdout)
    eventually(lambda: "ready" in said.read_text(), "the child's word")
    return child


def test_a_child_that_ignores_the_request_is_ended_all_the_same(tmp_path: Path) -> None:
    child = start(tmp_path, STUBBORN)

    child.end(grace=0.2)

    assert not child.alive
    assert child.wait() == -9


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="sessions are found in /proc")
def test_what_a_child_left_running_in_another_process_group_is_ended_too(tmp_path: Path) -> None:
    child = start(tmp_path, FAMILY)
    assert child.wait() == 0
    [left] = session_members(child.pid)
    assert left != child.pid

    child.end()

    assert session_members(child.pid) == []


def test_a_child_that_comes_after_the_end_does_not_stay(tmp_path: Path) -> None:
    children = Children()
    children.end()

    child = children.add(start(tmp_path, STUBBORN))

    assert not child.alive
