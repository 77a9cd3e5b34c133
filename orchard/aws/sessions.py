"""Sessions and clients for AWS, or for whatever `AWS_ENDPOINT_URL` names.

Region and profile are found as the AWS CLI finds them, so that `orchard` and `aws` typed in one terminal mean one
place. The data are personal enough to stay in the European Union: another region is an error, not a warning.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
from botocore import exceptions
from botocore.config import Config

from orchard.aws.endpoint import check_endpoint
from orchard.aws.errors import CONNECTION_ERRORS, errors_explained
from orchard.errors import EnvironmentNotReadyError
from orchard.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from boto3.session import Session

DEFAULT_REGION = "eu-west-1"
"""Where `samconfig.toml` deploys the stack unless told otherwise."""

EU_REGIONS = frozenset({"eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3"})
"""The regions on the soil of a member state. London (eu-west-2) and Zurich (eu-central-2) only share the prefix.
The template has the same rule."""


def open_session(region: str | None = None, profile: str | None = None) -> Session:
    """Open a session where the user wants to work.

    Args:
        region: A region; None to take the AWS CLI's: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's own, and then
            `DEFAULT_REGION`.
        profile: A profile of `~/.aws/config`; None to take `AWS_PROFILE`, or the default one.

    Returns:
        A session with a region and credentials.

    Raises:
        EnvironmentNotReadyError: There is no such profile, there are no credentials, the region is outside the EU, or
            the local cloud that `AWS_ENDPOINT_URL` names is not there.
    """
    check_endpoint()
    with errors_explained():
        session = _session(region, profile)
        if session.get_credentials() is None:
            raise exceptions.NoCredentialsError
    session.events.register("needs-retry", _FirstAnswer())
    return session


def chosen_region(region: str | None = None, profile: str | None = None) -> str:
    """Where the user wants to work, found as `open_session` does, but without credentials.

    Raises:
        EnvironmentNotReadyError: There is no such profile, or the region is outside the EU.
    """
    with errors_explained():
        return _session(region, profile).region_name


def _session(region: str | None, profile: str | None) -> Session:
    # boto3 itself looks at AWS_DEFAULT_REGION only; the AWS CLI prefers AWS_REGION to it.
    session = boto3.Session(region_name=region or os.environ.get("AWS_REGION") or None, profile_name=profile)
    if session.region_name is None:
        session = boto3.Session(region_name=DEFAULT_REGION, profile_name=profile)
    _check_region(session.region_name, typed=region is not None)
    return session


class _FirstAnswer:
    """Gives up soon where there is no network at all: until AWS has answered once, a connection is tried twice.

    Later, a lost connection is tried again as often as `client_config` says.
    """

    def __init__(self) -> None:
        self._came = False

    def __call__(self, response: object, attempts: int, caught_exception: Exception | None, **_: object) -> None:
        """Look at what came of a request; an error raised here is not tried again."""
        if response is not None:
            self._came = True
        hopeless = isinstance(caught_exception, exceptions.ConnectTimeoutError) or attempts > 1
        if not self._came and hopeless and isinstance(caught_exception, CONNECTION_ERRORS):
            raise caught_exception


def client_config() -> Config:
    """How every client of ours behaves: it slows down when it is throttled, and tries again."""
    return Config(
        retries={"mode": "adaptive", "max_attempts": 10},
        max_pool_connections=16,
        connect_timeout=5,
        user_agent_extra=f"orchard/{__version__}",
    )


def clients_of(session: Session) -> Callable[[str], Any]:
    """What makes a session's clients, by boto3's names for the services."""
    client: Any = session.client
    return lambda service: client(service, config=client_config())


def _check_region(region: str, *, typed: bool) -> None:
    if region not in EU_REGIONS:
        raise EnvironmentNotReadyError(
            f"The region {region} is outside the European Union",
            f"the images may only be kept in one of {', '.join(sorted(EU_REGIONS))}",
            f"orchard --region {DEFAULT_REGION} doctor" if typed else f"export AWS_REGION={DEFAULT_REGION}",
        )
