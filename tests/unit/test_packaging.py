"""What pyproject.toml says of the package, beside what the package is."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import orchard
from orchard import cache, errors
from orchard.errors import EnvironmentNotReadyError
from tests.support.paths import ROOT

FILE: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = FILE["project"]["optional-dependencies"]


def named(lines: list[str]) -> set[str]:
    """The packages of requirements, the extras among them followed."""
    found = set()
    for one in map(Requirement, lines):
        own = [line for extra in one.extras for line in EXTRAS[extra]] if one.name == "orchard" else None
        found |= named(own) if own is not None else {canonicalize_name(one.name)}
    return found


def packages(module: str) -> set[str]:
    return {canonicalize_name(one) for one in packages_distributions().get(module, [])}


def imported(file: Path) -> set[str]:
    """The modules of others that a file imports, at once or later, but not for its types alone."""

    def walk(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                yield child.module or ""
            yield from walk(child)

    top = {name.partition(".")[0] for name in walk(ast.parse(file.read_text(encoding="utf-8")))}
    return top - sys.stdlib_module_names - {"orchard"}


@pytest.mark.parametrize("extra", errors.EXTRAS)
def test_an_extra_is_looked_for_by_the_modules_that_it_brings(extra: str) -> None:
    looked_for = [packages(module) for module in errors.EXTRAS[extra]]
    asked = named(EXTRAS[extra])
    assert [one for one in looked_for if not one & asked] == []
    assert asked - {"pip"} <= set().union(*looked_for)
    assert errors.missing(extra) == [], "a clone has them all"


def test_all_that_is_imported_is_asked_for() -> None:
    asked = named(FILE["project"]["dependencies"]) | named(EXTRAS["local"])
    brought = {"flask", "werkzeug", "py4j"}  # by moto's server and by Spark
    unasked = {
        (str(file.relative_to(ROOT)), module)
        for file in (ROOT / "orchard").rglob("*.py")
        for module in imported(file) - brought
        if not packages(module) & asked
    }
    assert unasked == set()


def test_the_version_has_one_source() -> None:
    assert "version" not in FILE["project"]
    source = ROOT / FILE["tool"]["hatch"]["version"]["path"]
    assert f'__version__ = "{orchard.__version__}"' in source.read_text(encoding="utf-8")
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert not re.search(rf'"{re.escape(orchard.__version__)}"', text)


def test_it_says_that_it_has_types() -> None:
    assert (cache.package_dir() / "py.typed").exists()


def test_in_a_clone_the_project_is_beside_the_package() -> None:
    assert cache.project_dir() == ROOT


def test_a_package_without_its_project_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cache, "package_dir", lambda: tmp_path / "orchard")
    with pytest.raises(EnvironmentNotReadyError, match="the whole project"):
        cache.project_dir()
    (tmp_path / "orchard" / cache.PACKED).mkdir(parents=True)
    (tmp_path / "orchard" / cache.PACKED / "template.yaml").touch()
    assert cache.project_dir() == tmp_path / "orchard" / cache.PACKED


def test_what_is_missing_of_an_extra_is_said_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("moto", "numpy", "keras", "samcli", "plotly"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(EnvironmentNotReadyError) as refused:
        errors.require_extra("local", "The local cloud")
    assert refused.value.cause == "The local cloud needs moto, samcli, numpy and 2 more"
    assert refused.value.next_command == "pip install 'orchard[local]'"


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("pyspark.sql", "pip install 'orchard[spark]'"),
        ("tensorflow", "pip install 'orchard[export]'"),
        ("moto.core", "pip install 'orchard[local]'"),
    ],
)
def test_an_import_that_fails_names_the_smallest_extra_that_has_it(module: str, command: str) -> None:
    told = errors.explain_import(ImportError("no", name=module))
    assert told is not None
    assert (told.exit_code, told.next_command) == (3, command)


def test_an_import_of_something_else_is_a_defect() -> None:
    assert errors.explain_import(ImportError("no", name="orchard.pear")) is None
