"""What is measured of the functions: here with their sources in the place of packages, and this Python."""

import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks.function_packages import memory_limits, package_bytes
from benchmarks.functions import inspections, probe
from benchmarks.isolated import ROOT, MeasurementFailedError
from benchmarks.many_members import many_members
from benchmarks.turns import Result
from orchard.features.pixels import decode

INSPECT = (ROOT / "functions" / "inspect_archive", ROOT)
ENVIRONMENT = {"AWS_DEFAULT_REGION": "eu-west-1"}


def test_every_function_has_the_memory_of_the_template() -> None:
    limits = memory_limits()
    assert set(limits) == {path.parent.name for path in ROOT.glob("functions/*/app.py")}
    assert limits["inspect_archive"] == 3008


def test_the_zip_has_as_many_pictures_as_are_wanted_and_no_two_are_alike(tmp_path: Path) -> None:
    path = many_members(tmp_path / "many.zip", 300)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        contents = {archive.read(name) for name in names}
        assert path.stat().st_size - archive.start_dir == 300 * (46 + 70) + 56 + 20 + 22
    assert len(set(names)) == len(contents) == 300
    assert {len(name) for name in names} == {70}
    assert {decode(content).shape for content in contents} == {(224, 224, 3)}
    assert many_members(path, 5).stat().st_size == path.stat().st_size  # it is there


def test_what_grows_stands_beside_the_smallest_size_and_what_a_function_must_have() -> None:
    def took(ours: float, theirs: float) -> dict[str, Result]:
        seconds = {"inspect_archive": ours, "zipfile.ZipFile": theirs}
        return {name: Result(name, ({"seconds": each, "peak": 100 << 20},)) for name, each in seconds.items()}

    table = inspections({100_000: took(0.5, 1.0), 10_000_000: took(40.0, 120.0)}, "Python 3.13.0")
    assert dict(zip(table.header, table.rows[2], strict=True)) == {
        "": "inspect_archive, 10,000,000",
        "median s": "40",
        "least to most s": "40 to 40",
        "rounds": "1",
        "times the 100,000": "80.0",
        "peak MiB": "100",
        "MB of list": "1,160",
        "smallest Lambda MiB, of 3,008": "1,917",
        "time ÷ inspect_archive": "1.00",
    }
    assert [row[4] for row in table.rows] == ["1.0", "1.0", "80.0", "120.0"]
    assert [row[-1] for row in table.rows] == ["1.00", "2.00", "1.00", "3.00"]
    assert table.rows[3][-2] == ""


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
