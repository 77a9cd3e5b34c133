"""The house is as CONTRIBUTING.md draws it: folders in an order, and each imports only from those below it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from orchard.compute.registry import COMPUTES
from tests.support.paths import ROOT

HOUSE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## The house")[2].partition("\n## ")[0]
KIND = re.compile(r"orchard\.compute\.emr")
FLOORS = [
    re.findall(r"`orchard/(\w+)/`", row.split("|")[1]) for row in HOUSE.splitlines() if row.startswith("| `orchard")
]
FLOOR = {folder: number for number, floor in enumerate(FLOORS) for folder in floor}
GROUND = len(FLOORS)
"""The floor of the modules beside the folders, below them all."""
ROOF = -1
"""That of the package itself, which names what a program may call of all that is below."""


def folders() -> set[str]:
    return {path.parent.name for path in ROOT.glob("orchard/*/__init__.py")}


def imports(path: Path) -> Iterator[tuple[str, ...]]:
    """The modules of the package that a file names in its imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "orchard":
            yield from (("orchard", name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield tuple(node.module.split("."))
        elif isinstance(node, ast.Import):
            yield from (tuple(name.name.split(".")) for name in node.names)


def upward(path: Path) -> list[str]:
    """What a file of the package imports that is not below it."""
    own = path.relative_to(ROOT / "orchard").parts
    floor = FLOOR.get(own[0], ROOF if own == ("__init__.py",) else GROUND)
    taken = {module[1] for module in imports(path) if module[0] == "orchard" and len(module) > 1}
    return [
        f"{path.relative_to(ROOT)} imports {other}"
        for other in sorted(taken)
        if other in FLOOR and other != own[0] and FLOOR[other] <= floor
    ]


def test_the_table_names_every_folder_once() -> None:
    named = [folder for floor in FLOORS for folder in floor]
    assert sorted(named) == sorted(folders() - {"_project"})


def test_a_folder_imports_only_from_those_below_it() -> None:
    files = sorted(ROOT.glob("orchard/**/*.py"))
    assert [told for path in files for told in upward(path)] == []


def test_an_arrow_that_runs_up_is_noticed(tmp_path: Path) -> None:
    assert FLOOR["cli"] < FLOOR["runs"] < FLOOR["compute"] < FLOOR["pipeline"] < GROUND
    assert upward(ROOT / "orchard" / "cli" / "run.py") == []
    assert list(
        imports_of("from orchard.cli import run\nimport orchard.runs.plan\nfrom orchard import local", tmp_path)
    ) == [("orchard", "cli"), ("orchard", "runs", "plan"), ("orchard", "local")]


def imports_of(code: str, folder: Path) -> Iterator[tuple[str, ...]]:
    (folder / "some.py").write_text(code, encoding="utf-8")
    return imports(folder / "some.py")


def kinds_asked(path: Path) -> list[str]:
    """Where a file asks what a run works on: by an implementation that it imports, or by the name of a kind."""
    file = path.relative_to(ROOT)
    taken = [f"{file} imports {'.'.join(one)}" for one in imports(path) if KIND.match(".".join(one))]
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    words = [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in COMPUTES
    ]
    return [*taken, *(f"{file} says {word}" for word in words)]


def test_nobody_but_compute_and_the_local_cloud_asks_what_a_run_works_on() -> None:
    every = {path for folder in ("orchard", "functions", "spark_jobs") for path in (ROOT / folder).glob("**/*.py")}
    own = {path for folder in ("compute", "local") for path in (ROOT / "orchard" / folder).glob("**/*.py")}
    assert [told for path in sorted(every - own) for told in kinds_asked(path)] == []
    registry = ROOT / "orchard" / "compute" / "registry.py"
    assert len(kinds_asked(registry)) == len(COMPUTES), "and a file that does is noticed"


def test_no_test_imports_from_a_test() -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {'.'.join(module)}"
        for path in sorted((ROOT / "tests").glob("**/*.py"))
        for module in imports(path)
        if module[0] == "tests" and any(part.startswith("test_") for part in module)
    ]
    assert found == []


def test_every_decision_has_a_number_of_its_own_a_date_and_a_line_in_the_index() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    decisions = sorted(folder.glob("0*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        title, _, status = path.read_text(encoding="utf-8").splitlines()[:3]
        number, _, told = title.removeprefix("# ").partition(". ")
        known = re.fullmatch(r"(Accepted|Replaced by \[\d+\]\([\w.-]+\)), (\d{4}-\d\d-\d\d)\.", status)
        assert known, path.name
        assert int(number) == int(path.name[:4])
        assert f"| {number} | [{told}]({path.name}) | {known[1][0].lower()}{known[1][1:]}, {known[2]} |" in index
