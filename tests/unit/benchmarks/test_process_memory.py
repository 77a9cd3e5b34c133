"""The memory of processes that were started: the greatest that each has had."""

import subprocess
import sys

import pytest

from benchmarks.process_memory import own_peak_mb, peak_mb

_MB = 1 << 20


def test_the_peak_counts_though_the_memory_is_given_back() -> None:
    program = f"held = bytearray({80 * _MB}); del held; print('done', flush=True); input('sixty-four oranges')"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout
        assert started.stdout.readline() == b"done\n"
        assert 80 < peak_mb("sixty-four oranges") < 160
        started.communicate(b"\n")


def test_a_process_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        peak_mb("a process of this name")


def test_of_this_process_too() -> None:
    before = own_peak_mb()
    held = bytearray(int(before) * _MB)
    assert own_peak_mb() > 1.5 * before
    del held
