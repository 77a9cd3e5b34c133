"""The budget: made where CloudFormation can and somebody hears of it, of what carries the project's tag."""

import tomllib
from typing import Any

import pytest

from orchard.local.moto.translate import load
from tests.support.stack.template import ROOT, cloudformation, execution_plan, findings, properties, sam, types_of

BUDGET = load(ROOT / "budget.yaml")


def holds(condition: dict[str, list[Any]], given: dict[str, str]) -> bool:
    """Whether a condition of the template holds."""
    [(kind, of)] = condition.items()
    if kind == "Fn::Not":
        return not holds(of[0], given)
    left, right = (given[one["Ref"]] if isinstance(one, dict) else one for one in of)
    return bool({"Fn::Equals": left == right, "Fn::Contains": right in left}[kind])


@pytest.mark.parametrize(
    ("budget", "mail", "region", "deploys", "made"),
    [
        ("0", "", "eu-west-1", True, False),
        ("0", "a@b.eu", "eu-north-1", True, False),
        ("20", "a@b.eu", "eu-west-1", True, True),
        ("20", "a@b.eu", "eu-north-1", False, True),
        ("20", "", "eu-west-1", False, True),
    ],
)
def test_a_budget_is_made_where_it_can_be_and_somebody_hears_of_it(
    budget: str, mail: str, region: str, deploys: bool, made: bool
) -> None:
    given = {"MonthlyBudget": budget, "NotificationEmail": mail, "AWS::Region": region}
    rule = sam()["Rules"]["ABudgetCanBeMadeAndTellsSomebody"]
    asserted = all(holds(one["Assert"], given) for one in rule["Assertions"])
    assert (asserted or not holds(rule["RuleCondition"], given)) == deploys
    assert holds(sam()["Conditions"][cloudformation()["Resources"]["Budget"]["Condition"]], given) == made


def test_the_regions_with_budgets_are_those_whose_cloudformation_knows_them() -> None:
    _, of_budgets = sam()["Rules"]["ABudgetCanBeMadeAndTellsSomebody"]["Assertions"]
    [ours] = sam()["Rules"]["InTheEuropeanUnion"]["Assertions"]
    knowing = [region for region in ours["Assert"]["Fn::Contains"][0] if "AWS::Budgets::Budget" in types_of(region)]
    assert of_budgets["Assert"]["Fn::Contains"][0] == knowing


@pytest.mark.slow
def test_the_template_of_the_budget_has_no_finding_and_gets_what_it_asks_for() -> None:
    assert findings(BUDGET) == []
    assert sam()["Resources"]["Budget"]["Properties"]["TemplateURL"] == "budget.yaml"
    assert properties("Budget")["Parameters"].keys() == BUDGET["Parameters"].keys()


def test_a_budget_counts_what_carries_the_projects_tag() -> None:
    wanted = BUDGET["Resources"]["Budget"]["Properties"]
    budget = wanted["Budget"]
    [tag] = budget["CostFilters"]["TagKeyValue"]
    key, _, value = tag.removeprefix("user:").partition("$")
    deployed = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]["deploy"]["parameters"]["tags"]
    assert deployed == f'{key}="{value}"'
    assert {"Key": key, "Value": value} in execution_plan()["cluster"]["Tags"]
    assert (budget["BudgetType"], budget["TimeUnit"]) == ("COST", "MONTHLY")
    assert budget["BudgetLimit"] == {"Amount": {"Ref": "MonthlyBudget"}, "Unit": "USD"}
    told = {
        (one["Notification"]["NotificationType"], one["Notification"]["Threshold"]): one["Subscribers"]
        for one in wanted["NotificationsWithSubscribers"]
    }
    mail = [{"SubscriptionType": "EMAIL", "Address": {"Ref": "NotificationEmail"}}]
    assert told == {("ACTUAL", 80): mail, ("FORECASTED", 100): mail}
