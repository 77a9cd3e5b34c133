"""The scanners that other people wrote: what their answers mean, and that no answer is not a good one."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchard.errors import EnvironmentNotReadyError
from security import scan
from security.audit import audit, known
from security.findings import Finding
from tests.support.stack.template import ROOT

TOPIC = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Display": "misspelt"}}}}
REPORT = {
    "summary": {"passed": 1, "failed": 1, "parsing_errors": 0, "resource_count": 1},
    "results": {"failed_checks": [{"check_id": "CKV_AWS_26", "resource": "AWS::SNS::Topic.Topic"}]},
}


def tool(folder: Path, name: str, *, says: str = "", to_stderr: str = "", code: int = 0) -> Path:
    """A folder with a program that takes any arguments, which it keeps, and answers this."""
    (folder / "stdout").write_text(says)
    (folder / "stderr").write_text(to_stderr)
    program = folder / name
    script = (
        f'echo "$@" > {folder}/arguments; env > {folder}/environment\ncat {folder}/stdout; cat {folder}/stderr >&2\n'
    )
    program.write_text(f"#!/bin/sh\n{script}exit {code}\n")
    program.chmod(0o755)
    return folder


@pytest.mark.slow
def test_cfn_lint_looks_at_resources_and_at_the_rest() -> None:
    found = scan.lint({**TOPIC, "Outputs": {"Nothing": {"Value": {"Ref": "Nobody"}}}})
    assert Finding("E3002", "Topic") in found
    assert [one.subject for one in found if one.subject.startswith("Outputs/Nothing")]


@pytest.mark.slow
def test_the_serverless_rules_are_loaded() -> None:
    queue: dict[str, Any] = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    assert Finding("ES6000", "Queue") in scan.lint(queue)


def test_checkov_names_rules_and_resources(tmp_path: Path) -> None:
    tools = tool(tmp_path, "checkov", says=json.dumps(REPORT), code=1)
    assert scan.checkov(TOPIC, tools) == {Finding("CKV_AWS_26", "Topic")}


def test_checkov_stays_offline_and_gets_none_of_the_users_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BC_API_KEY", "mine")
    scan.checkov(TOPIC, tool(tmp_path, "checkov", says=json.dumps(REPORT)))
    assert "--skip-download" in (tmp_path / "arguments").read_text()
    environment = (tmp_path / "environment").read_text()
    assert "BC_API_KEY" not in environment
    assert "CKV_SKIP_PACKAGE_UPDATE_CHECK=true" in environment


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{}",
        '{"passed": 0, "failed": 0}',
        json.dumps({**REPORT, "summary": {"passed": 5, "parsing_errors": 1, "resource_count": 5}}),
        json.dumps({**REPORT, "summary": {"passed": 0, "parsing_errors": 0, "resource_count": 5}}),
        json.dumps({**REPORT, "summary": {"passed": 5, "parsing_errors": 0, "resource_count": 0}}),
    ],
)
def test_a_checkov_that_looked_at_nothing_is_an_error(tmp_path: Path, said: str) -> None:
    with pytest.raises(RuntimeError, match="checkov ended with 0"):
        scan.checkov(TOPIC, tool(tmp_path, "checkov", says=said, to_stderr="Traceback"))


def test_secrets_are_told_by_file_and_line(tmp_path: Path) -> None:
    found = {"results": {"b.py": [{"type": "Private Key", "line_number": 3}], "a.py": []}}
    tools = tool(tmp_path, "detect-secrets", says=json.dumps(found))
    assert scan.secrets(tmp_path, ["a.py", "b.py"], tools) == ["b.py:3: Private Key"]
    assert (tmp_path / "arguments").read_text().endswith(" a.py b.py\n")


def test_all_kinds_of_keys_and_passwords_are_looked_for(tmp_path: Path) -> None:
    scan.secrets(tmp_path, ["a.py"], tool(tmp_path, "detect-secrets", says='{"results": {}}'))
    asked = (tmp_path / "arguments").read_text()
    assert "--all-files" in asked
    assert "--no-verify" in asked, "nothing that is found is sent anywhere"
    assert "--exclude-files" not in asked


def test_the_files_of_the_project_are_all_but_the_ignored(tmp_path: Path) -> None:
    for name in (".git/config", ".venv/bin/x", "a/__pycache__/b.pyc", "o.egg-info/c", "a/b.py", ".ci/run", "c.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".gitignore").write_text(".venv/\n__pycache__/\n*.egg-info/\n")
    assert scan.project_files(tmp_path) == [".ci/run", ".gitignore", "a/b.py", "c.txt"]
    assert {"template.yaml", ".ci/run", "orchard/aws/sessions.py"} <= set(scan.project_files(ROOT))


def test_what_is_ignored_is_ignored_by_name() -> None:
    patterns = (ROOT / ".gitignore").read_text().splitlines()
    assert not [pattern for pattern in patterns if "/" in pattern.rstrip("/") or pattern.startswith(("!", "#"))]


PACKAGES: list[dict[str, Any]] = [
    {"name": "fine", "version": "1.0", "vulns": []},
    {"name": "old", "version": "1.0", "vulns": [{"id": "CVE-1", "fix_versions": ["1.1", "2.0"]}]},
    {"name": "lost", "version": "1.0", "vulns": [{"id": "CVE-2", "fix_versions": []}]},
]


def test_an_audit_says_what_is_known_and_what_mends_it() -> None:
    assert known({"dependencies": PACKAGES}) == ["lost 1.0: CVE-2, mended in none", "old 1.0: CVE-1, mended in 1.1 2.0"]


@pytest.mark.parametrize("packages", [[], [*PACKAGES, {"name": "unknown", "skip_reason": "not found"}]])
def test_an_audit_that_left_something_out_knows_nothing(packages: list[dict[str, Any]], tmp_path: Path) -> None:
    tools = tool(tmp_path, "pip-audit", says=json.dumps({"dependencies": packages}))
    with pytest.raises(EnvironmentNotReadyError, match="could not be audited") as raised:
        audit(tools, [])
    assert raised.value.exit_code == 3


def test_an_audit_without_an_answer_passes_on_why(tmp_path: Path) -> None:
    tools = tool(tmp_path, "pip-audit", to_stderr="Traceback\nConnectionError: nobody answers\n", code=1)
    with pytest.raises(EnvironmentNotReadyError) as raised:
        audit(tools, [])
    assert raised.value.cause == "ConnectionError: nobody answers"


def test_an_audit_asks_about_every_lock_file_by_its_hashes(tmp_path: Path) -> None:
    tools = tool(tmp_path, "pip-audit", says=json.dumps({"dependencies": PACKAGES}), code=1)
    assert len(audit(tools, [Path("a.txt"), Path("b.txt")])) == 2
    asked = (tmp_path / "arguments").read_text()
    assert "--require-hashes" in asked
    assert "--requirement a.txt --requirement b.txt" in asked
