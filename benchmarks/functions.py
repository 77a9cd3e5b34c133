"""What Lambda has to carry, load and hold: packages, cold imports, and long lists of members.

Packages are built as `sam build` builds them. A function is imported in a process of its own, by the Python of its
runtime where this machine has one. As in Lambda, nothing of the package is compiled before (pip leaves no bytecode in
it, and its folder is read-only), while the runtime's own boto3 is.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.data import FOLDER
from benchmarks.function_packages import lambda_python, memory_limits, package_bytes, runtime_libraries
from benchmarks.isolated import MeasurementFailedError
from benchmarks.many_members import LISTED_BYTES, many_members
from benchmarks.page import Table, growth
from benchmarks.s3 import s3_server, variables
from benchmarks.turns import Contender, take_turns
from functions.package import RUNTIME
from functions.package import main as build
from orchard.archive.checks import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from benchmarks.data import Data
    from benchmarks.turns import Result

_PROBE = Path(__file__).with_name("function_probe.py")
_SIZES = {100_000: 5, 1_000_000: 3, 10_000_000: 1}
"""Number of members → rounds."""

_MB = 1e6
_OURS, _PEER = "inspect_archive", "zipfile.ZipFile"


def measure(data: Data, *, quick: bool) -> list[Table]:
    """Build and import each function; inspect zips of up to ten million members, which take 3 GB of the disk.

    Args:
        data: Not needed: functions look at no picture.
        quick: Fewer rounds, and only the smallest zip.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="functions-") as name:
        folder = Path(name)
        python = lambda_python()
        runtime = runtime_libraries(folder / "runtime", python)
        packages = {function: folder / function for function in memory_limits()}
        for function, package in packages.items():
            build(function, package)
        path = (packages["inspect_archive"], runtime)
        sizes = [*_SIZES.items()][:1] if quick else _SIZES.items()
        found = {count: _inspected(python, path, count, rounds) for count, rounds in sizes}
        return [_imports(python, runtime, packages, 3 if quick else 9), inspections(found, _version(python))]


def probe(python: str, path: Iterable[Path], *asked: str, environment: dict[str, str]) -> dict[str, float]:
    """Have a process tell what a function costs.

    Args:
        python: Its Python.
        path: From where it imports; the function's package first.
        *asked: What `function_probe` takes.
        environment: What it has beside what any function has.

    Raises:
        MeasurementFailedError: It failed.
    """
    path = list(path)
    given = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(path[0]),  # Powertools loads the tracer only where it finds this
        "_X_AMZN_TRACE_ID": "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=0",
        "AWS_XRAY_CONTEXT_MISSING": "IGNORE_ERROR",
        **environment,
    }
    done = subprocess.run(
        [python, str(_PROBE), *asked], env=given, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        raise MeasurementFailedError(
            f"{' '.join(asked)} in {path[0]} ended with {done.returncode}:\n{done.stderr[-4000:]}"
        )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _imports(python: str, runtime: Path, packages: dict[str, Path], rounds: int) -> Table:
    limits = memory_limits()
    environment = variables("http://127.0.0.1:9")  # where nobody is: an import asks nobody
    contenders = [
        Contender(name, partial(probe, python, (package, runtime), "import", environment=environment))
        for name, package in packages.items()
    ]
    rows = []
    for result in take_turns(contenders, rounds).values():
        unpacked, packed = package_bytes(packages[result.name])
        least, most = result.spread()
        sizes = f"{unpacked / _MB:.1f}", f"{packed / _MB:.1f}"
        times = f"{result.median():.2f}", f"{least:.2f} to {most:.2f}", str(len(result.rounds))
        rows.append((result.name, *sizes, *times, _peak(result), str(limits[result.name])))
    header = ("", "package MB", "zipped MB", "cold import s", "least to most s", "rounds", "peak MiB", "of MiB")
    return Table(f"Functions, imported by {_version(python)}", header, tuple(rows))


def _inspected(python: str, path: tuple[Path, ...], count: int, rounds: int) -> dict[str, Result]:
    """Inspect a zip of so many members in S3, and have `zipfile` read its list."""
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="s3-") as name:
        (Path(name) / "uploads").mkdir()
        (Path(name) / "uploads" / "many.zip").hardlink_to(many_members(FOLDER / f"many-{count}.zip", count))
        with s3_server(Path(name)) as endpoint:

            def inspecting(what: str) -> dict[str, float]:
                measured = probe(python, path, what, "s3://uploads/many.zip", environment=variables(endpoint))
                if measured["members"] != count:
                    raise MeasurementFailedError(f"{what} saw {measured['members']} members of {count}")
                return measured

            contenders = [
                Contender(_OURS, partial(inspecting, "inspect")),
                Contender(_PEER, partial(inspecting, "zipfile")),
            ]
            return take_turns(contenders, rounds)


def inspections(found: Mapping[int, Mapping[str, Result]], python: str) -> Table:
    """How inspecting grows.

    Args:
        found: The results by the number of members, the fewest first.
        python: What inspected.
    """
    limit = memory_limits()["inspect_archive"]
    more = {
        "peak MiB": lambda _, result: _peak(result),
        "MB of list": lambda count, _: f"{count * LISTED_BYTES / _MB:,.0f}",
        f"smallest Lambda MiB, of {limit:,}": _needed,
    }
    return growth(f"Zips of many members in S3, inspected by {python}", found, _OURS, more)


def _needed(count: int, result: Result) -> str:
    """The memory of the smallest function that takes such a zip, by the rule by which a smaller one refuses it."""
    needed = DEFAULT_LIMITS.needed_bytes(count * LISTED_BYTES, count) / 2**20
    return f"{needed:,.0f}" if result.name == _OURS else ""


def _peak(result: Result) -> str:
    return f"{result.median('peak') / 2**20:.0f}"


def _version(python: str) -> str:
    said = subprocess.run(
        [python, "--version"], capture_output=True, encoding="utf-8", errors="replace", check=True
    ).stdout.strip()
    return said if said.startswith(f"Python {RUNTIME}.") else f"{said}, for want of {RUNTIME}"
