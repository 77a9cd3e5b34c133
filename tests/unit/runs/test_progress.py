"""Where a run stands is read from its history, its cluster and its steps."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from orchard.compute.cost import Cost
from orchard.pipeline.state import RunState
from orchard.runs.progress import Progress, StepProgress
from tests.support.histories import START, after, execution, history, progress_of, step

QUEUED = {
    "launch": {"attempt": 1},
    "cluster": {"id": "j-1"},
    "steps": {"unzip": {"id": "s-1"}, "featurize": {"id": "s-2"}, "pca": {"id": "s-3"}},
}
PLANNED = {
    **QUEUED,
    "inspected": {
        "plan": {
            "counts": {"images": 131},
            "estimate": {"usd_per_hour": 3.6, "total_usd": 0.47, "price_date": "2026-11"},
        }
    },
}
LOOP = ("AwaitSteps", "LookAtCluster", "JudgeCluster", "LookAtSteps", "JudgeSteps")


class TestReadProgress:
    def test_a_run_that_has_just_started(self) -> None:
        assert progress_of(execution(), [], now=after(1)) == Progress(
            status="RUNNING",
            passed=(),
            state="",
            known=RunState(),
            cluster_state="",
            steps=(StepProgress("unzip"), StepProgress("featurize"), StepProgress("pca")),
            elapsed=timedelta(seconds=1),
            started=START,
        )

    def test_a_run_that_uses_earlier_results_has_the_steps_that_it_does_itself(self) -> None:
        planned = {"inspected": {"plan": {"origin": {"features": "s3://out/runs/first-1"}}}}
        progress = progress_of(execution(), history("InspectArchive", "LookAtTurn", facts=planned), now=after(1))
        assert progress.steps == (StepProgress("pca"),)

    def test_states_are_told_once_however_often_the_steps_are_looked_at(self) -> None:
        events = history("InspectArchive", "CreateCluster", *LOOP, *LOOP, "AwaitSteps", facts=QUEUED)
        progress = progress_of(execution(), events, now=after(60))
        assert progress.passed == ("InspectArchive", "CreateCluster", *LOOP)
        assert progress.state == "AwaitSteps"

    def test_a_run_that_waits_for_its_turn_says_behind_how_many(self) -> None:
        waiting = {"queue": {"place": {"may_go": False, "ahead": 3, "wait_seconds": 60}}, "turn": {"waited": 60}}
        events = history("InspectArchive", "LookAtTurn", "IsTurn", "AwaitTurn", facts=waiting)
        assert str(progress_of(execution(), events, now=after(60)).awaits) == "waits for its turn, behind 3 runs"
        stopped = progress_of(execution(status="ABORTED"), events, now=after(80))
        assert stopped.awaits is None, "it waits no more"
        going = {**QUEUED, "queue": {"place": {"may_go": True, "ahead": 0, "wait_seconds": 0}}}
        assert progress_of(execution(), history(*LOOP, facts=going), now=after(90)).awaits is None

    def test_what_an_execution_is_given_is_not_taken_for_what_it_knows(self) -> None:
        """Whoever starts one with the data of another run's state does not make that run's cluster its own."""
        entered = {
            "stateEnteredEventDetails": {"name": "InspectArchive", "input": json.dumps({"run": QUEUED, **QUEUED})}
        }
        events = [{"id": 1, "type": "TaskStateEntered", "timestamp": START, **entered}]
        progress = progress_of(execution(), events, now=after(1))
        assert (progress.known.cluster, progress.known.launch) == ("", 0)

    def test_each_step_has_emrs_state_and_its_own_time(self) -> None:
        steps = [
            step("featurize", "RUNNING", StartDateTime=after(100)),
            step("pca", "PENDING"),
            step("unzip", "COMPLETED", StartDateTime=after(60), EndDateTime=after(95)),
        ]
        cluster = {"Status": {"State": "RUNNING"}}
        progress = progress_of(execution(), history(*LOOP, facts=QUEUED), cluster, steps, after(130))
        assert (progress.known.cluster, progress.cluster_state, progress.known.launch) == ("j-1", "RUNNING", 1)
        assert progress.steps == (
            StepProgress("unzip", "s-1", "COMPLETED", timedelta(seconds=35)),
            StepProgress("featurize", "s-2", "RUNNING", timedelta(seconds=30)),
            StepProgress("pca", "s-3", "PENDING"),
        )

    def test_after_a_failed_launch_the_old_clusters_steps_are_forgotten(self) -> None:
        facts = {**QUEUED, "cluster": {"id": "j-2"}, "launch": {"attempt": 2}}
        progress = progress_of(execution(), history("QueueSteps", facts=facts), now=after(1))
        assert (progress.known.cluster, progress.known.launch) == ("j-2", 2)
        assert {one.state for one in progress.steps} == {""}

    def test_the_end_of_the_execution_stops_the_clock(self) -> None:
        ended = execution("FAILED", stopDate=after(90), error="RunFailed", cause="The disk is full")
        progress = progress_of(ended, history("RunFailed", facts=QUEUED), now=after(5000))
        assert progress.ended
        assert progress.elapsed == timedelta(seconds=90)
        assert (progress.error, progress.cause) == ("RunFailed", "The disk is full")

    def test_an_end_without_a_date_is_that_of_the_last_event(self) -> None:
        events = history("AwaitSteps")
        progress = progress_of(execution("TIMED_OUT"), events, now=after(5000))
        assert progress.elapsed == events[-1]["timestamp"] - START

    @pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
    def test_a_run_that_can_still_change_has_not_ended(self, status: str) -> None:
        assert not progress_of(execution(status), [], now=after(1)).ended

    @pytest.mark.parametrize(
        ("keep", "last", "cluster", "status", "kept"),
        [
            (600, "COMPLETED", "WAITING", "RUNNING", True),
            (600, "COMPLETED", "RUNNING", "RUNNING", True),
            (600, "RUNNING", "RUNNING", "RUNNING", False),
            (600, "COMPLETED", "TERMINATING", "RUNNING", False),
            (600, "COMPLETED", "WAITING", "ABORTED", False),
            (0, "COMPLETED", "WAITING", "RUNNING", False),
        ],
    )
    def test_a_cluster_is_kept_from_the_end_of_the_steps_to_its_own(
        self, keep: int, last: str, cluster: str, status: str, kept: bool
    ) -> None:
        facts = {**QUEUED, "inspected": {"plan": {"keep": keep}}}
        steps = [step("unzip", "COMPLETED"), step("featurize", "COMPLETED"), step("pca", last)]
        seen = {"Status": {"State": cluster}}
        progress = progress_of(execution(status), history(*LOOP, facts=facts), seen, steps, after(90))
        assert (progress.kept, progress.complete) == (kept, kept)
        assert progress_of(execution("SUCCEEDED"), history(*LOOP, facts=facts), seen, steps, after(90)).complete


class TestWhatItIsAbout:
    """The execution's input and data name the archive, its images, and what the cluster costs in an hour."""

    def test_the_archive_is_in_the_executions_input(self) -> None:
        given = execution(input=json.dumps({"run_id": "fruits-1", "archive": {"bucket": "b", "key": "a/fruits.zip"}}))
        assert progress_of(given, [], now=after(1)).known.archive.uri == "s3://b/a/fruits.zip"

    def test_the_cluster_costs_what_its_time_costs(self) -> None:
        cluster = {"Status": {"State": "RUNNING", "Timeline": {"CreationDateTime": after(10)}}}
        progress = progress_of(execution(), history("AwaitSteps", facts=PLANNED), cluster, [], after(110))
        assert (progress.known.plan.images, progress.cost) == (131, Cost(0.47, pytest.approx(0.1), "2026-11"))

    def test_a_cluster_that_has_ended_costs_no_more(self) -> None:
        timeline = {"CreationDateTime": after(10), "EndDateTime": after(60)}
        cluster = {"Status": {"State": "TERMINATED", "Timeline": timeline}}
        progress = progress_of(execution(), history("RunFailed", facts=PLANNED), cluster, [], after(5000))
        assert progress.cost.actual == pytest.approx(0.05)

    def test_without_a_cluster_or_a_plan_nothing_is_known_of_the_actual_cost(self) -> None:
        assert progress_of(execution(), history("AwaitSteps", facts=PLANNED), now=after(1)).cost.actual is None
        cluster = {"Status": {"State": "RUNNING", "Timeline": {"CreationDateTime": START}}}
        assert progress_of(execution(), history("AwaitSteps", facts=QUEUED), cluster, [], after(1)).cost == Cost()
