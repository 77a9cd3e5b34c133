"""`orchard doctor` says what a run needs, a line each; exit 3 if something is wrong."""

import json
from collections.abc import Iterator

import pytest
from moto import mock_aws
from typer.testing import CliRunner

from orchard.cli.app import app
from tests.support.cloud import awsfakes
from tests.support.cloud.fake import FakeCloud, use

runner = CliRunner()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    awsfakes.isolate(monkeypatch)
    with mock_aws():
        yield use(monkeypatch, FakeCloud())


def lines(*arguments: str) -> dict[str, dict[str, str]]:
    result = runner.invoke(app, [*arguments, "--json"])
    return {line["name"]: line for line in json.loads(result.stdout)}


def test_this_machine_alone_needs_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    awsfakes.isolate(monkeypatch)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    result = runner.invoke(app, ["doctor", "--local"])
    assert result.exit_code == 0
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["ok", name] for name in ("Python", "Java", "Spark", "SAM", "Project", "Disk")
    ]


def test_without_credentials_that_is_the_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    awsfakes.isolate(monkeypatch)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    result = runner.invoke(app, ["doctor"])
    assert result.exit_code == 3
    assert result.stdout.splitlines()[-1].endswith("Unable to locate credentials: aws configure")


def test_outside_the_union_that_is_the_last_line(cloud: FakeCloud) -> None:
    *_, last = lines("--region", "us-east-1", "doctor").values()
    assert (last["verdict"], last["fix"]) == ("wrong", "orchard --region eu-west-1 doctor")


def test_without_a_stack_the_account_is_looked_at_all_the_same(cloud: FakeCloud) -> None:
    found = lines("--stack", "absent", "doctor")
    assert found["Region"]["verdict"] == found["Credentials"]["verdict"] == "ok"
    assert found["Stack"]["verdict"] == "wrong"
    assert found["Stack"]["fix"] == "sam build && sam deploy --stack-name absent"


def test_every_line_has_a_verdict_and_what_is_wrong_a_command(cloud: FakeCloud) -> None:
    result = runner.invoke(app, ["doctor"])
    assert result.exit_code == 3  # nothing is published there
    found = lines("doctor")
    assert found["Artefacts"]["fix"].startswith("sam build && sam deploy")
    assert {"Python", "Region", "vCPU quota", "Input bucket", "Mails", "Subnet subnet-0aaa"} <= set(found)
    assert all(line["fix"] for line in found.values() if line["verdict"] == "wrong")
    assert not any(line["fix"] for line in found.values() if line["verdict"] != "wrong")
