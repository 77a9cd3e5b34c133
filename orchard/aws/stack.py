"""The deployed stack: the names that `template.yaml` gives away as outputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from orchard.aws import sessions
from orchard.aws.errors import errors_explained
from orchard.errors import EnvironmentNotReadyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boto3.session import Session

DEFAULT_STACK = "orchard"
_OUTPUTS = {
    "input_bucket": "InputBucketName",
    "results_bucket": "ResultsBucketName",
    "artefacts_bucket": "ArtefactsBucketName",
    "state_machine_arn": "StateMachineArn",
    "notice_topic_arn": "NoticeTopicArn",
    "subnet_ids": "ClusterSubnetIds",
    "release": "Release",
    "model": "Model",
    "engines": "Engines",
    "compute": "Compute",
}
_NEVER_WAS = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
"""Of a first deployment that failed: CloudFormation updates none of these, they have to be deleted."""

_EXISTING_BUCKET = "ExistingInputBucketName"  # only of a stack that takes its zips from a bucket of somebody else's


def execution_arn(state_machine_arn: str, run: str) -> str:
    """The address of a run's execution: the run's id is its name."""
    return f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{run}"


@dataclass(frozen=True)
class Stack:
    """Where one deployment of Orchard works.

    Attributes:
        input_bucket: Where a zip is dropped.
        results_bucket: Where runs leave their files and logs.
        artefacts_bucket: Where releases and models are published.
        state_machine_arn: The pipeline.
        notice_topic_arn: Where every run ends with a notice.
        subnet_ids: Where clusters start, with commas between.
        release: The id of the release whose jobs runs use.
        model: The id of the model of runs that name none.
        engines: The engines whose wheels are published, with commas between.
        compute: What runs work on, by the template's word for it.
        outputs: All that it gives away, by name.
        owns_input_bucket: Whether the input bucket is the stack's own, and holds nothing but what was uploaded for it.
    """

    name: str
    input_bucket: str
    results_bucket: str
    artefacts_bucket: str
    state_machine_arn: str
    notice_topic_arn: str
    subnet_ids: str
    release: str
    model: str
    engines: str
    compute: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    owns_input_bucket: bool = True

    @classmethod
    def load(cls, session: Session, name: str = DEFAULT_STACK) -> Stack:
        """Read a stack's outputs.

        Raises:
            EnvironmentNotReadyError: There is no such stack there, or it is not (or only half) deployed.
        """
        of_stack = "" if name == DEFAULT_STACK else f" --stack-name {name}"
        deploy = f"sam build && sam deploy{of_stack}"
        cloudformation = session.client("cloudformation", config=sessions.client_config())
        try:
            with errors_explained():
                [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            raise EnvironmentNotReadyError(
                f"There is no stack {name!r} in {session.region_name}", "nothing of Orchard is deployed there", deploy
            ) from error
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        missing = [output for output in _OUTPUTS.values() if output not in outputs]
        if missing:
            raise EnvironmentNotReadyError(
                f"The stack {name!r} is not completely deployed",
                f"it is {stack['StackStatus']} and has no output {', '.join(missing)}",
                f"{'sam delete' + of_stack + ' && ' if stack['StackStatus'] in _NEVER_WAS else ''}{deploy}",
            )
        named = {field: outputs[output] for field, output in _OUTPUTS.items()}
        return cls(name, **named, outputs=outputs, owns_input_bucket=_EXISTING_BUCKET not in outputs)

    def execution_arn(self, run: str) -> str:
        """The address of a run's execution: the run's id is its name."""
        return execution_arn(self.state_machine_arn, run)
