"""What an account has that is ready for Orchard: EMR's service-linked role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from boto3.session import Session


def prepare_account(session: Session) -> None:
    """Make ready the account that moto begins with."""
    # create_service_linked_role would do the same on AWS; moto 5.2.5 makes a role of another name of it
    session.client("iam").create_role(RoleName="AWSServiceRoleForEMRCleanup", AssumeRolePolicyDocument="{}")
