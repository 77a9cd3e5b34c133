"""The archive that a worker's Python is made of: wheels in, and the same bytes out whenever and wherever."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from orchard.diagnose.step_log import parse_spark_log
from orchard.release.environment import pack_environment
from tests.support.paths import ROOT


def wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in files.items():
            archive.writestr(member, content)
    return path


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    return [
        wheel(
            tmp_path,
            "pear-2-py3-none-any.whl",
            {
                "pear/": "",
                "pear/__init__.py": "colour = 'green'",
                "pear-2.dist-info/METADATA": "Metadata-Version: 2.1\nName: pear\nVersion: 2\n",
                "pear-2.data/platlib/pear/seeds.py": "count = 5",
                "pear-2.data/purelib/stalk.py": "",
                "pear-2.data/scripts/pear": "#!python",
                "pear-2.data/data/share/pear.txt": "",
                "shared.py": "of = 'pear'",
            },
        ),
        wheel(tmp_path, "apple-1-py3-none-any.whl", {"apple.py": "", "shared.py": "of = 'apple'"}),
    ]


@pytest.fixture
def environment(wheels: list[Path], tmp_path: Path) -> Path:
    """Where it was unpacked, under a name with a space."""
    pack_environment(wheels, tmp_path / "e.tar.gz")
    folder = tmp_path / "work er" / "environment"
    with tarfile.open(tmp_path / "e.tar.gz") as packed:
        packed.extractall(folder, filter="data")
    return folder


def run(environment: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """As Spark calls it: by a path relative to the folder that holds it."""
    tools = environment.parent / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "python3.11").unlink(missing_ok=True)
    (tools / "python3.11").symlink_to(sys.executable)
    return subprocess.run(
        ["./environment/bin/python", *arguments],
        cwd=environment.parent,
        env={"PATH": f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_its_python_has_the_wheels_packages_wherever_it_is(environment: Path) -> None:
    code = "import json, sys, pear, pear.seeds, stalk, apple, importlib.metadata as m; "
    code += "print(json.dumps([sys.version_info[:2], pear.__file__, m.version('pear'), sys.argv[1:]]))"
    told = run(environment, "-c", code, "two words")
    assert told.stderr == ""
    packages = environment / "lib" / "site-packages"
    assert json.loads(told.stdout) == [[3, 11], str(packages / "pear" / "__init__.py"), "2", ["two words"]]


def test_what_spark_puts_on_the_path_stays_there(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "orchard_of_spark.py").write_text("")
    told = run(environment, "-c", "import orchard_of_spark, pear", PYTHONPATH=str(tmp_path))
    assert told.stderr == ""


def test_scripts_and_data_files_are_left_out_and_the_later_of_two_files_counts(environment: Path) -> None:
    files = {path.relative_to(environment).as_posix() for path in environment.rglob("*") if path.is_file()}
    packages = ("pear/__init__.py", "pear/seeds.py", "pear-2.dist-info/METADATA", "stalk.py", "apple.py", "shared.py")
    assert files == {"bin/python", *(f"lib/site-packages/{name}" for name in packages)}
    assert "pear" in (environment / "lib/site-packages/shared.py").read_text()


def test_equal_wheels_give_equal_bytes(wheels: list[Path], tmp_path: Path) -> None:
    pack_environment(wheels, tmp_path / "one.tar.gz")
    for path in wheels:
        os.utime(path, (0, 0))
    (tmp_path / "other").mkdir()
    moved = [Path(shutil.copy(path, tmp_path / "other")) for path in reversed(wheels)]
    pack_environment(iter(moved), tmp_path / "two.tar.gz")
    one, two = ((tmp_path / name).read_bytes() for name in ("one.tar.gz", "two.tar.gz"))
    assert one == two
    assert gzip.decompress(one)


def test_an_image_without_python_3_11_is_said_as_a_job_says_it(environment: Path) -> None:
    bare = environment.parent / "bare"
    bare.mkdir()
    (bare / "dirname").symlink_to(shutil.which("dirname") or "")
    told = run(environment, "-c", "", PATH=str(bare))
    assert told.returncode == 127
    finding = parse_spark_log(told.stderr).finding
    assert finding is not None
    assert finding.cause.sentence.startswith("There is no python3.11 here: ")
    assert "this image has no other Python" in finding.cause.sentence
    (bare / "python3").write_text("#!/bin/sh\necho Python 3.9.25\n")
    (bare / "python3").chmod(0o755)
    assert "this image has Python 3.9.25" in run(environment, "-c", "", PATH=str(bare)).stderr


def test_it_needs_the_standard_library_only(tmp_path: Path) -> None:
    script = "import sys, orchard.release.environment; print(sorted(m for m in sys.modules if m.split('.')[0] in "
    script += "('boto3', 'botocore', 'pyspark', 'numpy', 'typer')))"
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_a_file_that_is_no_wheel_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad.whl").write_text("no zip")
    with pytest.raises(zipfile.BadZipFile):
        pack_environment([tmp_path / "bad.whl"], tmp_path / "e.tar.gz")
