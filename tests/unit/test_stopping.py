"""A run is ended by hand: its execution says by what, and no cluster of it lives on."""

from __future__ import annotations

from typing import Any

import pytest

from orchard import stopping
from orchard.errors import OrchardError
from orchard.orphans import TaggedCluster
from tests.unit.test_progress import START


class Executions:
    """The part of Step Functions that stops; moto does not keep why."""

    def __init__(self) -> None:
        self.stopped: list[dict[str, str]] = []

    def stop_execution(self, **given: str) -> None:
        self.stopped.append(given)


def test_the_execution_says_by_what_it_was_stopped() -> None:
    sfn: Any = Executions()
    stopping.stop_execution(sfn, "arn:fruits-1")
    assert sfn.stopped == [
        {"executionArn": "arn:fruits-1", "error": "StoppedByHand", "cause": "Somebody typed `orchard stop`."}
    ]


class Emr:
    """What `orphans` finds at each look, and what is terminated."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *looks: list[str]) -> None:
        self._looks = list(looks)
        self.terminated: list[str] = []
        self.slept: list[float] = []
        monkeypatch.setattr("orchard.orphans.tagged_clusters", lambda emr: self._look())

    def _look(self) -> list[TaggedCluster]:
        found = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return [TaggedCluster(one, "fruits-1", "orchard", START) for one in found]

    def terminate_job_flows(self, JobFlowIds: list[str]) -> None:  # noqa: N803 (botocore's name)
        self.terminated += JobFlowIds

    def end(self, *, just_stopped: bool) -> tuple[str, ...]:
        emr: Any = self
        return stopping.end_clusters("fruits-1", emr, just_stopped=just_stopped, sleep=self.slept.append)


class TestEndClusters:
    def test_it_waits_until_the_cluster_is_ending(self, monkeypatch: pytest.MonkeyPatch) -> None:
        emr = Emr(monkeypatch, ["j-1"], ["j-1"], [])
        assert emr.end(just_stopped=False) == ("j-1",)
        assert set(emr.terminated) == {"j-1"}
        assert len(emr.slept) == 2

    def test_where_there_is_none_nothing_is_done(self, monkeypatch: pytest.MonkeyPatch) -> None:
        emr = Emr(monkeypatch, [])
        assert emr.end(just_stopped=False) == ()
        assert (emr.terminated, emr.slept) == ([], [])

    def test_a_cluster_that_was_just_asked_for_is_found_when_it_is_listed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        emr = Emr(monkeypatch, [], [], ["j-1"], [])
        assert emr.end(just_stopped=True) == ("j-1",)
        assert emr.terminated == ["j-1"]
        assert len(emr.slept) == 5

    def test_one_that_does_not_end_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        emr = Emr(monkeypatch, ["j-1"])
        with pytest.raises(OrchardError, match="j-1 does not end") as raised:
            emr.end(just_stopped=False)
        assert raised.value.next_command == "orchard sweep"
        assert sum(emr.slept) >= 60
