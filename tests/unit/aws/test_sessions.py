"""Region and credentials are found as the AWS CLI finds them, and what is missing is said."""

import socket
from pathlib import Path

import pytest
from botocore import exceptions

from orchard.aws import sessions
from orchard.aws.errors import errors_explained
from orchard.errors import EnvironmentNotReadyError
from tests.support.cloud.awsfakes import isolate

KEYS = "aws_access_key_id = testing\naws_secret_access_key = testing\n"


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    path.write_text("[default]\nregion = eu-west-3\n[profile farm]\nregion = eu-north-1\n" + KEYS)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    return path


class TestRegion:
    def test_with_nothing_said_it_is_where_the_stack_is_deployed_by_default(self) -> None:
        assert sessions.open_session().region_name == "eu-west-1"

    def test_the_profiles_region(self, config: Path) -> None:
        assert sessions.open_session().region_name == "eu-west-3"
        assert sessions.open_session(profile="farm").region_name == "eu-north-1"

    def test_the_environment_comes_before_the_profile(self, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        assert sessions.open_session().region_name == "eu-central-1"

    def test_aws_region_comes_before_aws_default_region(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        monkeypatch.setenv("AWS_REGION", "eu-south-1")
        assert sessions.open_session().region_name == "eu-south-1"

    def test_an_argument_comes_before_everything(self, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_REGION", "eu-south-1")
        assert sessions.open_session("eu-south-2", "farm").region_name == "eu-south-2"

    @pytest.mark.parametrize("region", ["us-east-1", "eu-west-2", "eu-central-2"])
    def test_outside_the_union_is_an_error_also_with_the_prefix_eu(
        self, region: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(EnvironmentNotReadyError, match="outside the European Union") as raised:
            sessions.open_session(region)
        assert raised.value.next_command == "orchard --region eu-west-1 doctor"
        monkeypatch.setenv("AWS_REGION", region)
        with pytest.raises(EnvironmentNotReadyError, match="outside the European Union") as raised:
            sessions.open_session()
        assert raised.value.next_command == "export AWS_REGION=eu-west-1"


class TestCredentials:
    def test_none_at_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(EnvironmentNotReadyError) as raised:
            sessions.open_session()
        assert raised.value.next_command == "aws configure"

    def test_half_of_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(EnvironmentNotReadyError, match="No AWS credentials"):
            sessions.open_session()

    def test_a_profile_that_does_not_exist(self, config: Path) -> None:
        with pytest.raises(EnvironmentNotReadyError, match="orchardist") as raised:
            sessions.open_session(profile="orchardist")
        assert raised.value.next_command == "aws configure list-profiles"


def test_clients_slow_down_when_they_are_throttled() -> None:
    retries = sessions.client_config().retries  # type: ignore[attr-defined]
    assert (retries["mode"], retries["max_attempts"]) == ("adaptive", 10)


class TestWithoutANetwork:
    """Nobody waits for minutes to learn that there is no way to AWS."""

    def test_a_name_that_nobody_knows_is_asked_for_twice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []

        def unknown(host: str, *_: object, **__: object) -> None:
            asked.append(host)
            raise socket.gaierror(-3, "Temporary failure in name resolution")

        session = sessions.open_session()
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(EnvironmentNotReadyError, match="AWS does not answer") as error, errors_explained():
            session.client("cloudformation", config=sessions.client_config()).describe_stacks()
        assert len(asked) == 2
        assert "no proxy is set" in error.value.cause

    def test_after_a_first_answer_a_lost_connection_is_tried_again(self) -> None:
        lost = exceptions.EndpointConnectionError(endpoint_url="https://sts.eu-west-1.amazonaws.com")
        first_answer = sessions._FirstAnswer()
        first_answer(response=None, attempts=1, caught_exception=lost)
        first_answer(response=("anything", {}), attempts=2, caught_exception=None)
        first_answer(response=None, attempts=7, caught_exception=lost)

    def test_a_connection_that_hangs_is_tried_once(self) -> None:
        hung = exceptions.ConnectTimeoutError(endpoint_url="https://sts.eu-west-1.amazonaws.com")
        with pytest.raises(exceptions.ConnectTimeoutError):
            sessions._FirstAnswer()(response=None, attempts=1, caught_exception=hung)
