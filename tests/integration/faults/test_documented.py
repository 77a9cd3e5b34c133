"""docs/failure-modes.md tells of every fault that is tested, and names for each row the tests that prove it."""

import ast
from pathlib import Path

from tests.support.paths import ROOT

DOCUMENT = ROOT / "docs" / "failure-modes.md"
HERE = {"test_every_row_is_proved_by_tests_that_there_are", "test_every_fault_has_a_row"}


def rows() -> dict[str, list[str]]:
    """What breaks → the tests that prove it: the document's first table."""
    lines = DOCUMENT.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| what breaks |"))
    found = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        what, *_, proofs = [cell.strip() for cell in line.strip("|").split(" | ")]
        found[what] = [name.strip(" `") for name in proofs.split(",")]
    return found


def proofs_below(folder: Path) -> set[str]:
    return {
        node.name
        for path in folder.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_row_is_proved_by_tests_that_there_are() -> None:
    there = proofs_below(ROOT / "tests")

    assert {what: absent for what, names in rows().items() if (absent := set(names) - there)} == {}


def test_every_fault_has_a_row() -> None:
    named = {name for names in rows().values() for name in names}

    assert proofs_below(Path(__file__).parent) - HERE - named == set()
