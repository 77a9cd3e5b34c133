"""What watches the stack: every metric that is looked at exists, every alarm reaches somebody."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from security.permissions import as_text
from tests.support.stack.template import ROOT, cloudformation, properties, resources, sam

Metric = tuple[str, str, tuple[tuple[str, str], ...]]
"""Namespace, name, and dimensions: name and value."""

ALARMS = resources("AWS::CloudWatch::Alarm")
FUNCTIONS = {
    name: folder
    for name, resource in sam()["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
    and "Metrics("
    in (ROOT / "functions" / (folder := Path(resource["Properties"]["CodeUri"]).name) / "app.py").read_text()
}
"""The folder of each function that counts something: those that work on runs."""

EXECUTIONS = ("Started", "Succeeded", "Failed", "TimedOut", "Aborted")
OF_AWS = {
    ("AWS/States", "StateMachineArn", "${Pipeline}"): {"ExecutionTime", *(f"Executions{how}" for how in EXECUTIONS)},
    ("AWS/SQS", "QueueName", "${UndeliveredEvents.QueueName}"): {"ApproximateNumberOfMessagesVisible"},
    **{("AWS/Lambda", "FunctionName", f"${{{name}}}"): {"Errors", "Duration", "Throttles"} for name in FUNCTIONS},
}
"""What AWS counts of what we look at (developer guides, CloudWatch metrics of each service)."""


def board() -> list[dict[str, Any]]:
    """The widgets of the dashboard."""
    found: list[dict[str, Any]] = json.loads(properties("Dashboard")["DashboardBody"]["Fn::Sub"])["widgets"]
    return found


def written_out(rows: list[list[Any]]) -> Iterator[list[str]]:
    """The metrics of a widget with what `.` and `...` repeat of the one before (dashboard body structure)."""
    before: list[str] = []
    for row in rows:
        named = [part for part in row if isinstance(part, str)]
        if named[:1] == ["..."]:
            named = before[: len(before) - len(named) + 1] + named[1:]
        before = [before[place] if part == "." else part for place, part in enumerate(named)]
        yield before


def of_board() -> set[Metric]:
    rows = [row for widget in board() for row in written_out(widget["properties"].get("metrics", []))]
    return {(row[0], row[1], tuple(sorted(zip(row[2::2], row[3::2], strict=True)))) for row in rows if row}


def of_alarm(name: str) -> Metric:
    wanted = ALARMS[name]["Properties"]
    dimensions = tuple(sorted((one["Name"], as_text(one["Value"])) for one in wanted["Dimensions"]))
    return wanted["Namespace"], wanted["MetricName"], dimensions


def words_of(function: str) -> set[str]:
    """Every text in a function's code: metrics are named by some of them."""
    tree = ast.parse((ROOT / "functions" / function / "app.py").read_text())
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.parametrize("metric", sorted(of_board() | {of_alarm(name) for name in ALARMS}), ids=lambda m: m[1])
def test_somebody_counts_what_is_looked_at(metric: Metric) -> None:
    namespace, name, dimensions = metric
    if namespace == "Orchard":
        service = dict(dimensions)["service"]
        [function] = [logical_id for logical_id, folder in FUNCTIONS.items() if folder == service]
        assert dimensions == (("FunctionName", f"${{{function}}}"), ("service", service))
        assert name in words_of(service)
    else:
        [(dimension, value)] = dimensions
        assert name in OF_AWS[namespace, dimension, value]


def test_the_board_shows_runs_functions_and_whatever_there_is_an_alarm_for() -> None:
    seen = {(namespace, name, dict(dimensions).get("FunctionName")) for namespace, name, dimensions in of_board()}
    assert {("AWS/States", f"Executions{how}", None) for how in EXECUTIONS} <= seen
    for function in FUNCTIONS:
        counted = {("AWS/Lambda", name, f"${{{function}}}") for name in ("Errors", "Duration", "Throttles")}
        assert counted <= seen
    assert {of_alarm(name) for name in ALARMS} <= of_board()
    [states] = [widget["properties"]["alarms"] for widget in board() if widget["type"] == "alarm"]
    assert states == [f"${{{name}.Arn}}" for name in ALARMS]


def test_the_board_refers_to_what_there_is() -> None:
    names = set(re.findall(r"\$\{([^}.]+)", properties("Dashboard")["DashboardBody"]["Fn::Sub"]))
    assert names - {"AWS::Region"} <= cloudformation()["Resources"].keys()
    assert {widget["properties"]["region"] for widget in board() if widget["type"] == "metric"} == {"${AWS::Region}"}


def test_no_widget_hides_another_and_rows_are_full() -> None:
    cells = [
        (widget["x"] + across, widget["y"] + down)
        for widget in board()
        for across in range(widget["width"])
        for down in range(widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert set(cells) == {(across, down) for across in range(24) for down in range(max(y for _, y in cells) + 1)}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_at_once_and_is_quiet_without_data(name: str) -> None:
    alarm = ALARMS[name]["Properties"]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert (alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (1, "notBreaching")
    assert len(alarm["AlarmDescription"]) <= 1024


def test_every_bad_ending_every_orphan_every_lost_event_and_every_expensive_run_is_told() -> None:
    limits = {
        of_alarm(name)[1]: (alarm["Properties"]["ComparisonOperator"], alarm["Properties"]["Threshold"])
        for name, alarm in ALARMS.items()
    }
    once = ("GreaterThanOrEqualToThreshold", 1)
    ended_badly = {f"Executions{how}": once for how in ("Failed", "TimedOut", "Aborted")}
    assert limits == ended_badly | {
        "OrphansStopped": once,
        "ApproximateNumberOfMessagesVisible": once,
        "RunCost": ("GreaterThanThreshold", {"Ref": "CostAlarm"}),
    }


def test_the_alarms_may_publish_and_nobody_else_and_no_key_is_in_their_way() -> None:
    assert "KmsMasterKeyId" not in properties("AlarmTopic"), "CloudWatch could use a key of ours only"
    allowed, denied = properties("AlarmTopicPolicy")["PolicyDocument"]["Statement"]
    assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish")
    told = allowed["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert {tuple(one["Fn::GetAtt"]) for one in told} == {(name, "Arn") for name in ALARMS}


def test_the_documents_name_every_alarm() -> None:
    pages = (ROOT / "docs" / "operations.md").read_text()
    watch = pages.partition("## Watch")[2].partition("\n## ")[0]
    assert re.findall(r"^ *\| `(\w+)` \|", watch, re.MULTILINE) == list(ALARMS)
