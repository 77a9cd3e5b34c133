"""A run is ended by hand: its execution says by what, and no cluster of it lives on."""

from __future__ import annotations

from typing import Any

import pytest

from orchard.compute.base import Alive
from orchard.compute.registry import COMPUTES, DEFAULT
from orchard.errors import OrchardError
from orchard.runs.stop import end_work, stop_execution
from tests.support.histories import START


class Executions:
    """The part of Step Functions that stops; moto does not keep why."""

    def __init__(self) -> None:
        self.stopped: list[dict[str, str]] = []

    def stop_execution(self, **given: str) -> None:
        self.stopped.append(given)


def test_the_execution_says_by_what_it_was_stopped() -> None:
    sfn: Any = Executions()
    stop_execution(sfn, "arn:fruits-1")
    assert sfn.stopped == [
        {"executionArn": "arn:fruits-1", "error": "StoppedByHand", "cause": "Somebody typed `orchard stop`."}
    ]


class Works:
    """What is alive at each look, and what is ended."""

    def __init__(self, *looks: list[str], compute: str = DEFAULT) -> None:
        self._compute = COMPUTES[compute]
        self._looks = list(looks)
        self.ended: list[str] = []
        self.slept: list[float] = []

    def alive(self) -> list[Alive]:
        found = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return [Alive(one, "fruits-1", "orchard", START, self._compute) for one in found]

    def end_work(self, found: tuple[Alive, ...]) -> None:
        self.ended += [one.id for one in found]

    def stops(self, *, just_stopped: bool) -> tuple[str, ...]:
        computes: Any = self
        ended = end_work("fruits-1", computes, just_stopped=just_stopped, sleep=self.slept.append)
        return tuple(one.id for one in ended)


class TestEndWork:
    def test_it_waits_until_the_cluster_is_ending(self) -> None:
        works = Works(["j-1"], ["j-1"], [])
        assert works.stops(just_stopped=False) == ("j-1",)
        assert set(works.ended) == {"j-1"}
        assert len(works.slept) == 2

    def test_where_there_is_none_nothing_is_done(self) -> None:
        works = Works([])
        assert works.stops(just_stopped=False) == ()
        assert (works.ended, works.slept) == ([], [])

    def test_what_was_just_asked_for_is_found_when_it_is_listed(self) -> None:
        works = Works([], [], ["j-1"], [])
        assert works.stops(just_stopped=True) == ("j-1",)
        assert works.ended == ["j-1"]
        assert len(works.slept) == 5

    @pytest.mark.parametrize(
        ("one", "told", "compute"),
        [
            ("j-1", "The cluster j-1", "emr-ec2"),
            *(("00f1", "The job run 00f1", name) for name in ("emr-serverless", "emr-eks")),
        ],
    )
    def test_one_that_does_not_end_is_said(self, one: str, told: str, compute: str) -> None:
        works = Works([one], compute=compute)
        with pytest.raises(OrchardError, match=f"{told} does not end") as raised:
            works.stops(just_stopped=False)
        assert raised.value.next_command == "orchard sweep"
        assert sum(works.slept) >= 60
