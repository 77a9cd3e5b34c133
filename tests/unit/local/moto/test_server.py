"""The local cloud asks nobody for a key, and runs commands: so it answers this machine's programs and nobody else."""

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import boto3
import pytest

from orchard.local.moto.server import moto_server
from orchard.local.processes import inherited
from tests.support.waiting import PATIENCE


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with moto_server() as found:
        yield found


def status(address: str, headers: dict[str, str], method: str = "GET") -> int:
    """What a request with these headers is answered."""
    connection = http.client.HTTPConnection(str(urlsplit(address).netloc), timeout=PATIENCE)
    connection.request(method, "/", headers=headers)
    found = connection.getresponse().status
    connection.close()
    return found


def test_it_listens_on_this_machine_only(address: str) -> None:
    assert urlsplit(address).hostname == "127.0.0.1"


def test_an_aws_client_is_answered(address: str) -> None:
    session = boto3.Session("local", "local", region_name="eu-west-1")
    client = session.client("s3", endpoint_url=address)
    assert client.list_buckets()["Buckets"] == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:4566", "bucket.localhost:4566", "LOCALHOST"])
def test_every_name_of_this_machine_is_answered(address: str, host: str) -> None:
    assert status(address, {"Host": host}) != 403  # 404: there is no such bucket


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://fruit.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Host": "fruit.example"},
        {"Host": "127.0.0.1.fruit.example:4566"},
        {"Host": "notlocalhost"},
        {"Host": ""},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_page_in_the_browser_is_refused(address: str, headers: dict[str, str], method: str) -> None:
    assert status(address, headers, method) == 403


def test_an_address_that_somebody_types_is_answered(address: str) -> None:
    assert status(address, {"Sec-Fetch-Site": "none"}) == 200


def test_processes_of_the_cloud_get_none_of_the_users_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "GITHUB_TOKEN", "PIP_INDEX_URL", "HTTPS_PROXY", "PYTHONPATH"):
        monkeypatch.setenv(name, "mine")
    assert "mine" not in inherited().values()
    assert "PATH" in inherited()
