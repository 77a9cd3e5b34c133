"""What Lambda has to carry, load and hold: packages, cold imports, and the longest list of members that is usual.

Packages are built as `sam build` builds them. A function is imported in a process of its own, by the Python of its
runtime where this machine has one. As in Lambda, nothing of the package is compiled before (pip leaves no bytecode in
it, and its folder is read-only), while the runtime's own boto3 is.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.data import FOLDER
from benchmarks.function_packages import lambda_python, memory_limits, package_bytes, runtime_libraries
from benchmarks.isolated import MeasurementFailedError
from benchmarks.page import Table, compare
from benchmarks.s3 import s3_server, variables
from benchmarks.turns import Contender, take_turns
from functions.package import RUNTIME
from functions.package import main as build

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.data import Data
    from benchmarks.turns import Result

_PROBE = Path(__file__).with_name("function_probe.py")
_MEMBERS = 155_000
_NAME_LENGTH = 70
"""With the 46 bytes of an entry, 18 MB for 155,000 members."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MB = 1e6
_OURS, _PEER = "inspect_archive", "zipfile.ZipFile"


def measure(data: Data, *, quick: bool) -> list[Table]:
    """Build and import each function; inspect a zip of 155,000 members.

    Args:
        data: Not needed: functions look at no picture.
        quick: Fewer rounds.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="functions-") as name:
        folder = Path(name)
        python = lambda_python()
        runtime = runtime_libraries(folder / "runtime", python)
        packages = {function: folder / function for function in memory_limits()}
        for function, package in packages.items():
            build(function, package)
        return [
            _imports(python, runtime, packages, rounds=3 if quick else 9),
            _inspections(python, runtime, packages["inspect_archive"], folder, rounds=2 if quick else 5),
        ]


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


def many_members(path: Path, count: int) -> Path:
    """Write a zip of very many very small members with long names, unless it is there.

    Args:
        path: The zip.
        count: How many.
    """
    if not path.exists():
        part = path.with_suffix(".part")
        with zipfile.ZipFile(part, "w") as archive:
            for number in range(count):
                folder = f"fruits-360/{'Test' if number % 4 == 3 else 'Training'}/Fruit {number % 131}/"
                name = f"{folder}{number:0{_NAME_LENGTH - len(folder) - 4}}.jpg"
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), b"\xff\xd8\xff")
        part.rename(path)
    return path


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


def _inspections(python: str, runtime: Path, package: Path, folder: Path, rounds: int) -> Table:
    bucket = folder / "s3" / "uploads"
    bucket.mkdir(parents=True)
    (bucket / "many.zip").hardlink_to(many_members(FOLDER / f"members-{_MEMBERS}.zip", _MEMBERS))
    with s3_server(bucket.parent) as endpoint:

        def inspecting(what: str) -> dict[str, float]:
            asked = (what, "s3://uploads/many.zip")
            measured = probe(python, (package, runtime), *asked, environment=variables(endpoint))
            if measured["members"] != _MEMBERS:
                raise MeasurementFailedError(f"{what} saw {measured['members']} members of {_MEMBERS}")
            return measured

        contenders = [
            Contender(_OURS, partial(inspecting, "inspect")),
            Contender(_PEER, partial(inspecting, "zipfile")),
        ]
        results = take_turns(contenders, rounds)
    limit = memory_limits()["inspect_archive"]
    size = _MEMBERS * (46 + _NAME_LENGTH) / _MB
    title = f"A zip of {_MEMBERS:,} members in S3, whose list takes {size:.1f} MB, inspected by {_version(python)}"
    return compare(title, results, _OURS, {"peak MiB": _peak, "of MiB": lambda _: str(limit)})


def _peak(result: Result) -> str:
    return f"{result.median('peak') / 2**20:.0f}"


def _version(python: str) -> str:
    said = subprocess.run(
        [python, "--version"], capture_output=True, encoding="utf-8", errors="replace", check=True
    ).stdout.strip()
    return said if said.startswith(f"Python {RUNTIME}.") else f"{said}, for want of {RUNTIME}"
