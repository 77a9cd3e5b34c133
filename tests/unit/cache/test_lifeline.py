"""A program under a keeper ends with whoever started it, and leaves nothing running, however either of them ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchard.cache import lifeline
from tests.support.paths import ROOT
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="what is below is found in /proc")

FAMILY = """\
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)  # as a daemon does
if os.fork() == 0:
    if os.fork():
        os._exit(0)                                                                               # an orphan
    time.sleep(600)
print("ready", flush=True)
time.sleep(600)
"""
STARTER = """\
import signal, sys, threading, time, pathlib
from orchard.local.processes import Child
for one in (signal.SIGHUP, signal.SIGINT):  # which `nohup make test &` has its children ignore
    signal.signal(one, signal.SIG_DFL)
def start():  # in a thread that ends: a death signal would be the thread's
    with open(sys.argv[2], "wb") as out:
        Child([sys.executable, "-c", sys.argv[1]], env={"MARK": sys.argv[2]}, cwd=pathlib.Path("/"), stdout=out)
thread = threading.Thread(target=start)
thread.start()
thread.join()
time.sleep(600)
"""


def marked(mark: str) -> list[str]:
    """The processes with this in their environment."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environment.read_text(errors="replace"):
                found.append(environment.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_whatever_ends_the_starter_ends_all_that_it_started(number: signal.Signals, tmp_path: Path) -> None:
    said = tmp_path / "said"
    said.touch()
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, FAMILY, str(said)], env={"PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL
    )
    eventually(lambda: "ready" in said.read_text() and len(marked(f"MARK={said}")) == 4, "the family and its keeper")

    starter.send_signal(number)
    starter.wait()

    eventually(lambda: not marked(f"MARK={said}"), "the end of the family")


def test_a_keeper_that_is_killed_takes_its_program_along(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with lifeline.pipe() as (held, _), said.open("wb") as out:
        command = lifeline.kept(["sh", "-c", "echo ready; exec sleep 600"], held)
        keeper = subprocess.Popen(command, pass_fds=[held], stdout=out, env={"MARK": str(said), "PATH": os.defpath})
        eventually(lambda: "ready" in said.read_text(), "the program")
        keeper.kill()
        keeper.wait()
        eventually(lambda: not marked(f"MARK={said}"), "the end of the program")


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -TERM $$", -15), ("kill -KILL $$", -9)]
)
def test_a_program_ends_as_it_would_without_a_keeper(script: str, code: int) -> None:
    done = lifeline.run(["sh", "-c", f"echo said; echo wrong >&2; {script}"])
    assert (done.returncode, done.stdout, done.stderr) == (code, "said\n", "wrong\n")


def test_a_program_that_is_not_there() -> None:
    done = lifeline.run(["no-such-program"])
    assert done.returncode == lifeline.NOT_FOUND
    assert done.stderr == "no-such-program: No such file or directory\n"


def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        lifeline.run(["sleep", "600"], timeout=0.2)


def test_a_program_may_write_into_a_closed_pipe_as_anywhere() -> None:
    """Python itself ignores SIGPIPE, and what it starts would inherit that."""
    done = lifeline.run(["bash", "-c", "yes | head -1; echo ${PIPESTATUS[0]}"])
    assert done.stdout.split() == ["y", "141"]


@pytest.mark.parametrize("given", [{}, {"LC_CTYPE": "POSIX"}, {"LANG": "C.UTF-8"}])
def test_a_program_gets_its_own_environment_and_nothing_of_its_keepers(given: dict[str, str]) -> None:
    done = lifeline.run(["/usr/bin/env"], env={"FRUIT": "pear", **given})
    assert sorted(done.stdout.split()) == sorted(
        f"{name}={value}" for name, value in {"FRUIT": "pear", **given}.items()
    )
