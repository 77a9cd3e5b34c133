"""What AWS answers instead of what was asked for: the codes that mean one thing, and the words for the user."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore import exceptions
from botocore.exceptions import ClientError

from orchard.aws.endpoint import ENDPOINT, check_endpoint
from orchard.errors import EnvironmentNotReadyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

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
CONNECTION_ERRORS = (exceptions.ConnectionError, exceptions.HTTPClientError)
"""No such host, refused, timed out, cut off: no answer of AWS's at all."""

_ABSENT = frozenset(
    {
        "404",
        "InvalidRequestException",  # EMR's, about a cluster that it does not know
        "InvalidSubnetID.NotFound",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchKey",
        "NoSuchVersion",
        "NotFound",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
_TAKEN = frozenset({"ConditionalRequestConflict", "ExecutionAlreadyExists", "PreconditionFailed"})
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


def code_of(error: ClientError) -> str:
    """The code that AWS gives an error; "" if it gives none. HEAD has no body, so there it is the status."""
    return error.response.get("Error", {}).get("Code", "")


def status_of(error: ClientError) -> int:
    """The HTTP status of an error; 0 if it has none."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def is_absent(error: ClientError) -> bool:
    """Whether what was asked for is not there."""
    return code_of(error) in _ABSENT


def has_object(s3: S3Client, bucket: str, key: str) -> bool:
    """Whether a bucket has an object, as HEAD tells.

    Raises:
        ClientError: S3 says neither.
    """
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if is_absent(error):
            return False
        raise
    return True


def is_denied(error: ClientError) -> bool:
    """Whether who asks may not."""
    return code_of(error) in _DENIED


def is_taken(error: ClientError) -> bool:
    """Whether what was to be made is there already, or another is making it at this moment."""
    return code_of(error) in _TAKEN


def passes(error: Exception) -> bool:
    """Whether an error is of the kind that passes by itself: no connection, too many requests, a fault of AWS's."""
    if isinstance(error, ClientError):
        return code_of(error) in _TRANSIENT or status_of(error) >= 500
    return isinstance(error, CONNECTION_ERRORS)


@contextmanager
def errors_explained() -> Iterator[None]:
    """Turn what AWS says about credentials, permissions and connections into errors that tell the user what to do.

    Raises:
        EnvironmentNotReadyError: Instead of such an error; every other error passes unchanged.
    """
    try:
        yield
    except (exceptions.BotoCoreError, ClientError) as error:
        explained = explain(error)
        if explained is None:
            raise
        raise explained from error


def explain(error: Exception) -> EnvironmentNotReadyError | None:
    """The error that a user gets for an error of botocore.

    Returns:
        The error to raise instead, or None when it says nothing about the user's environment.
    """
    if isinstance(error, exceptions.ProfileNotFound):
        return EnvironmentNotReadyError("There is no such AWS profile", str(error), "aws configure list-profiles")
    if isinstance(error, exceptions.SSOError | exceptions.TokenRetrievalError):
        return EnvironmentNotReadyError("The AWS sign-in has expired", str(error), "aws sso login")
    if isinstance(
        error,
        exceptions.NoCredentialsError | exceptions.PartialCredentialsError | exceptions.CredentialRetrievalError,
    ):
        return EnvironmentNotReadyError("No AWS credentials were found", str(error), "aws configure")
    if isinstance(error, CONNECTION_ERRORS):
        return _unreachable(error)
    if isinstance(error, ClientError):
        if code_of(error) in _BAD_CREDENTIALS:
            return EnvironmentNotReadyError(
                "AWS does not accept these credentials", str(error), "aws sts get-caller-identity"
            )
        if is_denied(error):
            return EnvironmentNotReadyError("AWS denies this", str(error), "aws sts get-caller-identity")
    return None


def _unreachable(error: Exception) -> EnvironmentNotReadyError:
    if os.environ.get(ENDPOINT):  # an empty one names nobody, and botocore goes to AWS
        try:
            check_endpoint()
        except EnvironmentNotReadyError as gone:
            return gone
        if isinstance(error, exceptions.ProxyConnectionError):
            here = "127.0.0.1,localhost"
            return EnvironmentNotReadyError(
                "Requests to the local cloud go through a proxy",
                f"{str(error).rstrip('.')}. The local cloud is on this machine, but NO_PROXY does not name it",
                f"export NO_PROXY={here} no_proxy={here}",
            )
        return EnvironmentNotReadyError("The local cloud does not answer", str(error), "the same command again")
    proxies = [name for name in ("HTTPS_PROXY", "https_proxy") if os.environ.get(name)]
    way = f"the proxy in {proxies[0]} was used" if proxies else "no proxy is set in HTTPS_PROXY"
    cause = f"{str(error).rstrip('.')}. There is no network, or no route from here to AWS; {way}"
    return EnvironmentNotReadyError("AWS does not answer", cause, "curl -I https://aws.amazon.com")
