"""A node's start is measured on the nodes' own script, here with a wheelhouse of next to nothing."""

import ensurepip
import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest

from benchmarks.isolated import MeasurementFailedError
from benchmarks.startup import start_node

pytestmark = pytest.mark.slow

MODULES = ("boto3", "jinja2", "numpy", "PIL", "plotly", "pyarrow", "onnxruntime")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Two wheels: pip, and one with every module, empty."""
    info = "node-1.0.dist-info"
    with zipfile.ZipFile(tmp_path / "node-1.0-py3-none-any.whl", "w") as wheel:
        for module in MODULES:
            wheel.writestr(f"{module}/__init__.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: node\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    shutil.copy(next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl")), tmp_path)
    pinned = [
        f"{'=='.join(wheel.name.split('-')[:2])} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
        for wheel in tmp_path.glob("*.whl")
    ]
    (tmp_path / "requirements.txt").write_text("\n".join(pinned))
    return tmp_path


def test_a_node_is_started_twice_and_its_bytes_are_counted(house: Path) -> None:
    measured = start_node(house, "onnxruntime")
    assert measured["wheels"] == 2
    assert measured["fetched"] == sum(file.stat().st_size for file in house.iterdir())
    assert measured["installed"] > measured["fetched"], "wheels are zips"
    assert measured["seconds"] > 0
    assert measured["cpu"] > 0
    assert measured["again"] > 0


def test_a_node_that_does_not_become_ready_is_no_measurement(house: Path) -> None:
    with pytest.raises(MeasurementFailedError, match="No module named 'tensorflow'"):
        start_node(house, "tensorflow")
