"""`make test` runs every file of tests, and each in one process."""

import subprocess
from pathlib import Path

from tests.support.paths import ROOT


def below(names: list[str]) -> set[Path]:
    """The files of tests that words of a command name, by themselves or by their folder."""
    return {file for name in names for file in [ROOT / name, *(ROOT / name).rglob("test_*.py")]}


def test_every_file_of_tests_is_run_by_one_process() -> None:
    printed = subprocess.run(["make", "--dry-run", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = [line.partition(" -m pytest ")[2].split() for line in printed.splitlines() if " -m pytest " in line]
    run = [
        below([word for word in words if not word.startswith("-")] or ["tests"])
        - below([word.removeprefix("--ignore=") for word in words if word.startswith("-")])
        for words in commands
    ]
    files = below(["tests"]) - {ROOT / "tests"}
    assert {file: sum(file in one for one in run) for file in files} == dict.fromkeys(files, 1)
