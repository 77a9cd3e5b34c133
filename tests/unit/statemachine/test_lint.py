"""The state machine's file as linters see it: alone, and inside the template that is deployed."""

import re
from pathlib import Path

import pytest
from statelint.cli import main as statelint

from security.findings import ACCEPTED, accepted
from tests.support.stack.template import (
    MACHINE,
    SUBSTITUTIONS,
    cloudformation,
    definition,
    findings,
    machine,
    resources,
)


def test_placeholders_are_text_so_that_the_file_is_json_as_it_is() -> None:
    assert machine()["StartAt"] == "InspectArchive"


def test_every_placeholder_is_substituted_and_every_substitution_used() -> None:
    [pipeline] = resources("AWS::StepFunctions::StateMachine").values()
    placeholders = set(re.findall(r"\$\{(\w+)\}", MACHINE.read_text()))
    assert placeholders == set(pipeline["Properties"]["DefinitionSubstitutions"]) == set(SUBSTITUTIONS)


def test_the_definition_is_good_states_language(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pipeline.asl.json"
    # statelint 3.1 wants a number where AWS takes an expression too (developer guide, "Wait workflow state")
    file.write_text(re.sub(r'"Seconds": "{%.*?%}"', '"Seconds": 1', definition()))
    assert (statelint([str(file)]), capsys.readouterr().out) == (0, "")


@pytest.mark.slow
def test_the_translated_template_with_the_definition_in_it_has_no_finding_but_what_is_accepted() -> None:
    known = {(one.rule, one.subject) for one in accepted(ACCEPTED.read_text(encoding="utf-8"))}
    found = [re.match(r"\[(\w+): .*?in Resource (\w+)", one) or one for one in findings(cloudformation())]
    assert [one for one in found if isinstance(one, str) or one.groups() not in known] == []


def test_the_linter_does_look_into_the_definition() -> None:
    states = machine()
    del states["States"]["Notify"]["Type"]
    role = "arn:aws:iam::123456789012:role/pipeline"
    pipeline = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": role, "Definition": states}}
    assert [found for found in findings({"Resources": {"Pipeline": pipeline}}) if found.startswith("[E3601")]
