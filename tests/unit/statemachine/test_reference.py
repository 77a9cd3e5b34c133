"""The expressions of the state machine mean the same to the reference implementation of JSONata.

What evaluates them here (jsonata-python) is not what evaluates them at AWS, which promises JSONata 2.0.6. So each is
evaluated by that version too, on the data of every scenario.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchard import cache
from orchard.local.moto.jsonata import QueryError
from tests.support.asl.answers import GIVEN, answers
from tests.support.asl.query import Evaluator, expressions
from tests.support.asl.scenarios import SCENARIOS
from tests.support.asl.walk import walk
from tests.support.stack.template import ROOT, rendered
from tests.support.waiting import PATIENCE

SCRIPT = ROOT / "tests" / "support" / "asl" / "jsonata_reference.js"
PINNED = json.loads((ROOT / "requirements" / "npm.json").read_text())
"""Packages of npm with their versions, and with the hash of what npm gives, which checks it (`npm ci`)."""


@pytest.fixture(scope="module")
def node() -> Path:
    """The folder in which Node finds the pinned packages: fetched once, and kept apart from this project."""
    if shutil.which("npm") is None:
        pytest.skip("there is no Node here")
    [(name, pin)] = PINNED.items()
    folder = cache.cache_dir() / "npm" / f"{name}-{pin['version']}"
    if not (folder / "node_modules" / name / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        wanted = {"dependencies": {name: pin["version"]}}
        (folder / "package.json").write_text(json.dumps({"private": True, **wanted}))
        locked = {"lockfileVersion": 3, "packages": {"": wanted, f"node_modules/{name}": pin}}
        (folder / "package-lock.json").write_text(json.dumps(locked))
        fetch = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        fetched = subprocess.run(fetch, cwd=folder, check=False, timeout=PATIENCE)
        if fetched.returncode and "CI" not in os.environ:
            pytest.skip("npm cannot fetch the reference evaluator here")
        fetched.check_returncode()
    return folder / "node_modules"


def test_every_expression_has_the_same_value_in_every_scenario(node: Path) -> None:
    evaluator = Evaluator(most=1_000_000)
    for scenario in SCENARIOS:
        walk(rendered(), answers(**scenario.given), GIVEN, evaluator)
    asked = [text for text, _ in evaluator.asked]
    assert set(asked) == set(expressions(rendered())), "every expression is evaluated in a scenario"

    found = reference(
        node,
        [{"text": text, "known": evaluator.asked[key][0]} for text, key in zip(asked, evaluator.asked, strict=True)],
    )

    values = [value for _, value in evaluator.asked.values()]
    ours = [{} if isinstance(value, QueryError) else {"value": value.json} for value in values]
    assert len(found) == len(ours) > 500
    assert [(text, a, b) for text, a, b in zip(asked, found, ours, strict=True) if a != b] == []


def test_what_is_wrong_is_wrong_to_both(node: Path) -> None:
    [number, syntax, nothing, null] = reference(
        node, [{"text": text, "known": {}} for text in ("1 + 'a'", "1 +", "$x.y", "null")]
    )
    assert number["error"]
    assert syntax["error"]
    assert nothing == {}
    assert null == {"value": None}


def reference(node: Path, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Node answers."""
    done = subprocess.run(
        ["node", SCRIPT],
        input=json.dumps(asked).encode(),
        env={**os.environ, "NODE_PATH": str(node)},
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    answers_: list[dict[str, Any]] = json.loads(done.stdout)
    return answers_
