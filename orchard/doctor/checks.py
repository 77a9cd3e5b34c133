"""What a check says, how one is asked so that it always says something, and what several of them ask."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from orchard.aws.errors import code_of, explain
from orchard.aws.sessions import client_config
from orchard.errors import OrchardError, installing

if TYPE_CHECKING:
    from collections.abc import Callable

    from boto3.session import Session

    from orchard.aws.stack import Stack


class Verdict(StrEnum):
    """What came of a check."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    """It could not be asked, for want of a permission say; a run may well succeed."""


@dataclass(frozen=True)
class Check:
    """One line of the doctor's.

    Attributes:
        fix: The command that mends it, where it is wrong.
    """

    name: str
    verdict: Verdict
    finding: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        """The line as plain data."""
        return asdict(self)


def ok(name: str, finding: str) -> Check:
    """Nothing is to be done."""
    return Check(name, Verdict.OK, finding)


def wrong(name: str, finding: str, fix: str) -> Check:
    """A run would fail, or nobody would hear of it."""
    return Check(name, Verdict.WRONG, finding, fix)


def unknown(name: str, finding: str) -> Check:
    """It could not be asked."""
    return Check(name, Verdict.UNKNOWN, finding)


def ask(name: str, question: Callable[[], Check]) -> Check:
    """Ask, and make a line of whatever error there is.

    Returns:
        Its answer; or that it is wrong, for an error that tells the user what to do; or that it is not known.
    """
    try:
        return question()
    except OrchardError as error:
        return wrong(name, f"{error.headline}: {error.cause}" if error.cause else error.headline, error.next_command)
    except ImportError as error:
        return wrong(name, f"not installed: {error}", installing("local"))
    except ClientError as error:
        return unknown(name, f"not answered: {code_of(error) or error}")
    except BotoCoreError as error:
        explained = explain(error)
        return unknown(name, f"not answered: {explained.headline if explained else error}")


def physical_ids(session: Session, stack: Stack) -> dict[str, str]:
    """The physical ids of a stack's resources by their logical ids in template.yaml."""
    cloudformation = session.client("cloudformation", config=client_config())
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name)
    listed = (one for page in pages for one in page["StackResourceSummaries"])
    return {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in listed}


def has_role(session: Session, name: str) -> bool:
    """Whether the account has a role of this name."""
    iam = session.client("iam", config=client_config())
    try:
        iam.get_role(RoleName=name)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True
