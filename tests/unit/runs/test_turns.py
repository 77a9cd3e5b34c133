"""Whose turn it is is told by the order of executions alone: nobody keeps a list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.compute.sizing import runs_at_once
from orchard.pipeline.state import Place
from orchard.runs.listing import Run
from orchard.runs.turns import place_of, unknown_place

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
POLL = 15


def run(number: int, minutes: float | None = None, redriven: float | None = None) -> Run:
    began = START + timedelta(minutes=number if minutes is None else minutes)
    again = None if redriven is None else START + timedelta(minutes=redriven)
    return Run(f"run-{number:04}", f"arn:{number}", "RUNNING", began, redriven=again)


def place(own: int, going_on: list[Run], at_once: int = 4, waited: float = 0) -> Place:
    return place_of(f"arn:{own}", going_on, at_once, poll_seconds=POLL, waited=waited)


def test_the_first_ones_may_go_and_the_others_wait_behind_all_that_started_before_them() -> None:
    runs = [run(number) for number in (5, 3, 0, 1, 2, 4)]
    assert [place(number, runs).may_go for number in range(6)] == [True] * 4 + [False] * 2
    assert [place(number, runs).ahead for number in range(6)] == [0, 1, 2, 3, 4, 5]


def test_one_that_ends_however_it_does_frees_its_place() -> None:
    runs = [run(number) for number in range(6)]
    assert place(4, [one for one in runs if one.id != "run-0002"]).may_go
    assert not place(5, [one for one in runs if one.id != "run-0002"]).may_go
    assert place(5, [one for one in runs if one.id not in ("run-0002", "run-0004")]).may_go, "a waiting one, too"


def test_of_two_that_started_at_once_one_is_the_first() -> None:
    twins = [run(1, 0), run(2, 0)]
    assert [place(number, twins, at_once=1).may_go for number in (1, 2)] == [True, False]


def test_one_that_was_redriven_goes_behind_those_that_started_meanwhile() -> None:
    runs = [run(0, redriven=2.5), run(1), run(2), run(3)]
    assert [place(number, runs, at_once=2).may_go for number in (0, 1, 2, 3)] == [False, True, True, False]
    assert place(0, runs, at_once=2).ahead == 2


def test_a_list_that_does_not_have_the_run_yet_decides_nothing() -> None:
    told = place(7, [run(1)])
    assert (told.may_go, told.ahead) == (False, None)
    assert 4 * POLL <= told.wait_seconds <= 20 * POLL


@given(st.sets(st.integers(0, 60), min_size=1), st.integers(1, 8), st.data())
def test_never_more_than_so_many_go_and_always_somebody(numbers: set[int], at_once: int, data: st.DataObject) -> None:
    """Runs look in any order, and some end between two looks: what has begun to work stays within the bound."""
    runs = {number: run(number, data.draw(st.integers(0, 5))) for number in numbers}
    works: set[int] = set()
    while runs:
        for number in data.draw(st.permutations(sorted(runs.keys() - works))):
            if place(number, list(runs.values()), at_once).may_go:
                works.add(number)
        assert 0 < len(works) <= at_once
        for ended in data.draw(st.sets(st.sampled_from(sorted(runs)), min_size=1)):
            del runs[ended]
            works.discard(ended)


class TestWaits:
    def test_they_grow_with_the_distance_to_the_front_and_have_an_end(self) -> None:
        runs = [run(number) for number in range(1_000)]
        waits = [place(number, runs).wait_seconds for number in (4, 5, 6, 18, 19, 999)]
        assert waits == [60, 120, 180, 900, 900, 900]

    def test_a_thousand_that_wait_ask_less_often_than_step_functions_answers(self) -> None:
        runs = [run(number) for number in range(1_004)]
        a_second = sum(1 / place(number, runs).wait_seconds for number in range(4, 1_004))
        assert a_second < 2, "ListExecutions is refilled by 2 a second in small regions (Step Functions quotas)"

    def test_they_grow_with_what_was_waited(self) -> None:
        runs = [run(number) for number in range(5)]
        assert place(4, runs, waited=100_000).wait_seconds == 5_000
        assert unknown_place("arn:4", poll_seconds=POLL, waited=100_000).wait_seconds == 5_000

    def test_those_that_could_not_be_told_do_not_come_back_together(self) -> None:
        waits = {unknown_place(f"arn:{number}", poll_seconds=POLL, waited=0).wait_seconds for number in range(200)}
        assert len(waits) > 100


@pytest.mark.parametrize(
    ("maximum", "vcpus", "at_once"), [(4, None, 4), (4, 1000, 4), (4, 72, 1), (4, 6, 1), (20, 1000, 15), (1, 1000, 1)]
)
def test_as_many_work_as_the_stack_says_and_have_room(maximum: int, vcpus: int | None, at_once: int) -> None:
    assert runs_at_once(maximum, vcpus) == at_once


def test_the_place_is_what_the_state_machine_takes() -> None:
    assert place(0, [run(0)]).to_json() == {"may_go": True, "ahead": 0, "wait_seconds": 0}
