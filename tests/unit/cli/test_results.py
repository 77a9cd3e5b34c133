"""`orchard results` and `orchard report`: a run's files at home."""

import json
import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cloud.fake import RESULTS, FakeCloud, orchard


@pytest.fixture
def cloud(make_cloud: Callable[..., FakeCloud], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    """A run that is done, and another that left half of its files."""
    monkeypatch.chdir(tmp_path)
    cloud = make_cloud()
    for run in ("fruits-1", "pears-1"):
        cloud.start(run)
        cloud.ended(run)
    cloud.leave("fruits-1")
    cloud.put("runs/pears-1/images/part-0", "half")
    return cloud


class TestResults:
    def test_all_of_them_in_a_folder_of_the_runs_name(self, cloud: FakeCloud, tmp_path: Path) -> None:
        result = orchard("results", "fruits")
        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith(f"{len(RESULTS) + 1} files (")
        assert result.stdout.endswith(" of the run fruits-1 are in out/fruits-1\n")
        for name, text in RESULTS.items():
            assert (tmp_path / "out/fruits-1" / name).read_text() == text

    def test_some_of_them_somewhere_else(self, cloud: FakeCloud, tmp_path: Path) -> None:
        result = orchard("results", "fruits-1", "--only", "report", "--only", "summary.json", "--out", "mine", "--json")
        assert json.loads(result.stdout) == {
            "run": "fruits-1",
            "folder": "mine",
            "files": 2,
            "bytes": len(RESULTS["report.html"]) + len(RESULTS["summary.json"]),
            "partial": False,
        }
        assert {path.name for path in (tmp_path / "mine").glob("[!.]*")} == {"report.html", "summary.json"}

    def test_an_unknown_part_is_told_before_anything_is_asked(self, cloud: FakeCloud) -> None:
        result = orchard("results", "fruits-1", "--only", "plan")
        assert result.exit_code == 2
        assert "choose images, metadata" in result.stderr

    def test_an_incomplete_run_is_said_to_be(self, cloud: FakeCloud, tmp_path: Path) -> None:
        result = orchard("results", "pears-1")
        assert result.exit_code == 1
        assert "Error: The run pears-1 is not complete" in result.stderr
        assert "Next: orchard status pears-1" in result.stderr
        assert not (tmp_path / "out").exists()
        assert orchard("results", "pears-1", "--partial").exit_code == 0
        assert (tmp_path / "out/pears-1/images/part-0").read_text() == "half"

    def test_results_outlive_what_step_functions_knows(self, cloud: FakeCloud, tmp_path: Path) -> None:
        cloud.leave("plums-1")
        assert orchard("results", "plums-1").exit_code == 0
        assert orchard("results", "plums").exit_code == 2

    def test_a_folder_of_somebody_elses(self, cloud: FakeCloud, tmp_path: Path) -> None:
        (tmp_path / "thesis.docx").touch()
        assert orchard("results", "fruits-1", "--out", tmp_path).exit_code == 2


class TestReport:
    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        opened: list[str] = []

        def show(uri: str) -> bool:
            opened.append(uri)
            return True

        monkeypatch.setattr(webbrowser, "open", show)
        return opened

    def test_it_opens_in_the_browser(self, cloud: FakeCloud, opened: list[str], tmp_path: Path) -> None:
        result = orchard("report", "fruits")
        assert (result.exit_code, result.stdout) == (0, "out/fruits-1/report.html\n")
        assert opened == [(tmp_path / "out/fruits-1/report.html").as_uri()]
        assert (tmp_path / "out/fruits-1/report.html").read_text() == RESULTS["report.html"]
        assert orchard("results", "fruits-1").exit_code == 0  # the folder is the run's

    def test_it_need_not(self, cloud: FakeCloud, opened: list[str], tmp_path: Path) -> None:
        assert orchard("report", "fruits-1", "--no-open", "--out", "new/fruits.html").stdout == "new/fruits.html\n"
        assert (tmp_path / "new/fruits.html").read_text() == RESULTS["report.html"]
        assert opened == []

    def test_a_machine_without_a_browser(self, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(webbrowser, "open", lambda uri: False)
        result = orchard("report", "fruits-1")
        assert (result.exit_code, result.stderr) == (0, "No browser was found here to open it with.\n")

    @pytest.mark.parametrize("where", [(), ("--out", "pears.html")])
    def test_a_run_without_one(
        self, cloud: FakeCloud, opened: list[str], tmp_path: Path, where: tuple[str, ...]
    ) -> None:
        result = orchard("report", "pears-1", *where)
        assert result.exit_code == 1
        assert "Next: orchard status pears-1" in result.stderr
        assert (opened, list(tmp_path.iterdir())) == ([], [])

    def test_a_folder_is_no_file(self, cloud: FakeCloud, tmp_path: Path) -> None:
        result = orchard("report", "fruits-1", "--out", tmp_path)
        assert result.exit_code == 2
        assert f"choose --out {tmp_path}/report.html" in result.stderr

    def test_without_a_name_it_is_that_of_the_latest_run(self, cloud: FakeCloud) -> None:
        assert "pears-1" in orchard("report", "--no-open").stderr  # which has none
