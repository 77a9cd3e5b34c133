"""The packages that `sam build` leaves: what is in them, how large they are, and that they are the same everywhere."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from samcli.lib.package.utils import make_zip_with_lambda_permissions, zip_folder

from functions.package import IN_RUNTIME, RUNTIME
from orchard.local.moto.translate import function_folders
from tests.support.stack.template import ROOT, TEMPLATE

pytestmark = pytest.mark.slow

HEAVY = {"pandas", "pyarrow", "pyspark", "tensorflow", "numpy", "onnxruntime"}
FUNCTIONS = sorted(function_folders(TEMPLATE))
LARGEST = {"InspectArchive": 18_000_000}
"""Bytes of a package as a zip, otherwise 3 MB: Lambda loads it at each cold start. Inspecting needs NumPy."""


@pytest.fixture(scope="module")
def packages(built: Path) -> dict[str, Path]:
    return function_folders(built)


def contents(package: Path) -> dict[str, str]:
    """The files of a package, and what is in them."""
    return {
        str(file.relative_to(package)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in package.rglob("*")
        if file.is_file() and file.parent.name != "__pycache__"
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_is_small(packages: dict[str, Path], function: str) -> None:
    with zip_folder(str(packages[function]), make_zip_with_lambda_permissions) as (archive, _):
        size = Path(archive).stat().st_size
    print(f"{function}: {size:,} bytes as sam zips it")
    assert size < LARGEST.get(function, 3_000_000)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_holds_nothing_that_lambda_has_and_nothing_heavy(packages: dict[str, Path], function: str) -> None:
    held = {path.name for path in packages[function].iterdir()}
    assert {"app.py", "orchard", "aws_lambda_powertools"} <= held
    heavy = HEAVY - {"numpy"} if function == "InspectArchive" else HEAVY
    names = {name.replace("python-", "").replace("-", "_") for name in IN_RUNTIME | heavy}
    assert not [one for one in held if one.removesuffix(".py") in names or one.partition("-")[0] in names]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_is_for_the_python_and_the_machine_of_lambda(packages: dict[str, Path], function: str) -> None:
    compiled = [file.name for file in packages[function].rglob("*.so")]
    assert compiled, "wrapt is"
    compiled = [name for name in compiled if not name.startswith("lib")]  # of no Python
    assert not [name for name in compiled if f"cpython-{RUNTIME.replace('.', '')}-x86_64-linux-gnu" not in name]
    wheels = [file.read_text() for file in packages[function].glob("*.dist-info/WHEEL")]
    tags = {line.removeprefix("Tag: ") for text in wheels for line in text.splitlines() if line.startswith("Tag: ")}
    assert tags
    assert not [tag for tag in tags if not tag.startswith(("py3-none", "py2-none", "py2.py3-none", "cp313-cp313-many"))]


def another_python() -> str | None:
    """A Python of another version than the one that builds, if this machine has one that can install packages."""
    known = [str(path) for path in sorted((Path.home() / ".pyenv" / "versions").glob("3.1[1-9].*/bin/python"))]
    known += [found for minor in range(11, 16) if (found := shutil.which(f"python3.{minor}"))]
    asked = "import sys, pip; print('.'.join(map(str, sys.version_info[:2])))"
    for python in known:
        done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip() != ".".join(map(str, sys.version_info[:2])):
            return python
    return None


def test_a_package_is_the_same_whatever_python_makes_it(packages: dict[str, Path], tmp_path: Path) -> None:
    """But for the first line of scripts, which names the Python: Lambda runs none of them."""
    python = another_python()
    if python is None:
        pytest.skip("this machine has no other Python")
    command = [python, "functions/package.py", "inspect_archive", str(tmp_path / "package")]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "VIRTUAL_ENV": ""}, check=True)
    other, ours = contents(tmp_path / "package"), contents(packages["InspectArchive"])
    assert other.keys() == ours.keys()
    differing = {name for name in ours if other[name] != ours[name]}
    assert not [name for name in differing if not name.startswith("bin/") and not name.endswith(".dist-info/RECORD")]
