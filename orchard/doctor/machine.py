"""What this machine has, for runs on it and for `sam build`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from orchard.cache import cache_dir, check_cache, project_dir
from orchard.doctor.checks import Check, ask, ok, unknown, wrong
from orchard.errors import installing, missing

_PYTHON = (3, 11)
_GIGABYTES_FREE = 3.0
"""Jars 0.3, wheels and a node environment 0.4, a model 0.03, the run's own files; and again as much to be at ease."""


def machine_checks(*, wanted: bool = True) -> list[Check]:
    """Look at Python, Java, Spark, SAM, the project and the disk.

    Args:
        wanted: Runs on this machine are wanted. If not, and what they need is not installed, one line says so.
    """
    if not wanted and missing("local"):
        finding = f"the local cloud is not installed, and runs in AWS do not need it; {installing('local')} installs it"
        return [unknown("This machine", finding)]
    return [
        ask(name, question)
        for name, question in (
            ("Python", _python),
            ("Java", _java),
            ("Spark", _spark),
            ("SAM", _sam),
            ("Project", _project),
            ("Disk", _disk),
        )
    ]


def _python() -> Check:
    found = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if sys.version_info[:2] != _PYTHON:
        return wrong("Python", f"this is {found}; the jobs run on 3.11", "make setup PYTHON=/path/to/python3.11")
    return ok("Python", f"{found}, as on the nodes")


def _java() -> Check:
    from orchard.local.emr.jars import check_java

    check_java()
    return ok("Java", "one that Spark runs on")


def _spark() -> Check:
    from importlib.metadata import version

    from orchard.local.emr.jars import hadoop_version, spark_home

    hadoop = hadoop_version(spark_home())
    return ok("Spark", f"{version('pyspark')} with Hadoop {hadoop}")


def _sam() -> Check:
    beside = Path(sys.executable).with_name("sam")
    found = str(beside) if beside.exists() else shutil.which("sam")
    return ok("SAM", found) if found else wrong("SAM", "sam is not on the PATH", installing("local"))


def _project() -> Check:
    return ok("Project", str(project_dir()))


def _disk() -> Check:
    check_cache()
    cache = cache_dir()
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(there).free / 1e9
    if free < _GIGABYTES_FREE:
        return wrong("Disk", f"{free:.1f} GB free in {there}, {_GIGABYTES_FREE:.0f} needed", "orchard clean local")
    return ok("Disk", f"{free:.0f} GB free in {there}")
