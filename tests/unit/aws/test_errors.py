"""What AWS says instead of an answer means one thing each time, and becomes something to do."""

from collections.abc import Callable

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError

from orchard.aws import errors
from orchard.errors import EnvironmentNotReadyError
from tests.support.cloud.awsfakes import client_error


@pytest.mark.parametrize(
    ("means", "codes"),
    [
        (errors.is_absent, ["404", "NoSuchKey", "NoSuchBucketPolicy", "InvalidSubnetID.NotFound"]),
        (errors.is_denied, ["403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation"]),
        (errors.is_taken, ["PreconditionFailed", "ConditionalRequestConflict", "ExecutionAlreadyExists"]),
        (errors.passes, ["SlowDown", "ThrottlingException", "RequestLimitExceeded"]),
    ],
)
def test_a_code_means_one_thing(means: Callable[[ClientError], bool], codes: list[str]) -> None:
    meanings = [errors.is_absent, errors.is_denied, errors.is_taken, errors.passes]
    for code in codes:
        assert [one for one in meanings if one(client_error(code))] == [means], code


def test_an_error_without_a_code_means_nothing() -> None:
    bare = ClientError({}, "GetRole")
    assert (errors.code_of(bare), errors.status_of(bare), errors.is_absent(bare)) == ("", 0, False)


def test_a_fault_of_aws_passes_whatever_its_code() -> None:
    assert errors.passes(client_error("Strange", status=500))
    assert not errors.passes(client_error("Strange", status=400))


@pytest.mark.parametrize(
    ("error", "headline", "command"),
    [
        (client_error("ExpiredToken"), "does not accept these credentials", "aws sts get-caller-identity"),
        (client_error("UnrecognizedClientException"), "does not accept", "aws sts get-caller-identity"),
        (client_error("AccessDenied"), "AWS denies this", "aws sts get-caller-identity"),
        (client_error("403"), "AWS denies this", "aws sts get-caller-identity"),
        (exceptions.UnauthorizedSSOTokenError(), "sign-in has expired", "aws sso login"),
        (exceptions.EndpointConnectionError(endpoint_url="https://s3"), "does not answer", "curl"),
        (exceptions.ReadTimeoutError(endpoint_url="https://s3"), "does not answer", "curl"),
    ],
)
def test_what_aws_says_becomes_something_to_do(error: Exception, headline: str, command: str) -> None:
    with pytest.raises(EnvironmentNotReadyError, match=headline) as raised, errors.errors_explained():
        raise error
    assert raised.value.exit_code == 3
    assert raised.value.next_command.startswith(command)
    assert str(error) in str(raised.value)


@pytest.mark.parametrize("error", [client_error("ValidationError"), exceptions.ParamValidationError(report="x")])
def test_an_error_that_is_not_the_users_environment_passes_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, errors.errors_explained():
        raise error
    assert raised.value is error


class TestWithoutANetwork:
    """What stood in the way is named."""

    def test_a_proxy_that_was_asked_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        explained = errors.explain(
            exceptions.EndpointConnectionError(endpoint_url="https://sts.eu-west-1.amazonaws.com")
        )
        assert explained is not None
        assert "HTTPS_PROXY" in explained.cause

    def test_an_empty_endpoint_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "")
        explained = errors.explain(
            exceptions.EndpointConnectionError(endpoint_url="https://sts.eu-west-1.amazonaws.com")
        )
        assert explained is not None
        assert explained.headline == "AWS does not answer"

    def test_a_proxy_between_here_and_here_is_named_with_what_to_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
        monkeypatch.setattr(errors, "check_endpoint", lambda: None)
        explained = errors.explain(exceptions.ProxyConnectionError(proxy_url="http://127.0.0.1:9"))
        assert explained is not None
        assert explained.headline == "Requests to the local cloud go through a proxy"
        assert explained.next_command.startswith("export NO_PROXY=127.0.0.1,localhost ")
