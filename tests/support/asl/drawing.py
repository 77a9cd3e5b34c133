"""The state machine as a drawing in Mermaid, for docs/statemachine.md.

.venv/bin/python -m tests.support.asl.drawing    writes it there anew
"""

import re
from typing import Any

from tests.support.stack.template import ROOT, machine

PAGE = ROOT / "docs" / "statemachine.md"

_DRAWING = re.compile(r"(?<=```mermaid\n).*?(?=```\n)", re.DOTALL)
_SHAPES = {"Task": '["{}"]', "Choice": '{{"{}"}}', "Wait": '(["{}"])', "Succeed": '(("{}"))', "Fail": '(("{}"))'}


def drawing(definition: dict[str, Any]) -> str:
    """Draw a state machine: tasks are boxes, choices are diamonds, waits are rounded, ends are circles.

    The first words of a rule's comment stand on its arrow; what a task catches leaves it on a dotted one.

    Args:
        definition: The definition.

    Returns:
        Lines of Mermaid, the states in the order of the file.
    """
    states = definition["States"]
    shapes = [f"    {name}{_SHAPES[state['Type']].format(name)}" for name, state in states.items()]
    arrows = [f"    {name} {arrow}" for name, state in states.items() for arrow in dict.fromkeys(_arrows(state))]
    return "\n".join(["flowchart TD", *shapes, *arrows, ""])


def redrawn(page: str, definition: dict[str, Any]) -> str:
    """A page with the drawing in it made anew."""
    return _DRAWING.sub(lambda _: drawing(definition), page)


def _arrows(state: dict[str, Any]) -> list[str]:
    rules = [f'-->|"{re.split("[.:]", rule["Comment"])[0]}"| {rule["Next"]}' for rule in state.get("Choices", [])]
    onward = [f"--> {state['Next']}"] if "Next" in state else []
    otherwise = [f'-->|"otherwise"| {state["Default"]}'] if "Default" in state else []
    caught = [f'-.->|"error"| {rule["Next"]}' for rule in state.get("Catch", [])]
    return [*rules, *onward, *otherwise, *caught]


if __name__ == "__main__":
    PAGE.write_text(redrawn(PAGE.read_text("utf-8"), machine()), "utf-8")
