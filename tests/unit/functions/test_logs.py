"""What functions and jobs write down: run ids, counts and causes; no whole events, no keys, no signed addresses."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

HANDLERS = sorted((ROOT / "functions").glob("*/app.py"))
ON_NODES = [*(ROOT / "spark_jobs").glob("*.py"), *(ROOT / "orchard" / "jobs").glob("*.py")]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "append_keys", "append_context_keys"}
SAID = {
    "await_turn": {"run_id", "ahead", "seconds", "exc_info"},
    "describe_run": {"run_id", "subject", "cause"},
    "inspect_archive": {"run_id", "counts", "size", "cause"},
    "publish_artefacts": {"compute", "left", "key", "versions"},
    "start_pipeline": {"run_id", "bucket", "key"},
    "stop_orphans": {"run_id", "clusters", "status"},
}
"""The fields that each function's log may have beside Lambda's own."""

WHOLE = {"event", "record", "context", "state", "environ", "response", "execution", "detail", "head", "metadata"}
"""Variables that hold more than what a log is for: user metadata, headers, credentials."""


def calls(tree: ast.AST, names: set[str]) -> Iterator[ast.Call]:
    """The calls of the logger's methods of these names."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="logger"), attr=name)) if name in names:
                yield node


def said(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """The fields that a call of the logger adds, with their values."""
    for keyword in call.keywords:
        if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict):
            for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
                yield str(getattr(key, "value", "?")), value
        else:
            yield str(keyword.arg), keyword.value


@pytest.mark.parametrize("file", HANDLERS, ids=lambda file: file.parent.name)
def test_a_log_has_the_fields_that_were_thought_of(file: Path) -> None:
    logged = [field for call in calls(ast.parse(file.read_text()), LEVELS) for field in said(call)]
    assert {name for name, _ in logged} == SAID[file.parent.name]
    assert not [name for name, value in logged if isinstance(value, ast.Name) and value.id in WHOLE]


@pytest.mark.parametrize("file", HANDLERS, ids=lambda file: file.parent.name)
def test_messages_are_sentences_without_values(file: Path) -> None:
    for call in calls(ast.parse(file.read_text()), LEVELS - {"append_keys", "append_context_keys"}):
        assert [type(argument) for argument in call.args] == [ast.Constant], ast.unparse(call)


@pytest.mark.parametrize("file", HANDLERS, ids=lambda file: file.parent.name)
def test_events_are_not_logged_as_a_whole(file: Path) -> None:
    text = file.read_text()
    assert "log_event" not in text
    assert "print(" not in text


@pytest.mark.parametrize("file", ON_NODES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_jobs_print_no_environment_and_no_arguments(file: Path) -> None:
    printed = [node for node in ast.walk(ast.parse(file.read_text())) if is_print(node)]
    assert not [call for call in printed if any(word in ast.unparse(call) for word in ("environ", "argv", "conf."))]


def is_print(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"


def test_nobody_signs_addresses() -> None:
    """A signed address is a key for whoever reads the mail or the log."""
    sources = [path for folder in ("orchard", "functions", "spark_jobs") for path in (ROOT / folder).rglob("*.py")]
    assert not [path for path in sources if "generate_presigned" in path.read_text()]
