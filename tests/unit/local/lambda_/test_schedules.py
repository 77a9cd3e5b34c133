"""Rules with a schedule call their functions when they are due, and heed no event."""

import json
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws
from moto.awslambda import utils
from moto.events.models import events_backends

from orchard.local.lambda_.functions import Functions
from orchard.local.lambda_.schedules import Clock, seconds_of

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:sweep"


class Calls:
    """In the place of what runs functions: who is called, and with what."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def invoke_later(self, function: object, event: bytes) -> None:
        assert function == FUNCTION
        self.events.append(json.loads(event))


@mock_aws
def test_a_rule_is_due_after_each_of_its_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    class Backend:
        def get_function(self, arn: str) -> str:
            return arn

    monkeypatch.setattr(utils, "get_backend", lambda account, region: Backend())
    events = boto3.client("events", region_name="eu-west-1")
    events.put_rule(Name="sweep", ScheduleExpression="rate(15 minutes)")
    events.put_targets(Rule="sweep", Targets=[{"Id": "1", "Arn": FUNCTION}])
    calls, minutes = Calls(), 0.0
    clock = Clock(cast("Functions", calls), lambda: minutes * 60)
    due = []
    for minutes in (0.0, 1.0, 14.9, 15.0, 15.1, 29.9, 30.0, 90.0):
        if minutes == 90.0:
            events.disable_rule(Name="sweep")
        rules = list(events_backends["123456789012"]["eu-west-1"].event_buses["default"].rules.values())
        before = len(calls.events)
        clock.look(rules)
        due += [minutes] * (len(calls.events) - before)
    assert due == [15.0, 30.0]
    assert calls.events[0]["detail-type"] == "Scheduled Event"
    assert calls.events[0]["resources"] == ["arn:aws:events:eu-west-1:123456789012:rule/sweep"]


def test_rates_are_read_and_nothing_else() -> None:
    rates = ("rate(1 minute)", "rate(15 minutes)", "rate(2 hours)", "rate(1 day)")
    assert [seconds_of(rate) for rate in rates] == [60, 900, 7200, 86_400]
    with pytest.raises(ValueError, match="no schedule cron"):
        seconds_of("cron(0 20 * * ? *)")
