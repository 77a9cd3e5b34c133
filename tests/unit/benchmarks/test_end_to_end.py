"""The command beside a program without a framework, by runs that took no time; and the page that has them all."""

from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import costs, end_to_end
from benchmarks.data import Data
from benchmarks.isolated import MeasurementFailedError
from benchmarks.page import fill
from tests.support.paths import ROOT

DATA = Data(None, "random")


@pytest.fixture(autouse=True)
def _no_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(end_to_end, "FOLDER", tmp_path)
    monkeypatch.setattr(Data, "model", lambda data: tmp_path)
    monkeypatch.setattr(Data, "pictures", lambda data, images: Path(f"{images}.zip"))


def test_both_are_measured_at_each_size_after_the_caches_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []

    def run(data: Data, images: int) -> dict[str, float]:
        runs.append(images)
        return {"seconds": images / 100}

    monkeypatch.setattr(end_to_end, "run", run)
    monkeypatch.setattr(end_to_end, "peer", lambda data, images: {"seconds": images / 200})
    [table] = end_to_end.measure(DATA, quick=False)
    assert runs == [1_000, 1_000, 1_000, 9_900, 9_900]
    assert [(row[0], row[1], row[4], row[-1]) for row in table.rows] == [
        ("orchard run --local, 1,000", "10", "1.0", "1.00"),
        ("a pool of processes, scikit-learn, 1,000", "5", "1.0", "0.50"),
        ("orchard run --local, 9,900", "99", "9.9", "1.00"),
        ("a pool of processes, scikit-learn, 9,900", "49.5", "9.9", "0.50"),
    ]


def test_a_program_that_loses_images_has_not_taken_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_to_end, "call", lambda function, **_: {"images": 299.0, "components": 9.0})
    with pytest.raises(MeasurementFailedError, match=r"299\.0 images of 300"):
        end_to_end.peer(DATA, 300)
    assert end_to_end.peer(DATA, 299)["components"] == 9


def test_every_benchmark_has_its_place_in_the_page() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    for name in command.NAMES:
        assert fill(page, name, "") != page


def test_no_machine_stands_below_what_is_computed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "out" / "page.md"
    monkeypatch.setattr(command, "_QUICK_PAGE", page)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["costs", "--quick"]) == 0
    made = "\n\n".join(table.to_markdown() for table in costs.measure(DATA, quick=True))
    assert f"<!-- costs -->\n\n{made}\n\n<!-- end of costs -->" in page.read_text("utf-8")
