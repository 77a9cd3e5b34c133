"""The stack is known by its outputs."""

from collections.abc import Iterator

import pytest
from moto import mock_aws
from moto.cloudformation.models import cloudformation_backends

from orchard.aws.stack import Stack
from orchard.errors import EnvironmentNotReadyError
from tests.support.cloud import awsfakes


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    awsfakes.isolate(monkeypatch)
    with mock_aws():
        yield


def test_the_outputs_become_the_stack() -> None:
    awsfakes.deploy(awsfakes.session())
    assert Stack.load(awsfakes.session()) == Stack(
        name="orchard",
        input_bucket="orchard-input",
        results_bucket="orchard-results",
        artefacts_bucket="orchard-artefacts",
        state_machine_arn=awsfakes.OUTPUTS["StateMachineArn"],
        notice_topic_arn=awsfakes.OUTPUTS["NoticeTopicArn"],
        subnet_ids="subnet-0aaa,subnet-0bbb",
        release="r1",
        model="m1",
        engines="onnxruntime",
        compute="emr-ec2",
        outputs=awsfakes.OUTPUTS,
    )


def test_a_stack_says_what_its_runs_work_on_and_all_that_belongs_to_it() -> None:
    outputs = {**awsfakes.OUTPUTS, "Compute": "emr-serverless", "JobApplicationId": "00f1"}
    awsfakes.deploy(awsfakes.session(), "other", outputs)
    found = Stack.load(awsfakes.session(), "other")
    assert (found.compute, found.outputs) == ("emr-serverless", outputs)


def test_a_stack_that_takes_its_zips_from_a_bucket_that_was_there_says_so() -> None:
    awsfakes.deploy(awsfakes.session(), "other", {**awsfakes.OUTPUTS, "ExistingInputBucketName": "orchard-input"})
    assert not Stack.load(awsfakes.session(), "other").owns_input_bucket
    awsfakes.deploy(awsfakes.session())
    assert Stack.load(awsfakes.session()).owns_input_bucket


def test_another_stack_by_its_name() -> None:
    awsfakes.deploy(awsfakes.session(), "staging", {**awsfakes.OUTPUTS, "InputBucketName": "staging-input"})
    assert Stack.load(awsfakes.session(), "staging").input_bucket == "staging-input"


@pytest.mark.parametrize(
    ("name", "command"),
    [("orchard", "sam build && sam deploy"), ("staging", "sam build && sam deploy --stack-name staging")],
)
def test_a_stack_that_is_not_there_is_deployed_by_two_commands(name: str, command: str) -> None:
    with pytest.raises(EnvironmentNotReadyError, match=f"no stack '{name}' in eu-west-1") as raised:
        Stack.load(awsfakes.session(), name)
    assert raised.value.next_command == command
    assert raised.value.exit_code == 3


def test_a_half_deployed_stack_says_what_is_missing() -> None:
    awsfakes.deploy(awsfakes.session(), outputs={k: v for k, v in awsfakes.OUTPUTS.items() if "Bucket" in k})
    with pytest.raises(EnvironmentNotReadyError, match="no output StateMachineArn, NoticeTopicArn"):
        Stack.load(awsfakes.session())


@pytest.mark.parametrize(("name", "option"), [("orchard", ""), ("staging", " --stack-name staging")])
def test_a_first_deployment_that_failed_is_deleted_before_the_next(name: str, option: str) -> None:
    awsfakes.deploy(awsfakes.session(), name, outputs={})
    for stack in cloudformation_backends["123456789012"]["eu-west-1"].stacks.values():
        stack.status = "ROLLBACK_COMPLETE"
    with pytest.raises(EnvironmentNotReadyError, match="it is ROLLBACK_COMPLETE") as raised:
        Stack.load(awsfakes.session(), name)
    assert raised.value.next_command == f"sam delete{option} && sam build && sam deploy{option}"


def test_a_run_is_the_execution_of_its_name() -> None:
    awsfakes.deploy(awsfakes.session())
    arn = Stack.load(awsfakes.session()).execution_arn("fruits-0123456789ab")
    assert arn == "arn:aws:states:eu-west-1:123456789012:execution:orchard-pipeline:fruits-0123456789ab"
