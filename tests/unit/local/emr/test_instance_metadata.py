"""An instance asks for its role's credentials, by the second version of the metadata service, and gets nothing else."""

import io
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import botocore.session
import pytest
from botocore.utils import InstanceMetadataFetcher

from orchard.local.emr.instance_metadata import metadata_endpoint, with_instance_metadata
from orchard.local.moto.server import moto_server

ROLE = "role.orchard-NodeRole-1"


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    """Where a node asks."""
    with moto_server() as address:
        yield metadata_endpoint(address, ROLE)


def ask(path: str, method: str = "GET", **headers: str) -> tuple[str, bytes]:
    answered: list[str] = []

    def everybody_else(_environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        start("200 OK", [])
        return [b"somebody else"]

    environ: Any = {"PATH_INFO": path, "REQUEST_METHOD": method, "wsgi.input": io.BytesIO(), **headers}
    body = with_instance_metadata(everybody_else)(environ, lambda status, _headers: answered.append(status))  # type: ignore[arg-type,return-value]
    return answered[0], b"".join(body)


def test_botocore_finds_the_credentials_of_the_role(node: str) -> None:
    found = InstanceMetadataFetcher(config={"ec2_metadata_service_endpoint": node}).retrieve_iam_role_credentials()
    assert (found["role_name"], found["access_key"]) == (ROLE, ROLE)


def test_a_client_without_any_variable_but_the_address_signs_for_the_role(
    node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", node)
    credentials = botocore.session.Session().get_credentials()
    assert credentials is not None
    assert (credentials.method, credentials.access_key) == ("iam-role", ROLE)


def test_who_has_no_token_is_told_nothing() -> None:
    assert ask(f"/_instance/{ROLE}/latest/meta-data/iam/security-credentials/")[0] == "401 Unauthorized"


def test_where_an_instance_is_it_has_to_know_itself() -> None:
    token = ask(f"/_instance/{ROLE}/latest/api/token", "PUT")[1].decode()
    for path in ("meta-data/placement/region", "dynamic/instance-identity/document"):
        status, _ = ask(f"/_instance/{ROLE}/latest/{path}", HTTP_X_AWS_EC2_METADATA_TOKEN=token)
        assert status == "404 Not Found"


def test_everybody_else_is_answered_by_somebody_else() -> None:
    assert ask("/fruits/in/a.zip") == ("200 OK", b"somebody else")
