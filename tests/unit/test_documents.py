"""What the documents tell people to type exists, their links lead somewhere, and the French ones say the same."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from orchard.cli.app import app
from tests.support.documents import DOCUMENTS, NOTEBOOK, blocks, code, prose
from tests.support.paths import ROOT

COMMANDS = typer.main.get_command(app)
ACTS_AT_ONCE = ("--install-completion",)  # and on the shell of whoever runs the tests


def shown(program: str) -> list[Any]:
    """Every line of every document that calls a program, without its comment, as test parameters."""
    found = set()
    for document in DOCUMENTS:
        lines = "\n".join(blocks(document, "(?:bash|console|sh|text)?")).splitlines()
        lines += re.findall(rf"`({program} [^`]+)`", document.read_text(encoding="utf-8"))
        for line in lines:
            for command in re.split(r"&&", line.removeprefix("$ ").split("   #")[0].replace("\\|", "|")):
                if command.strip().startswith(f"{program} "):
                    found.add((document.relative_to(ROOT).as_posix(), command.strip()))
    return [pytest.param(command, id=f"{name}: {command}") for name, command in sorted(found)]


@pytest.mark.parametrize("command", shown("orchard"))
def test_orchard_knows_every_command_and_option_that_is_shown(command: str) -> None:
    """Alternatives (`a|b`) are tried one by one, and what is in brackets both with and without them."""
    for words in alternatives(command):
        if words[0] in ACTS_AT_ONCE:
            assert any(words[0] in parameter.opts for parameter in COMMANDS.params)
            continue
        group, context = COMMANDS, COMMANDS.make_context("orchard", words, resilient_parsing=False)
        while hasattr(group, "resolve_command"):
            name, group, rest = group.resolve_command(context, [*context._protected_args, *context.args])
            assert group is not None, name
            if len(words) == 1 and name == words[0]:
                break  # a command that is only named
            try:
                context = group.make_context(name, rest, parent=context)
            except typer.Exit:
                break  # --help and its kind


def alternatives(command: str) -> list[list[str]]:
    plain = re.sub(r"[\[\]…]", "", command.removeprefix("orchard "))
    bare = re.sub(r"\[[^\]]*\]", "", command.removeprefix("orchard "))
    found = []
    for text in {plain, bare}:
        choices = [word.split("|") if "|" in word else [word] for word in shlex.split(text, comments=True)]
        found += [
            [choice[min(number, len(choice) - 1)] for choice in choices] for number in range(max(map(len, choices)))
        ]
    return found


@pytest.mark.parametrize("command", shown("make"))
def test_make_knows_every_target_that_is_shown(command: str) -> None:
    words = [word.replace("…", "x").replace("...", "x") for word in shlex.split(command, comments=True)]
    done = subprocess.run([*words, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_notebook_is_committed_without_its_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


PAGES = [*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs" / "adr").glob("*.md"))]
TESTS = {
    name
    for path in ROOT.glob("tests/**/test_*.py")
    for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
}
TRANSLATED = [path for path in DOCUMENTS if path.name.endswith(".fr.md")]


def links(document: Path) -> list[str]:
    return re.findall(r"\]\(([^)]+)\)", prose(document))


def anchors(document: Path) -> set[str]:
    """The names by which the headings of a document can be linked to, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def drawing(document: Path) -> list[str]:
    """The diagrams of a document without the words in them."""
    words = r"\[+\(?.*?\)?\]+|\(+.*?\)+|(?<=--).*?(?=-->)|(?<=-\.).*?(?=\.->)"
    return [re.sub(words, "", block) for block in blocks(document, "mermaid")]


def said_in_any_language(document: Path) -> dict[str, list[Any]]:
    """What a translation keeps: the levels of headings, commands without comments, code, links and drawings."""
    return {
        "headings": [len(marks) for marks in re.findall(r"^(#+) ", prose(document), re.MULTILINE)],
        "commands": [re.sub(r" +#.*", "", line) for line in "".join(blocks(document, "")).splitlines()],
        "code": sorted(code(document)),
        "links": [link.replace(".fr.md", ".md") for link in links(document)],
        "drawings": drawing(document),
    }


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    for link in links(document):
        path, _, heading = link.partition("#")
        if "://" not in link:
            target = document.parent / path if path else document
            assert target.exists(), link
            assert not heading or heading in anchors(target), link


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_every_file_and_every_test_that_is_named_exists(document: Path) -> None:
    named = [one.strip("`") for one in code(document)]
    folders = "benchmarks|bootstrap|docs|events|functions|orchard|requirements|security|spark_jobs|statemachine|tests"
    paths = [one for one in named if re.fullmatch(rf"(?:{folders})/(?!_project)[\w./*-]+", one)]  # a wheel's own
    assert [one for one in paths if not any(ROOT.glob(one.rstrip("/")))] == []
    tests = [one for one in named if re.fullmatch(r"test_\w+", one)]
    assert [one for one in tests if one not in TESTS] == []


@pytest.mark.parametrize("french", TRANSLATED, ids=lambda path: path.name)
def test_a_french_document_says_what_the_english_one_does(french: Path) -> None:
    english = french.with_name(french.name.replace(".fr.md", ".md"))
    assert said_in_any_language(french) == said_in_any_language(english)


@pytest.mark.parametrize("french", TRANSLATED, ids=lambda path: path.name)
def test_french_has_a_space_that_does_not_break_beside_its_marks(french: Path) -> None:
    lines = re.sub(r"!\[|\]\([^)]*\)|English:", "", prose(french))
    assert re.findall(r".{0,20}(?:(?<![\u00a0\u202f])[:;?!»]|«(?!\u00a0)).{0,20}", lines) == []
