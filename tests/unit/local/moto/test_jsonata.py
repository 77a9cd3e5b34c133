"""Expressions in JSONata have the values that Step Functions gives them, in the interpreter of the local cloud too."""

import json
from typing import Any

import pytest

from orchard.local.moto.jsonata import QueryError, evaluate
from tests.support.asl.run import run


def interpreted(given: Any, **states: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """The variables at the end of an execution of these states, each of which leads to the next."""
    names = [*states, "End"]
    states = {name: {**state, "Next": after} for (name, state), after in zip(states.items(), names[1:], strict=True)}
    definition = {"QueryLanguage": "JSONata", "StartAt": names[0], "States": {**states, "End": {"Type": "Succeed"}}}
    return run(json.dumps(definition), {}, given).variables


def test_what_is_absent_is_not_what_is_null() -> None:
    known = {"run": {"nothing": None}}
    assert evaluate("$run.nothing", known) is None
    assert evaluate("[$exists($run.nothing), $exists($run.absent)]", known) == [True, False]
    with pytest.raises(QueryError, match=r"'\$run.absent' returned nothing"):
        evaluate("$run.absent", known)
    with pytest.raises(QueryError, match="returned nothing"):
        evaluate("$unknown", known)


@pytest.mark.parametrize("wrong", ["1 + 'a'", "$run +", "$nosuch()"])
def test_a_wrong_expression_is_an_error_of_the_execution(wrong: str) -> None:
    with pytest.raises(QueryError):
        evaluate(wrong, {"run": 1})


def test_a_value_shares_nothing_with_the_variables() -> None:
    known = {"run": {"steps": [{"Name": "unzip"}]}}
    evaluate("$run", known)["steps"].append("another")
    assert known == {"run": {"steps": [{"Name": "unzip"}]}}


def test_step_functions_own_hash() -> None:
    assert evaluate("$hash('fruits', 'SHA-1')", {}) == "1910e93064bf1ebffb72e5ba67678a2acff098e6"


def test_texts_keep_their_quotation_marks() -> None:
    said = 'the "primary" node\\n'
    known = interpreted(
        {"said": said},
        First={"Type": "Pass", "Assign": {"said": "{% $states.input.said %}"}},
        Second={"Type": "Pass", "Assign": {"again": "{% $said & '!' %}"}},
    )
    assert known == {"said": said, "again": f"{said}!"}


@pytest.mark.parametrize(("number", "assigned"), [(1, "the rule's"), (2, "the default's")])
def test_a_choice_assigns_what_its_rule_says_or_what_its_default_says(number: int, assigned: str) -> None:
    rule = {"Condition": "{% $states.input.number = 1 %}", "Assign": {"by": "the rule's"}, "Next": "End"}
    choice = {"Type": "Choice", "Choices": [rule], "Default": "End", "Assign": {"by": "the default's"}}
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Choose",
        "States": {"Choose": choice, "End": {"Type": "Succeed"}},
    }
    assert run(json.dumps(definition), {}, {"number": number}).variables == {"by": assigned}


def test_an_expression_of_nothing_fails_the_execution() -> None:
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "First",
        "States": {"First": {"Type": "Pass", "Assign": {"x": "{% $states.input.absent %}"}, "End": True}},
    }
    done = run(json.dumps(definition), {}, {})
    assert (done.status, done.error) == ("FAILED", "States.QueryEvaluationError")
    assert "'$states.input.absent' returned nothing" in done.cause
