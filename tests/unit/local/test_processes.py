import sys
from pathlib import Path

import pytest

from orchard.cache.lifeline import descendants
from orchard.local.processes import Child, Children
from tests.support.waiting import eventually

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)
FAMILY = """\
import subprocess, time
subprocess.Popen(["sleep", "600"], process_group=0)
print("ready", flush=True)
time.sleep({seconds})
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


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="what is below a process is found in /proc")
def test_what_a_child_started_in_another_process_group_is_ended_with_it(tmp_path: Path) -> None:
    child = start(tmp_path, FAMILY.format(seconds=600))
    below = descendants(child.pid)
    assert len(below) == 2

    child.end()

    assert not [pid for pid in below if Path(f"/proc/{pid}").exists()]


def test_what_a_child_leaves_running_ends_with_it(tmp_path: Path) -> None:
    child = start(tmp_path, FAMILY.format(seconds=0))

    assert child.wait() == 0

    assert descendants(child.pid) == []


def test_a_child_that_comes_after_the_end_does_not_stay(tmp_path: Path) -> None:
    children = Children()
    children.end()

    child = children.add(start(tmp_path, STUBBORN))

    assert not child.alive
