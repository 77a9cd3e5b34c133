"""Sessions and clients for AWS, or for whatever `AWS_ENDPOINT_URL` names.

Region and profile are found as the AWS CLI finds them, so that `orchard` and `aws` typed in one terminal mean one
place. The data are personal enough to stay in the European Union: another region is an error, not a warning.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
from botocore import exceptions as botocore_errors
from botocore.config import Config

from orchard import __version__
from orchard.aws.endpoint import ENDPOINT, check_endpoint
from orchard.errors import EnvironmentNotReadyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from boto3.session import Session

DEFAULT_REGION = "eu-west-1"
"""Where `samconfig.toml` deploys the stack unless told otherwise."""

EU_REGIONS = frozenset({"eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3"})
"""The regions on the soil of a member state. London (eu-west-2) and Zurich (eu-central-2) only share the prefix.
The template has the same rule."""

_BAD_CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
CONNECTION_ERRORS = (botocore_errors.ConnectionError, botocore_errors.HTTPClientError)
"""No such host, refused, timed out, cut off: no answer of AWS's at all."""

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
_TRANSIENT = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


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
            raise botocore_errors.NoCredentialsError
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
    _check_region(session.region_name)
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
        hopeless = isinstance(caught_exception, botocore_errors.ConnectTimeoutError) or attempts > 1
        if not self._came and hopeless and isinstance(caught_exception, CONNECTION_ERRORS):
            raise caught_exception


def client_config() -> Config:
    """How every client of ours behaves: it slows down when it is throttled, and tries again.

    Returns:
        The configuration to give to `session.client(…, config=…)`.
    """
    return Config(
        retries={"mode": "adaptive", "max_attempts": 10},
        max_pool_connections=16,
        connect_timeout=5,
        user_agent_extra=f"orchard/{__version__}",
    )


def passes(error: Exception) -> bool:
    """Whether an error is of the kind that passes by itself: no connection, too many requests, a fault of AWS's."""
    if isinstance(error, botocore_errors.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error.response.get("Error", {}).get("Code", "") in _TRANSIENT or status >= 500
    return isinstance(error, CONNECTION_ERRORS)


@contextmanager
def errors_explained() -> Iterator[None]:
    """Turn what AWS says about credentials, permissions and connections into errors that tell the user what to do.

    Raises:
        EnvironmentNotReadyError: Instead of such an error; every other error passes unchanged.
    """
    try:
        yield
    except (botocore_errors.BotoCoreError, botocore_errors.ClientError) as error:
        explained = explain(error)
        if explained is None:
            raise
        raise explained from error


def explain(error: Exception) -> EnvironmentNotReadyError | None:
    """What the user is told about an error of botocore.

    Args:
        error: Any exception.

    Returns:
        The error to raise instead, or None when it says nothing about the user's environment.
    """
    if isinstance(error, botocore_errors.ProfileNotFound):
        return EnvironmentNotReadyError("There is no such AWS profile", str(error), "aws configure list-profiles")
    if isinstance(error, botocore_errors.SSOError | botocore_errors.TokenRetrievalError):
        return EnvironmentNotReadyError("The AWS sign-in has expired", str(error), "aws sso login")
    if isinstance(
        error,
        botocore_errors.NoCredentialsError
        | botocore_errors.PartialCredentialsError
        | botocore_errors.CredentialRetrievalError,
    ):
        return EnvironmentNotReadyError("No AWS credentials were found", str(error), "aws configure")
    if isinstance(error, CONNECTION_ERRORS):
        return _unreachable(error)
    if isinstance(error, botocore_errors.ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        if code in _BAD_CREDENTIALS:
            return EnvironmentNotReadyError(
                "AWS does not accept these credentials", str(error), "aws sts get-caller-identity"
            )
        if code in _DENIED:
            return EnvironmentNotReadyError("AWS denies this", str(error), "aws sts get-caller-identity")
    return None


def _unreachable(error: Exception) -> EnvironmentNotReadyError:
    if os.environ.get(ENDPOINT):  # an empty one names nobody, and botocore goes to AWS
        try:
            check_endpoint()
        except EnvironmentNotReadyError as gone:
            return gone
        if isinstance(error, botocore_errors.ProxyConnectionError):
            here = "127.0.0.1,localhost"
            return EnvironmentNotReadyError(
                "A proxy is asked the way to the local cloud",
                f"{str(error).rstrip('.')}. The local cloud is on this machine, and NO_PROXY does not say so",
                f"export NO_PROXY={here} no_proxy={here}",
            )
        return EnvironmentNotReadyError("The local cloud does not answer", str(error), "the same command again")
    proxies = [name for name in ("HTTPS_PROXY", "https_proxy") if os.environ.get(name)]
    way = f"the proxy that {proxies[0]} names was asked" if proxies else "no proxy is set in HTTPS_PROXY"
    cause = f"{str(error).rstrip('.')}. There is no network, or no way from here to AWS; {way}"
    return EnvironmentNotReadyError("AWS does not answer", cause, "curl -I https://aws.amazon.com")


def _check_region(region: str) -> None:
    if region not in EU_REGIONS:
        raise EnvironmentNotReadyError(
            f"The region {region} is outside the European Union",
            f"the images may only be kept in one of {', '.join(sorted(EU_REGIONS))}",
            f"export AWS_REGION={DEFAULT_REGION}",
        )
