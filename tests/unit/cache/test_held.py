"""A folder is in use for as long as its maker lives, and no longer, whatever ended it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchard.cache.held import held_folder, in_use, left_over
from tests.support.paths import ROOT

HOLDER = """\
import pathlib, signal, sys, time
from orchard.cache.held import held_folder
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which `nohup make test` has its children ignore
with held_folder(pathlib.Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


def test_a_folder_is_removed_with_all_that_is_in_it(tmp_path: Path) -> None:
    with held_folder(tmp_path / "parent") as folder:
        (folder / "wheels").mkdir()
        assert in_use(folder)
        assert not left_over(folder)
    assert list((tmp_path / "parent").iterdir()) == []


def test_a_folder_that_stays_is_no_longer_in_use(tmp_path: Path) -> None:
    with held_folder(tmp_path, "cloud-", stays=True) as folder:
        pass
    assert folder.name.startswith("cloud-")
    assert not in_use(folder)
    assert left_over(folder)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_folder_of_a_process_that_was_killed_is_left_over(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)}) as holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        assert in_use(folder)
        holder.send_signal(number)
    assert not in_use(folder)
    assert left_over(folder)


def test_a_folder_without_a_lock_may_just_be_being_made(tmp_path: Path) -> None:
    fresh, old = tmp_path / "fresh", tmp_path / "old"
    for folder in (fresh, old):
        folder.mkdir()
    os.utime(old, (0, 0))
    assert not left_over(fresh)
    assert left_over(old)
