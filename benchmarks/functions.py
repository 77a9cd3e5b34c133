"""What Lambda has to carry, load and hold: packages, cold imports, and long lists of members.

Packages are built as `sam build` builds them. A function is imported in a process of its own, by the Python of its
runtime where this machine has one. As in Lambda, nothing of the package is compiled before (pip leaves no bytecode in
it, and its folder is read-only), while the runtime's own boto3 is.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import tempfile
import zlib
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
_SIZES = {100_000: 5, 1_000_000: 3, 10_000_000: 1}
"""Number of members → rounds."""

_NAME_LENGTH = 70
_CONTENT = b"\xff\xd8\xff"
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sBBHHHHHIIIHHHHHII")
_ENDS = struct.Struct("<4sQHHIIQQQQ4sIQI4sHHHHIIH")
_AT_ONCE = 100_000
_MB = 1e6
_OURS, _PEER = "inspect_archive", "zipfile.ZipFile"


def measure(data: Data, *, quick: bool) -> list[Table]:
    """Build and import each function; inspect zips of up to ten million members, which take 2 GB of the disk.

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
        return [
            _imports(python, runtime, packages, rounds=3 if quick else 9),
            *(
                _inspections(python, runtime, packages["inspect_archive"], folder / str(count), count, rounds)
                for count, rounds in ([*_SIZES.items()][:1] if quick else _SIZES.items())
            ),
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
    """Write a zip64 of very many very small members with long names, unless it is there.

    Args:
        path: The zip.
        count: How many.
    """
    if path.exists():
        return path
    part, directory = path.with_suffix(".part"), path.with_suffix(".directory")
    length = _LOCAL.size + _NAME_LENGTH + len(_CONTENT)
    sizes = (zlib.crc32(_CONTENT), len(_CONTENT), len(_CONTENT), _NAME_LENGTH)
    local = _LOCAL.pack(b"PK\x03\x04", 20, 0, 0, 0, 33, *sizes, 0)
    with part.open("wb") as file, directory.open("w+b") as listed:
        for first in range(0, count, _AT_ONCE):
            body, records = bytearray(), bytearray()
            for number in range(first, min(first + _AT_ONCE, count)):
                folder = f"fruits-360/{'Test' if number % 4 == 3 else 'Training'}/Fruit {number % 131}/"
                name = f"{folder}{number:0{_NAME_LENGTH - len(folder) - 4}}.jpg".encode()
                body += local + name + _CONTENT
                place = (0, 0, 0, 0, 0o100644 << 16, number * length)
                records += _CENTRAL.pack(b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 33, *sizes, *place) + name
            file.write(body)
            listed.write(records)
        start, size = file.tell(), listed.tell()
        listed.seek(0)
        shutil.copyfileobj(listed, file)
        record = (b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
        locator = (b"PK\x06\x07", 0, start + size, 1)
        file.write(_ENDS.pack(*record, *locator, b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, *[0xFFFFFFFF] * 2, 0))
    directory.unlink()
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


def _inspections(python: str, runtime: Path, package: Path, folder: Path, count: int, rounds: int) -> Table:
    bucket = folder / "s3" / "uploads"
    bucket.mkdir(parents=True)
    (bucket / "many.zip").hardlink_to(many_members(FOLDER / f"members-{count}.zip", count))
    with s3_server(bucket.parent) as endpoint:

        def inspecting(what: str) -> dict[str, float]:
            asked = (what, "s3://uploads/many.zip")
            measured = probe(python, (package, runtime), *asked, environment=variables(endpoint))
            if measured["members"] != count:
                raise MeasurementFailedError(f"{what} saw {measured['members']} members of {count}")
            return measured

        contenders = [
            Contender(_OURS, partial(inspecting, "inspect")),
            Contender(_PEER, partial(inspecting, "zipfile")),
        ]
        results = take_turns(contenders, rounds)
    limit = memory_limits()["inspect_archive"]
    size = count * (_CENTRAL.size + _NAME_LENGTH) / _MB
    title = f"A zip of {count:,} members in S3, whose list takes {size:.1f} MB, inspected by {_version(python)}"
    return compare(title, results, _OURS, {"peak MiB": _peak, "of MiB": lambda _: str(limit)})


def _peak(result: Result) -> str:
    return f"{result.median('peak') / 2**20:.0f}"


def _version(python: str) -> str:
    said = subprocess.run(
        [python, "--version"], capture_output=True, encoding="utf-8", errors="replace", check=True
    ).stdout.strip()
    return said if said.startswith(f"Python {RUNTIME}.") else f"{said}, for want of {RUNTIME}"
