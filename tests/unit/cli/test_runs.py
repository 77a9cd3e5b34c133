"""`orchard runs` lists what there is, the newest first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orchard.cli.desk import complete_run
from tests.fakecloud import orchard

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakecloud import FakeCloud


@pytest.fixture
def cloud(make_cloud: Callable[..., FakeCloud]) -> FakeCloud:
    """Two runs that ended well."""
    cloud = make_cloud()
    for run in ("fruits-1", "pears-1"):
        cloud.start(run, f"{run}.zip")
        cloud.ended(run)
    return cloud


def listed(*options: object) -> list[dict[str, Any]]:
    result = orchard("runs", "--json", *options)
    assert result.exit_code == 0, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_the_newest_first_a_line_each(cloud: FakeCloud) -> None:
    result = orchard("runs")
    assert result.exit_code == 0, result.stderr
    title, *lines = result.stdout.splitlines()
    assert title.split() == ["Run", "Status", "Started", "Took", "Images", "Actual", "on", "AWS", "Archive"]
    assert [line.split()[:2] for line in lines] == [["pears-1", "SUCCEEDED"], ["fruits-1", "SUCCEEDED"]]
    assert lines[0].split()[-4:] == ["1,922", "under", "$0.01", "s3://orchard-input/pears-1.zip"]


def test_json(cloud: FakeCloud) -> None:
    run = listed()[1]
    assert (run["run"], run["status"], run["images"]) == ("fruits-1", "SUCCEEDED", 1922)
    assert run["archive"] == "s3://orchard-input/fruits-1.zip"
    assert run["seconds"] >= 0
    assert run["cost_usd"] >= 0
    assert run["estimate_usd"] == 0.06


def test_the_limit(cloud: FakeCloud) -> None:
    assert [run["run"] for run in listed("--limit", 1)] == ["pears-1"]
    assert orchard("runs", "--limit", 0).exit_code == 2


def test_only_those_that_failed_or_go_on(make_cloud: Callable[..., FakeCloud]) -> None:
    cloud = make_cloud(goes_on=True)
    for run in ("fruits-1", "pears-1"):
        cloud.start(run)
        cloud.waits(run)
    assert orchard("stop", "fruits-1", "--yes").exit_code == 0
    cloud.ended("fruits-1")
    assert [(run["run"], run["status"]) for run in listed("--failed")] == [("fruits-1", "ABORTED")]
    assert [(run["run"], run["status"]) for run in listed("--running")] == [("pears-1", "RUNNING")]
    assert [run["run"] for run in listed("--failed", "--running")] == ["pears-1", "fruits-1"]


def test_where_there_is_none(make_cloud: Callable[..., FakeCloud]) -> None:
    make_cloud()
    assert orchard("runs").stderr == "There is no run yet.\n"
    assert orchard("runs", "--failed").stderr == "There is no such run.\n"
    assert listed() == []


class TestCompletion:
    """A shell completes the names of runs, and never shows an error."""

    def complete(self, incomplete: str, **given: object) -> list[str]:
        import typer

        parent = typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)))
        parent.params = dict(given)
        return complete_run(typer.Context(parent.command, parent=parent), incomplete)

    def test_the_names_that_begin_so(self, cloud: FakeCloud) -> None:
        assert self.complete("f") == ["fruits-1"]
        assert self.complete("", region=None, profile=None, stack="orchard") == ["pears-1", "fruits-1"]

    def test_silence_where_they_are_not_to_be_had(self, cloud: FakeCloud) -> None:
        assert self.complete("f", stack="staging") == []
        assert self.complete("f", region="us-east-1") == []


HOSTILE = "a\x1b]0;owned\x07\nfruits-9  SUCCEEDED\r\u202epiz.zip"
HARMLESS = r"a\x1b]0;owned\x07\nfruits-9  SUCCEEDED\r\u202epiz.zip"


@pytest.mark.parametrize("command", [("runs",), ("status", "fruits-9")])
def test_a_key_speaks_to_no_terminal_and_forges_no_line(
    make_cloud: Callable[..., FakeCloud], command: tuple[str, ...]
) -> None:
    cloud = make_cloud()
    cloud.start("fruits-9", HOSTILE)
    cloud.ended("fruits-9")
    result = orchard(*command)
    assert result.exit_code == 0, result.stderr
    assert HARMLESS in result.stdout
    assert all(line.isprintable() for line in result.stdout.splitlines())
