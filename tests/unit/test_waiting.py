"""What keeps the tests from depending on how busy the machine is."""

import re

from hypothesis import settings

from tests.support.paths import ROOT

TESTS = ROOT / "tests"
OWN_LIMIT = re.compile(r"monotonic\(\) \+ \d|\.wait\(\d|\btimeout=\d\d")


def test_no_test_has_a_time_out_of_its_own() -> None:
    found = [
        f"{file.relative_to(TESTS)}: {line.strip()}"
        for file in TESTS.rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if OWN_LIMIT.search(line)
    ]
    assert found == [], "tests.support.waiting.PATIENCE is for all of them"


def test_no_example_that_hypothesis_draws_has_a_deadline() -> None:
    assert settings().deadline is None
