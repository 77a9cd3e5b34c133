"""`orchard runs` lists what there is, the newest first."""

import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from rich.console import Console

from orchard.cli.months import Month, by_month
from orchard.cli.params import complete_run
from orchard.cli.runs import as_tree, plain_line, show_runs
from orchard.compute.cost import Cost
from orchard.pipeline.input import GivenArchive
from orchard.pipeline.origin import Origin
from orchard.pipeline.state import Place, PlannedRun, RunState
from orchard.runs.listing import Run, RunLine
from tests.support.cloud.fake import FakeCloud, orchard


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


def test_a_run_that_waits_for_its_turn_says_so() -> None:
    run = Run("fruits-1", "arn", "RUNNING", datetime(2026, 11, 20, 12, tzinfo=UTC))
    lines = [
        RunLine(run, timedelta(minutes=3), RunState(place=Place(False, ahead, 60)), Cost()) for ahead in (3, None)
    ] + [RunLine(run, timedelta(minutes=3), RunState(), Cost())]
    stream = io.StringIO()
    show_runs(lines, Console(file=stream, width=200))
    assert [re.split(" {2,}", line)[1] for line in stream.getvalue().splitlines()[1:]] == [
        "waits behind 3",
        "waits",
        "RUNNING",
    ]
    assert [plain_line(line)["ahead"] for line in lines] == [3, None, None]
    assert [plain_line(line)["status"] for line in lines] == ["RUNNING"] * 3, "as Step Functions has it"


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
    assert orchard("runs").stderr == "No run has started yet.\n"
    assert orchard("runs", "--failed").stderr == "No run matches.\n"
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


def of(run: str, **origin: str) -> RunLine:
    listed = Run(run, f"arn:{run}", "SUCCEEDED", datetime(2026, 11, 28, 6, 30, tzinfo=UTC))
    plan = PlannedRun(origin=Origin(**{what: f"s3://out/runs/{other}" for what, other in origin.items()}))
    return RunLine(listed, timedelta(minutes=1), RunState(plan=plan), Cost())


def test_runs_that_use_files_of_others_are_below_them_where_they_are_listed() -> None:
    lines = [
        of("e", features="gone"),
        of("d", images="a", features="b"),
        of("c", components="a"),
        of("b", images="a"),
        of("a"),
    ]
    assert [(depth, line.run.id) for depth, line in as_tree(lines)] == [
        (0, "e"), (0, "a"), (1, "c"), (1, "b"), (2, "d"),
    ]  # fmt: skip
    stream = io.StringIO()
    show_runs(lines, Console(file=stream, width=200, soft_wrap=True))
    assert [line.split("  SUCC")[0].rstrip() for line in stream.getvalue().splitlines()[1:]] == [
        "e", "a", "└ c", "└ b", "  └ d",
    ]  # fmt: skip
    assert plain_line(lines[1])["origin"] == {"images": "a", "features": "b"}


LONG = "fruits-360-original-size-4ed672299f2a"


