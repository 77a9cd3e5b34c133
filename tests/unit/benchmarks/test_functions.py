"""What is measured of the functions: here with their sources in the place of packages, and this Python."""

import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks.function_packages import memory_limits, package_bytes
from benchmarks.functions import many_members, probe
from benchmarks.isolated import ROOT, MeasurementFailedError

INSPECT = (ROOT / "functions" / "inspect_archive", ROOT)
ENVIRONMENT = {"AWS_DEFAULT_REGION": "eu-west-1"}


def test_every_function_has_the_memory_of_the_template() -> None:
    limits = memory_limits()
    assert set(limits) == {path.parent.name for path in ROOT.glob("functions/*/app.py")}
    assert limits["inspect_archive"] == 3008


def test_the_zip_has_as_many_members_as_are_wanted_and_their_list_is_as_long_as_is_usual(tmp_path: Path) -> None:
    path = many_members(tmp_path / "many.zip", 300)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert path.stat().st_size - archive.start_dir == 300 * (46 + 70) + 56 + 20 + 22
    assert len(set(names)) == 300
    assert {len(name) for name in names} == {70}
    assert many_members(path, 5).stat().st_size == path.stat().st_size  # it is there


def test_both_see_every_member(tmp_path: Path) -> None:
    archive = str(many_members(tmp_path / "many.zip", 300))
    for what in ("inspect", "zipfile"):
        measured = probe(sys.executable, INSPECT, what, archive, environment=ENVIRONMENT)
        assert measured["members"] == 300
        assert measured["seconds"] > 0
        assert measured["peak"] > 2**20


def test_a_function_that_cannot_be_imported_is_not_measured(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import no_such_module\n")
    with pytest.raises(MeasurementFailedError, match="no_such_module"):
        probe(sys.executable, (tmp_path,), "import", environment=ENVIRONMENT)


def test_a_package_has_two_sizes(tmp_path: Path) -> None:
    (tmp_path / "orchard").mkdir()
    (tmp_path / "orchard" / "a.py").write_bytes(b"\n" * 90_000)
    (tmp_path / "app.py").write_bytes(b"\n" * 10_000)
    unpacked, packed = package_bytes(tmp_path)
    assert unpacked == 100_000
    assert 0 < packed < 5_000
