"""What the functions of the template are made of: their packages, their memory, the Python that runs them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import files
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.isolated import ROOT
from functions.package import IN_RUNTIME, RUNTIME
from orchard.local.moto.translate import load

if TYPE_CHECKING:
    from collections.abc import Iterable


def memory_limits() -> dict[str, int]:
    """What the template gives to each function, in MiB, by the name of its folder."""
    resources = load(ROOT / "template.yaml")["Resources"].values()
    return {
        Path(one["Properties"]["CodeUri"]).name: one["Properties"]["MemorySize"]
        for one in resources
        if one["Type"] == "AWS::Serverless::Function"
    }


def lambda_python() -> str:
    """The Python of the functions' runtime, on the PATH or of pyenv; else the one that runs this."""
    of_pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{RUNTIME}.*/bin/python"))
    found = next(map(str, of_pyenv), None) or shutil.which(f"python{RUNTIME}")
    return found or sys.executable


def runtime_libraries(target: Path, python: str, more: Iterable[str] = ()) -> Path:
    """A folder with what the runtime brings along: this environment's copies, compiled. They are Python all through.

    Args:
        target: The folder to make.
        python: Whose bytecode.
        more: Distributions beside boto3 and what it stands on.
    """
    for name in (*IN_RUNTIME, *more):
        for file in files(name) or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), target / file)
    subprocess.run([python, "-m", "compileall", "-q", str(target)], check=True)
    return target


def package_bytes(package: Path) -> tuple[int, int]:
    """How large a package is: unpacked, and as the zip that Lambda gets."""
    unpacked = sum(file.stat().st_size for file in package.rglob("*") if file.is_file())
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(shutil.make_archive(f"{folder}/package", "zip", package)).stat().st_size
    return unpacked, packed
