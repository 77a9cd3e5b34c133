"""What EMR's own step runner says: an error of its own, or the exit code of the step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.diagnose.controller_log import parse_controller_log
from orchard.diagnose.known import QUOTE, SYMPTOM
from tests.unit.diagnose.sample_logs import names, sample

CASES = [
    ("controller-exit-1", "The step ended with exit code 1.", QUOTE, 17),
    ("controller-killed", "A process was killed, most likely because", SYMPTOM, 17),
    ("controller-terminated", "The step was ended from outside", SYMPTOM, 17),
    ("controller-cannot-fetch", "EMR could not run the step: ", QUOTE, 2),
]


@pytest.mark.parametrize(("log", "sentence", "weight", "line"), CASES)
def test_a_log_of_each_kind_gives_its_cause(log: str, sentence: str, weight: int, line: int) -> None:
    finding = parse_controller_log(sample(log))
    assert finding is not None
    assert finding.cause.sentence.startswith(sentence)
    assert finding.cause.weight == weight
    assert finding.first_line == finding.last_line == line


def test_every_sample_is_tested_here() -> None:
    assert sorted([*(case[0] for case in CASES), "controller-succeeded"]) == names("controller-")


@pytest.mark.parametrize("text", ["", sample("controller-succeeded")])
def test_a_step_that_succeeded_gives_nothing_though_the_runs_own_name_speaks_of_errors(text: str) -> None:
    assert parse_controller_log(text) is None


@given(st.lists(st.sampled_from([sample(name) for name in names("controller-")]) | st.text()))
def test_any_text_is_read(parts: list[str]) -> None:
    text = "".join(parts)
    finding = parse_controller_log(text)
    if finding is not None:
        assert 1 <= finding.first_line <= text.count("\n") + 1
        assert finding.cause.sentence