class TestOnATerminal:
    """As many columns as have room; ids whole at any width, for whoever marks one with the mouse."""

    def shown(self, width: int, *runs: str) -> tuple[list[str], str]:
        lines = [
            RunLine(
                Run(run, f"arn:{run}", "SUCCEEDED", datetime(2026, 11, 28, 6, 30, tzinfo=UTC)),
                timedelta(minutes=83),
                RunState(
                    archive=GivenArchive("orchard-input-123456789012-eu-west-1", f"{run}.zip"),
                    plan=PlannedRun(images=9900),
                ),
                Cost(0.06, 0.05),
            )
            for run in runs
        ]
        stream = io.StringIO()
        console = Console(file=stream, width=width, force_terminal=True, color_system=None, soft_wrap=True)
        show_runs(lines, console)
        return stream.getvalue().splitlines(), stream.getvalue()

    @pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
    def test_a_line_a_run(self, width: int, capsys: pytest.CaptureFixture[str]) -> None:
        (title, *lines), _ = self.shown(width, LONG, "pears-0a1b2c3d4e5f")
        assert [line.split()[0] for line in lines] == [LONG, "pears-0a1b2c3d4e5f"]
        assert max(map(len, (title, *lines))) <= width
        assert capsys.readouterr().err.strip().endswith("shows everything.") is ("Archive" not in title)

    def test_what_goes_first(self, capsys: pytest.CaptureFixture[str]) -> None:
        def titles(width: int) -> str:
            return " ".join(self.shown(width, LONG)[0][0].split())

        assert titles(200) == "Run Status Started Took Images Actual on AWS Archive"
        assert titles(100) == "Run Status Started Took Images Actual on AWS"
        assert titles(82) == "Run Status Started Actual on AWS"
        assert titles(80) == "Run Status Started Took"
        assert titles(60) == "Run Status Took"
        assert titles(40) == "Run"
        assert "Archive left out for want of room" in capsys.readouterr().err

    def test_an_id_that_is_longer_than_the_terminal_is_left_to_the_terminal(self) -> None:
        longest = f"{'a' * 67}-4ed672299f2a"
        assert longest in self.shown(60, longest)[1]

    def test_a_pipe_is_as_wide_as_need_be(self) -> None:
        stream = io.StringIO()
        long = RunState(archive=GivenArchive("b", "x" * 2000))
        line = RunLine(Run("a", "arn", "FAILED", datetime.now(UTC)), timedelta(), long, Cost())
        show_runs([line], Console(file=stream, width=40))
        assert stream.getvalue().splitlines()[1].endswith("x" * 2000)


class TestByMonth:
    def line(self, month: int, status: str, minutes: float, cost: Cost) -> RunLine:
        run = Run("a-1", "arn", status, datetime(2026, month, 3, tzinfo=UTC))
        return RunLine(run, timedelta(minutes=minutes), RunState(), cost)

    def test_every_month_is_added_up(self) -> None:
        lines = [
            self.line(11, "SUCCEEDED", 10, Cost(actual=0.25)),
            self.line(11, "FAILED", 5, Cost(actual=0.5)),
            self.line(11, "SUCCEEDED", 1, Cost()),
            self.line(10, "ABORTED", 2, Cost(charged=False)),
        ]
        november, october = by_month(lines)
        assert november == Month("2026-11", {"FAILED": 1, "SUCCEEDED": 2}, 16.0, 0.75, 1)
        assert november.runs == 3
        assert october == Month("2026-10", {"ABORTED": 1}, 2.0, 0.0, 0)

    def test_a_month_begins_as_on_the_bill(self) -> None:
        late = Run("a-1", "arn", "SUCCEEDED", datetime(2026, 12, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))))
        [month] = by_month([RunLine(late, timedelta(), RunState(), Cost())])
        assert month.name == "2026-11"

    def test_for_people(self, cloud: FakeCloud) -> None:
        said = orchard("runs", "--by-month")
        assert said.exit_code == 0, said.stderr
        title, line = said.stdout.splitlines()
        assert title.split() == ["Month", "Runs", "Minutes", "Actual", "on", "AWS", "Of", "them"]
        assert line.split()[1] == "2"
        assert "2 SUCCEEDED" in line

    def test_json(self, cloud: FakeCloud) -> None:
        [month] = listed("--by-month")
        assert (month["runs"], month["statuses"], month["cost_unknown"]) == (2, {"SUCCEEDED": 2}, 0)
        assert listed("--by-month", "--failed") == []
        assert listed("--by-month", "--limit", 1)[0]["runs"] == 1

    def test_what_was_refused_has_cost_nothing(self, make_cloud: Callable[..., FakeCloud]) -> None:
        cloud = make_cloud(outcome={"Error": "ArchiveRefused", "Cause": "not a zip"})
        cloud.start("words-1", "words.zip")
        cloud.ended("words-1")
        [month] = listed("--by-month")
        assert (month["statuses"], month["cost_usd"], month["cost_unknown"]) == ({"FAILED": 1}, 0, 0)
        assert "nothing" in orchard("runs").stdout
