"""The page about the state machine draws the file as it is, and lists what is known of a run."""

import re

from tests.support.asl.answers import GIVEN, answers
from tests.support.asl.drawing import PAGE, drawing, redrawn
from tests.support.asl.scenarios import SCENARIOS
from tests.support.asl.walk import walk
from tests.support.stack.template import machine, rendered

TEXT = PAGE.read_text("utf-8")


def test_the_drawing_is_of_the_file() -> None:
    assert redrawn(TEXT, machine()) == TEXT, ".venv/bin/python -m tests.support.asl.drawing"


def test_every_state_and_every_way_is_drawn() -> None:
    lines = drawing(machine()).splitlines()
    for name, state in machine()["States"].items():
        onward = [*state.get("Choices", []), *state.get("Catch", []), state]
        led = {rule[field] for rule in onward for field in ("Next", "Default") if field in rule}
        drawn = {line.split()[-1] for line in lines if line.startswith(f"    {name} ")}
        assert drawn == led, name


def test_what_is_known_of_a_run_is_documented() -> None:
    rendered_ = rendered()
    known = {part for scenario in SCENARIOS for part in walk(rendered_, answers(**scenario.given), GIVEN).data}
    assert known == set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))
