import json
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws
from moto.stepfunctions.parser.asl.eval.environment import Environment

from orchard.local.moto.executions import first_endings_hold
from tests.support.cloud.awsfakes import isolate

MACHINE = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}}


def test_an_execution_that_is_stopped_while_a_state_ends_is_aborted(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)
    state_name: property = vars(Environment)["next_state_name"]

    def stopped_meanwhile(self: Environment, name: str) -> None:
        if name == "B":
            self.set_stop(stop_date=datetime.now(UTC), cause="as asked", error=None)
        assert state_name.fset
        state_name.fset(self, name)

    monkeypatch.setattr(Environment, "next_state_name", state_name.setter(stopped_meanwhile))
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}), first_endings_hold():
        states = boto3.client("stepfunctions", "eu-west-1")
        role = "arn:aws:iam::123456789012:role/any"
        arn = states.create_state_machine(name="m", definition=json.dumps(MACHINE), roleArn=role)["stateMachineArn"]
        run = states.start_execution(stateMachineArn=arn, name="run")["executionArn"]
        status = "RUNNING"
        while status == "RUNNING":
            status = states.describe_execution(executionArn=run)["status"]

    assert status == "ABORTED"
