"""Whatever there is to be said is said on any terminal, and nothing of unknown origin speaks to it."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table

from orchard.cli.app import app
from orchard.cli.output import (
    busy,
    facts_table,
    progress_console,
    results_console,
    show_error,
    show_table,
    spinner,
    write_anything,
)
from orchard.errors import OrchardError
from tests.support.pictures.drawn import fruit_members, write_zip

COMMANDS = [str(command.name) for command in app.registered_commands]
ASCII = {"PYTHONIOENCODING": "ascii"}
C = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ENCODINGS = [ASCII, {"PYTHONIOENCODING": "cp1252"}, C]


def typed(*words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    main = "import sys; from orchard.cli import main; sys.argv[0] = 'orchard'; main()"
    command = [sys.executable, "-c", main, *words]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ, **environment})


@pytest.mark.parametrize("environment", ENCODINGS, ids=str)
def test_a_plan_is_told_in_any_encoding(tmp_path: Path, environment: dict[str, str]) -> None:
    members = fruit_members(training=2, test=1) | {"fruits/Training/Pêche 🍑/\x1b[2Jx.jpg": b""}
    archive = write_zip(tmp_path / "früits 🍐.zip", members)
    done = typed("plan", str(archive), "--max-rejected", "100%", **environment)
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout
    assert b"its name holds a control character" in b" ".join(done.stdout.split())


@pytest.mark.parametrize("environment", ENCODINGS, ids=str)
def test_a_refusal_is_told_in_any_encoding(tmp_path: Path, environment: dict[str, str]) -> None:
    archive = tmp_path / "früits 🍐→…\x1b]0;x\x07.zip"
    archive.write_bytes(b"no zip")
    done = typed("plan", str(archive), **environment)
    assert done.returncode == 2
    assert done.stderr.startswith(b"Error: fr")
    assert rb"\x1b]0;x\x07.zip is not a zip" in done.stderr
    assert f"Next: file $'{tmp_path}/fr".encode() in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [*COMMANDS, "local", ""])
def test_every_command_explains_itself_in_ascii(command: str) -> None:
    done = typed(*([command] if command else []), "--help", **ASCII)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()


def ascii_stream(monkeypatch: pytest.MonkeyPatch, name: str) -> io.BytesIO:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, name, io.TextIOWrapper(buffer, encoding="ascii", write_through=True))
    write_anything()
    return buffer


def test_what_has_a_spelling_in_ascii_is_spelt_so_and_anything_else_by_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = ascii_stream(monkeypatch, "stderr")
    with busy(progress_console(), "preparing"):
        pass
    show_error(OrchardError("Pêche → 🍑 is gone", "half \ud83c of it"))
    assert said.getvalue() == (b"preparing ...\nError: P\\xeache -> \\U0001f351 is gone\n  half \\ud83c of it\n")


def test_a_table_in_a_pipe_has_no_blanks_at_the_end_of_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    long = "word " * 60 + "\x1b[2J"
    show_table(facts_table([("Name", "a\u202e"), ("Long", long), ("", "c")]), results_console())
    assert capsys.readouterr().out == f"Name  a\\u202e\nLong  {long.encode('unicode_escape').decode()}\n      c\n"


def test_a_table_says_nothing_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ascii_stream(monkeypatch, "stdout")
    table = Table()
    table.add_column("Name")
    table.add_row("a\x1b[31mb\x9b2J\x07\u202e")
    results_console().print(table)
    assert b"a\\x1b[31mb\\x9b2J\\x07\\u202e" in said.getvalue()


def test_a_terminal_gets_a_spinner_that_its_encoding_has(monkeypatch: pytest.MonkeyPatch) -> None:
    ascii_stream(monkeypatch, "stderr")
    assert spinner(progress_console()) == "line"


def test_whoever_reads_no_further_is_told_nothing_more(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "fruits.zip", fruit_members(training=2, test=1))
    reading, writing = os.pipe()
    os.close(reading)
    main = "from orchard.cli import main; main()"
    command = [sys.executable, "-c", main, "plan", str(archive), "--json"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
