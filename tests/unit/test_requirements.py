"""The lock files: every package pinned, every file of it named by its hash, and made from what was asked for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.paths import ROOT

FOLDER = ROOT / "requirements"
PROJECT = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED = sorted(FOLDER.glob("*.txt"))
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)(?P<hashes>( --hash=sha256:[0-9a-f]{64})+)")


def pins(file: Path) -> list[str]:
    """A lock file's lines, those that go on joined, comments left out."""
    joined = file.read_text().replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [re.sub(r"\s+", " ", line) for line in lines if line]


def wanted(file: Path) -> list[Requirement]:
    """What is asked for, `-r` followed."""
    found: list[Requirement] = []
    for line in file.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            found += wanted(FOLDER / text.removeprefix("-r "))
        elif text and not text.startswith("-c "):
            found.append(Requirement(text))
    return found


def declared() -> dict[str, Requirement]:
    """What pyproject.toml asks for, with every extra, by the package's name."""
    lines = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    return {canonicalize_name(one.name): one for one in map(Requirement, lines) if one.name != PROJECT["name"]}


def test_there_is_a_lock_file_for_each_environment() -> None:
    compiled = re.findall(r"^pin \S+ \S+ (\S+)", (FOLDER / "compile").read_text(), flags=re.MULTILINE)
    assert {file.stem for file in LOCKED} == set(compiled)


@pytest.mark.parametrize("file", LOCKED, ids=lambda file: file.stem)
def test_every_package_is_pinned_with_its_hashes(file: Path) -> None:
    assert pins(file)
    assert [line for line in pins(file) if not PIN.fullmatch(line)] == []


@pytest.mark.parametrize("file", [*LOCKED, *FOLDER.glob("*.in"), FOLDER / "compile"], ids=lambda file: file.name)
def test_no_file_says_where_packages_come_from(file: Path) -> None:
    text = file.read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)\b", text, re.MULTILINE)


@pytest.mark.parametrize("file", LOCKED, ids=lambda file: file.stem)
def test_a_lock_file_has_what_was_asked_for(file: Path) -> None:
    found = {match["name"]: Version(match["version"]) for match in map(PIN.fullmatch, pins(file)) if match}
    for one in [*wanted(file.with_suffix(".in")), *(declared().values() if file.stem == "dev" else ())]:
        assert canonicalize_name(one.name) in found, f"requirements/compile was not run after adding {one.name}"
        assert found[canonicalize_name(one.name)] in one.specifier


@pytest.mark.parametrize("file", ["node-onnxruntime.in", "node-tensorflow.in", "lambda.in"])
def test_what_nodes_and_functions_have_is_what_the_package_asks_for(file: str) -> None:
    asked = wanted(FOLDER / file)
    assert {str(one) for one in asked} - {str(one) for one in declared().values()} == set()


def test_a_node_has_all_that_the_jobs_need() -> None:
    spark = {Requirement(line).name for line in PROJECT["optional-dependencies"]["spark"]} - {"pyspark"}
    assert spark <= {one.name for one in wanted(FOLDER / "node-onnxruntime.in")}, "its Spark is the release's own"


@pytest.mark.parametrize(
    "file", ["Makefile", "bootstrap/install.sh", "functions/package.py", "orchard/release/wheelhouse.py"]
)
def test_whatever_installs_a_lock_file_asks_for_its_hashes(file: str) -> None:
    text = (FOLDER.parent / file).read_text()
    assert len(re.findall(r"--requirement\b", text)) == text.count("--require-hashes") > 0
