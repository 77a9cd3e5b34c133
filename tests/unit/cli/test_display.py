"""A run is told in lines that say what is new, and on a terminal by a table beneath them."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from orchard.cli.display import RunDisplay, clock, doing, news, panel
from orchard.pipeline.state import Place, PlannedCost, PlannedRun, RunState
from orchard.runs.progress import Progress, StepProgress

START = Progress(
    status="RUNNING",
    passed=("InspectArchive",),
    state="InspectArchive",
    known=RunState(),
    cluster_state="",
    steps=(StepProgress("unzip"), StepProgress("featurize"), StepProgress("pca")),
    elapsed=timedelta(seconds=2),
)
STEPS = (
    StepProgress("unzip", "s-1", "COMPLETED", timedelta(seconds=35)),
    StepProgress("featurize", "s-2", "RUNNING", timedelta(seconds=1)),
    StepProgress("pca", "s-3", "PENDING"),
)
WORKING = replace(
    START,
    passed=(
        "InspectArchive",
        "IsArchiveAccepted",
        "LookAtTurn",
        "IsTurn",
        "CreateCluster",
        "AwaitSteps",
        "LookAtCluster",
    ),
    state="LookAtCluster",
    known=RunState(launch=1, cluster="j-1"),
    cluster_state="RUNNING",
    steps=STEPS,
    elapsed=timedelta(seconds=95),
)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (9.9, "0:09"), (65, "1:05"), (3599, "59:59"), (3661, "1:01:01"), (-3, "0:00")]
)
def test_a_clock(seconds: float, text: str) -> None:
    assert clock(timedelta(seconds=seconds)) == text


def test_no_time_is_no_text() -> None:
    assert clock(None) == ""


class TestNews:
    def test_a_turn_that_is_waited_for_is_told_whenever_it_comes_nearer(self) -> None:
        far, near = (replace(START, known=RunState(place=Place(False, ahead, 60))) for ahead in (3, 1))
        assert news(START, far) == ["waits for its turn, behind 3 runs"]
        assert news(far, replace(far, elapsed=timedelta(seconds=60))) == []
        assert news(far, near) == ["waits for its turn, behind 1 run"]
        assert doing(near) == "waits for its turn, behind 1 run"
        assert doing(START) == "reading the zip's list of members"
        assert "waits for its turn, behind 3 runs" in str(panel(far).renderables[0].text)  # type: ignore[union-attr]

    def test_a_cluster_that_is_kept_is_told_before_with_its_price_and_when_it_is(self) -> None:
        plan = PlannedRun(keep=1800, estimate=PlannedCost(usd_per_hour=0.36))
        planned = replace(START, known=RunState(plan=plan))
        told = "the cluster will be kept for 30:00 after its last step, which costs $0.18"
        assert news(START, planned) == [told]
        assert news(planned, planned) == []
        free = replace(START, known=RunState(plan=replace(plan, charged=False)))
        unknown = replace(START, known=RunState(plan=PlannedRun(keep=60)))
        assert news(START, free) == ["the cluster will be kept for 30:00 after its last step"]
        assert news(START, unknown) == ["the cluster will be kept for 1:00 after its last step"]
        working = replace(WORKING, known=RunState(launch=1, cluster="j-1", plan=plan))
        kept = replace(working, steps=tuple(replace(one, state="COMPLETED") for one in STEPS), cluster_state="WAITING")
        assert news(working, kept)[-1] == doing(kept) == "done, and its cluster is kept"
        assert news(kept, kept) == []

    def test_at_first_everything_is_new(self) -> None:
        assert news(None, START) == ["reading the zip's list of members"]

    def test_milestones_the_cluster_and_each_step_without_the_plumbing(self) -> None:
        assert news(START, WORKING) == [
            "asking for a cluster",
            "waiting for the steps",
            "cluster j-1 is RUNNING",
            "step unzip is COMPLETED after 0:35",
            "step featurize is RUNNING",
            "step pca is PENDING",
        ]

    def test_time_alone_is_no_news(self) -> None:
        assert news(WORKING, replace(WORKING, elapsed=timedelta(seconds=99), state="JudgeSteps")) == []

    def test_another_launch_is(self) -> None:
        again = replace(WORKING, known=RunState(launch=2, cluster="j-2"), cluster_state="STARTING", steps=START.steps)
        assert news(WORKING, again) == ["launch 2", "cluster j-2 is STARTING"]

    def test_the_end(self) -> None:
        ended = replace(WORKING, passed=(*WORKING.passed, "Notify", "RunSucceeded"), cluster_state="TERMINATING")
        assert news(WORKING, ended) == ["notifying", "done", "cluster j-1 is TERMINATING"]


def show(terminal: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100, color_system=None)
    with RunDisplay(console, "fruits-1") as display:
        display.update(START)
        display.update(WORKING)
        display.trouble("Rate exceeded")
        display.update(WORKING)
    return stream.getvalue()


def test_without_a_terminal_each_line_is_plain_and_told_once() -> None:
    assert show(terminal=False).splitlines() == [
        "Run fruits-1",
        "    0:02  reading the zip's list of members",
        "    1:35  asking for a cluster",
        "    1:35  waiting for the steps",
        "    1:35  cluster j-1 is RUNNING",
        "    1:35  step unzip is COMPLETED after 0:35",
        "    1:35  step featurize is RUNNING",
        "    1:35  step pca is PENDING",
        "          AWS did not answer, trying again: Rate exceeded",
    ]


def test_the_clock_does_not_go_back_when_the_run_ended_before_the_last_look() -> None:
    stream = io.StringIO()
    with RunDisplay(Console(file=stream, width=100), "fruits-1") as display:
        display.update(WORKING)
        ended = replace(WORKING, passed=(*WORKING.passed, "Notify"), elapsed=timedelta(seconds=94))
        display.update(ended)
    assert stream.getvalue().splitlines()[-1] == "    1:35  notifying"


def test_on_a_terminal_a_table_is_kept_beneath_them() -> None:
    shown = show(terminal=True)
    assert "\x1b" in shown
    assert "LookAtCluster, cluster j-1 is RUNNING" in shown


def test_the_table_has_each_step_with_state_and_time() -> None:
    stream = io.StringIO()
    Console(file=stream, width=100).print(panel(WORKING))
    lines = [line.split() for line in stream.getvalue().splitlines()]
    assert lines[1:] == [["unzip", "COMPLETED", "0:35"], ["featurize", "RUNNING", "0:01"], ["pca", "PENDING"]]
    assert lines[0][1:4] == ["1:35", "LookAtCluster,", "cluster"]
