"""The script that each node runs at boot, run here against a wheelhouse that the test makes.

`aws` is a stand-in that copies from a folder; pip, the virtual environment and the imports are real.
"""

import ensurepip
import hashlib
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

SCRIPT = ROOT / "bootstrap" / "install.sh"
DISTRIBUTIONS = {
    "boto3": "boto3", "jinja2": "jinja2", "numpy": "numpy", "pillow": "PIL", "plotly": "plotly",
    "pyarrow": "pyarrow", "onnxruntime": "onnxruntime",
}  # fmt: skip
FAKE_AWS = """#!/usr/bin/env bash
# aws s3 cp [--only-show-errors] [--recursive] s3://bucket/key destination
set -euo pipefail
[ "$AWS_DEFAULT_REGION:$AWS_METADATA_SERVICE_NUM_ATTEMPTS:$AWS_METADATA_SERVICE_TIMEOUT" = eu-south-1:5:5 ]
echo "$*" >> "$FAKE_S3/requests"
shift 2
args=()
for arg in "$@"; do case $arg in --*) ;; *) args+=("$arg");; esac; done
source=$FAKE_S3/${args[0]#s3://}
if [ -d "$source" ]; then mkdir -p "${args[1]}" && cp "$source"/* "${args[1]}/"; else cp "$source" "${args[1]}"; fi
"""


def write_wheel(folder: Path, distribution: str, module: str) -> str:
    """Write a wheel with one empty module; returns its line for requirements.txt."""
    wheel = folder / f"{distribution}-1.0-py3-none-any.whl"
    info = f"{distribution}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{module}/__init__.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"{distribution}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


class Node:
    """A node's disk, and the bucket that it boots from."""

    def __init__(self, root: Path) -> None:
        self.venv = root / "mnt" / "onnxruntime"
        self.bucket = root / "s3"
        self.wheels = self.bucket / "artefacts" / "wheelhouse"
        self.wheels.mkdir(parents=True)
        tools = root / "bin"
        tools.mkdir()
        (tools / "aws").write_text(FAKE_AWS)
        (tools / "aws").chmod(0o755)
        self.environment = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(root),
            "FAKE_S3": str(self.bucket),
            "PIP_NO_INDEX": "1",
        }

    def stock(self, *, without: str = "") -> None:
        """Fill the wheelhouse."""
        lines = [write_wheel(self.wheels, name, module) for name, module in DISTRIBUTIONS.items() if name != without]
        bundled = next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))
        (self.wheels / bundled.name).write_bytes(bundled.read_bytes())
        # pip installs itself too, as it does from a real lock file
        version, digest = bundled.name.split("-")[1], hashlib.sha256(bundled.read_bytes()).hexdigest()
        lines.append(f"pip=={version} --hash=sha256:{digest}\n")
        (self.wheels / "requirements.txt").write_text("".join(lines))

    def boot(self) -> subprocess.CompletedProcess[str]:
        """Run the script as EMR does."""
        command = ["bash", str(SCRIPT), "s3://artefacts/wheelhouse/", str(self.venv), "eu-south-1"]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    @property
    def requests(self) -> list[str]:
        return (self.bucket / "requests").read_text().splitlines()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_node_gets_a_python_with_everything_in_it(node: Node) -> None:
    node.stock()
    result = node.boot()
    assert result.returncode == 0, result.stderr
    version = subprocess.run(
        [node.venv / "bin" / "python", "-c", "import sys, onnxruntime; print(sys.version_info[:2], sys.prefix)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert version.stdout.split(") ") == ["(3, 11", f"{node.venv}\n"]
    assert [path.name for path in node.venv.parent.iterdir()] == ["onnxruntime"], "scratch files are gone"


def test_a_second_run_downloads_and_changes_nothing(node: Node) -> None:
    node.stock()
    assert node.boot().returncode == 0
    before = {path: path.stat().st_mtime_ns for path in node.venv.rglob("*")}
    first = len(node.requests)
    result = node.boot()
    assert result.returncode == 0
    assert "is complete" in result.stdout
    assert len(node.requests) == first + 1, "only requirements.txt is fetched again"
    assert {path: path.stat().st_mtime_ns for path in node.venv.rglob("*")} == before


def test_an_interrupted_run_is_made_good(node: Node) -> None:
    node.stock()
    assert node.boot().returncode == 0
    next(node.venv.glob(".complete-*")).unlink()
    for module in node.venv.glob("lib/python3.11/site-packages/numpy*"):
        subprocess.run(["rm", "-rf", module], check=True)
    result = node.boot()
    assert result.returncode == 0, result.stderr
    assert "is ready" in result.stdout


def test_a_wheel_with_another_content_is_refused(node: Node) -> None:
    node.stock()
    recorded = (node.wheels / "requirements.txt").read_text()
    write_wheel(node.wheels, "numpy", "numpy_of_somebody_else")
    (node.wheels / "requirements.txt").write_text(recorded)
    result = node.boot()
    assert result.returncode != 0
    assert "hash" in result.stderr.lower()
    assert "orchard bootstrap: failed at line" in result.stderr
    assert not list(node.venv.glob(".complete-*"))


def test_a_pip_with_another_content_is_not_even_run(node: Node) -> None:
    node.stock()
    [wheel] = node.wheels.glob("pip-*.whl")
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("pip/__main__.py", "print('somebody else was here')")
    result = node.boot()
    assert result.returncode != 0
    assert "orchard bootstrap: failed at line" in result.stderr
    assert "grep" in result.stderr
    assert "somebody else was here" not in result.stdout + result.stderr


def test_a_missing_package_fails_the_boot(node: Node) -> None:
    node.stock(without="onnxruntime")
    result = node.boot()
    assert result.returncode != 0
    assert "No module named 'onnxruntime'" in result.stderr
    assert "orchard bootstrap: failed at line" in result.stderr


def test_an_empty_bucket_fails_the_boot(node: Node) -> None:
    result = node.boot()
    assert result.returncode != 0
    assert "orchard bootstrap: failed at line" in result.stderr


def test_wrong_arguments_are_a_usage_error() -> None:
    result = subprocess.run(["bash", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "usage" in result.stderr
