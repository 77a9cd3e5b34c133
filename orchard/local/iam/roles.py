"""Who calls: in the local cloud the id of an access key names the role that it was given to.

Functions, the nodes of clusters and the tasks of state machines sign with keys of their roles, as in AWS; a key of any
other name is the user's own, who may do everything. Nobody checks a signature here: this keeps no attacker out, it
finds the permission that is missing.

Written for moto 5.2.5, whose interpreter of state machines signs as `ak`: `boto_client_for` of
`moto.stepfunctions.parser.asl.utils.boto_client` is replaced in every module that has it.
"""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "local"  # noqa: S105 (it opens nothing)
"""The secret of every key."""

USER_KEY = "local"
"""The id of the user's own key."""

_OF_ROLE = "role."
_TASKS = "moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_factory"
"""What imports the modules of all kinds of tasks."""

_UNHURRIED = 86_400
"""Seconds that a task waits for an answer, a function's end say: its own timeout ends it before."""

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d+/([\w-]+)/([\w-]+)/")


def key_of(role_arn: str) -> str:
    """The id of a role's key.

    Args:
        role_arn: The role's ARN, with or without a path; or its name.
    """
    return _OF_ROLE + role_arn.rpartition("/")[2]


def signed(authorization: str) -> tuple[str | None, str, str]:
    """Who signed a request, and for what ("Signing AWS API requests", IAM user guide).

    Args:
        authorization: The header of that name.

    Returns:
        The role's name, or None for the user; the region and the service, empty where nobody signed.
    """
    scope = _SCOPE.search(authorization)
    if scope is None:
        return None, "", ""
    role = scope[1].removeprefix(_OF_ROLE) if scope[1].startswith(_OF_ROLE) else None
    return role, scope[2], scope[3]


def node_key(profile: str | None, account: str) -> str | None:
    """The id of the key that the nodes of a cluster have.

    Args:
        profile: The name or ARN of their instance profile, `JobFlowRole` of RunJobFlow.

    Returns:
        The id; None where the account has no such profile: then the nodes act for the user.
    """
    from moto.iam.models import iam_backends

    name = (profile or "").rpartition("/")[2]
    profiles = iam_backends[account]["aws"].get_instance_profiles()
    return next((key_of(one.roles[0].name) for one in profiles if one.name == name and one.roles), None)


@contextmanager
def tasks_sign_for_their_machine() -> Iterator[None]:
    """Have the tasks of a state machine sign with the key of its role."""
    import boto3
    from botocore.config import Config
    from moto.stepfunctions.parser.asl.utils import boto_client

    import_module(_TASKS)
    unhurried = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=_UNHURRIED)

    @cache
    def client_of(region: str, service: Any, key: str) -> Any:
        return boto3.client(
            service, region_name=region, aws_access_key_id=key, aws_secret_access_key=SECRET, config=unhurried
        )

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        return client_of(region, service, SECRET if state_credentials is None else key_of(state_credentials.role_arn))

    original = boto_client.boto_client_for
    interpreter = [module for name, module in sys.modules.items() if name.startswith("moto.stepfunctions.parser.")]
    with ExitStack() as changes:
        for module in interpreter:
            if vars(module).get("boto_client_for") is original:
                changes.enter_context(replaced(module, boto_client_for=client_for))
        yield
