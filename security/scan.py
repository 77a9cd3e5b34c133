"""Scan the template and the files of this project: `python -m security.scan .venv-scan/bin`, as `make check` does.

Everything runs offline, on the template as AWS will see it: translated, with the state machine's definition in it.
"""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchard.local.moto.translate import translate
from security import rules
from security.findings import ACCEPTED, Finding, accepted, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
REGION = "eu-west-1"

NOT_OURS = ("I4010",)
"""cfn-lint's wish for a description of the architecture for language models."""

NOISY = ("HexHighEntropyString", "Base64HighEntropyString")
"""detect-secrets' plugins for long random text, which here are hashes, ETags, and addresses in logs."""

STAND_INS = "^(local|test|a b|of the input|users-own)$"
"""What the local cloud and tests write where a secret key belongs."""

NO_SECRETS = r"\bServiceToken\b"
"""Lines with what CloudFormation calls a token and is a function's address."""


def lint(template: Mapping[str, Any]) -> set[Finding]:
    """What cfn-lint says, its informational and the serverless rules included."""
    from cfnlint.api import ManualArgs
    from cfnlint.api import lint as lint_text

    config = ManualArgs(
        append_rules=["cfn_lint_serverless.rules"], include_checks=["I"], ignore_checks=[*NOT_OURS], regions=[REGION]
    )
    matches = lint_text(json.dumps(template), config=config)
    return {Finding(match.rule.id, _subject(match.path)) for match in matches}


def _subject(path: Any) -> str:  # noqa: ANN401 (cfn-lint's paths are lists of strings and numbers)
    return str(path[1]) if path and path[0] == "Resources" else "/".join(map(str, path or ["template"]))


def checkov(template: Mapping[str, Any], tools: Path) -> set[Finding]:
    """What checkov's rules for CloudFormation say.

    Args:
        template: The translated template.
        tools: The folder with `checkov`.

    Raises:
        RuntimeError: checkov could not read the template, or not run.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "template.json"
        file.write_text(json.dumps(template), encoding="utf-8")
        command = [str(tools / "checkov"), "--framework", "cloudformation", "--file", str(file), "--output", "json"]
        command += ["--quiet", "--compact", "--skip-download"]
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "CKV_SKIP_PACKAGE_UPDATE_CHECK": "true"}
        done = subprocess.run(
            command, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    try:
        return failed_checks(json.loads(done.stdout))
    except (ValueError, LookupError) as error:
        raise RuntimeError(
            f"checkov ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-2000:]}"
        ) from error


def failed_checks(report: Mapping[str, Any]) -> set[Finding]:
    """Read checkov's report.

    Raises:
        ValueError: It has looked at nothing, or could not read something.
        LookupError: It is no report.
    """
    summary = report["summary"]
    if summary["parsing_errors"] or not summary["passed"] or not summary["resource_count"]:
        raise ValueError(f"nothing was looked at: {summary}")
    return {
        Finding(check["check_id"], check["resource"].rpartition(".")[2]) for check in report["results"]["failed_checks"]
    }


def secrets(root: Path, files: list[str], tools: Path) -> list[str]:
    """Look for keys, tokens and passwords.

    Args:
        root: A folder.
        files: Which of its files to look at.
        tools: The folder with `detect-secrets`, which checkov brings along.

    Returns:
        `file:line: what it looks like`; none if there is nothing.
    """
    command = [str(tools / "detect-secrets"), "scan", "--no-verify", "--all-files", "--exclude-secrets", STAND_INS]
    command += ["--exclude-lines", NO_SECRETS]
    command += [part for plugin in NOISY for part in ("--disable-plugin", plugin)]
    done = subprocess.run(
        [*command, *files], cwd=root, capture_output=True, encoding="utf-8", errors="replace", check=True
    )
    return sorted(
        f"{name}:{one['line_number']}: {one['type']}"
        for name, found in json.loads(done.stdout)["results"].items()
        for one in found
    )


def project_files(root: Path) -> list[str]:
    """What is committed or could be: every file but those that `.gitignore` names.

    Args:
        root: The project's folder, whose `.gitignore` has names only, no paths.
    """
    ignored = [".git", *((root / ".gitignore").read_text(encoding="utf-8").replace("/\n", "\n").split())]
    found: list[str] = []
    for folder, folders, names in os.walk(root):
        folders[:], files = ([name for name in kind if not _matches(name, ignored)] for kind in (folders, names))
        found += [(Path(folder) / name).relative_to(root).as_posix() for name in files]
    return sorted(found)


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def main(tools: Path) -> int:
    """Scan everything and print what is wrong; 1 if anything is."""
    template = translate(ROOT / "template.yaml", REGION)
    fine = accepted(ACCEPTED.read_text(encoding="utf-8"))
    wrong = {
        "cfn-lint and serverless rules": judge(lint(template), fine, of=("E", "W", "I")),
        "checkov": judge(checkov(template, tools), fine, of=("CKV",)),
        "AwsSolutions": judge(rules.findings(template), fine, of=("AwsSolutions-",)),
        "secrets": secrets(ROOT, project_files(ROOT), tools),
    }
    for scanner, lines in wrong.items():
        print(f"{scanner}: {'; '.join(lines) or 'nothing'}")
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
