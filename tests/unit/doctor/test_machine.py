"""What a run on this machine needs, and what mends it where it is missing."""

import shutil
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from orchard.doctor.checks import Check, Verdict, ask
from orchard.doctor.machine import machine_checks


def checks() -> dict[str, Check]:
    return {check.name: check for check in machine_checks()}


def test_the_machine_of_the_tests_has_everything() -> None:
    found = checks()
    assert list(found) == ["Python", "Java", "Spark", "SAM", "Project", "Disk"]
    assert [check.verdict for check in found.values()] == [Verdict.OK] * 6
    assert found["Spark"].finding == "3.5.6 with Hadoop 3.3.4"


def test_another_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 13, 0, "final", 0))
    assert checks()["Python"] == Check(
        "Python", Verdict.WRONG, "this is 3.13; the jobs run on 3.11", "make setup PYTHON=/path/to/python3.11"
    )


def test_no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    java = checks()["Java"]
    assert java.verdict == Verdict.WRONG
    assert "Java 17" in java.fix


def test_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ORCHARD_HOME", str(tmp_path / "not" / "there" / "yet"))
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 (as shutil's)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**11, 10**11 - 10**9, 10**9))
    disk = checks()["Disk"]
    assert disk.finding == f"1.0 GB free in {tmp_path}, 3 needed"
    assert disk.fix == "orchard clean local"


def test_what_is_not_installed_is_a_line_of_its_own_and_the_others_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    found = checks()
    assert (found["Spark"].verdict, found["Spark"].fix) == (Verdict.WRONG, "pip install 'orchard[local]'")
    assert [check.name for check in found.values() if check.verdict != Verdict.OK] == ["Spark"]


def test_whoever_works_in_aws_alone_is_told_in_one_line_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(machine_checks(wanted=False)) == len(machine_checks())
    monkeypatch.setitem(sys.modules, "moto", None)
    [line] = machine_checks(wanted=False)
    assert line.verdict == Verdict.UNKNOWN, "runs in AWS go well without"
    assert "pip install 'orchard[local]'" in line.finding


def test_an_import_that_fails_ends_no_other_check() -> None:
    def question() -> Check:
        raise ModuleNotFoundError("No module named 'moto'", name="moto")

    assert ask("Cloud", question) == Check(
        "Cloud", Verdict.WRONG, "not installed: No module named 'moto'", "pip install 'orchard[local]'"
    )
