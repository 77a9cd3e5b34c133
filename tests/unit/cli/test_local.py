"""`orchard local up` says how to get in, and tells what happens inside."""

import io
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from orchard.aws.stack import Stack
from orchard.cli.app import app
from orchard.cli.local import Watcher, show_way_in, watch
from orchard.cli.target import LocalPlace
from orchard.errors import WeightsUnavailableError
from orchard.local.cloud import _without_proxies
from orchard.options import RunOptions
from orchard.runs.progress import Progress
from orchard.runs.upload import upload_archive
from tests.support.cloud import awsfakes
from tests.support.cloud.fake import FakeCloud
from tests.support.waiting import PATIENCE

runner = CliRunner()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    awsfakes.isolate(monkeypatch)
    with awsfakes.executing():
        yield FakeCloud()


@pytest.fixture
def place(cloud: FakeCloud) -> LocalPlace:
    session = cloud.watch(awsfakes.session())
    variables = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_SECRET_ACCESS_KEY": "a b"}
    return LocalPlace(session, Stack.load(session), lambda: cloud.notices, str, lambda *_: "", "tail", variables)


def upload(place: LocalPlace, tmp_path: Path) -> str:
    path = tmp_path / "fruits.zip"
    path.write_bytes(b"PK")
    return upload_archive(place.session.client("s3"), path, place.stack.input_bucket, RunOptions()).run_id


def test_the_way_in_can_be_pasted_into_a_shell(place: LocalPlace) -> None:
    stream = io.StringIO()
    show_way_in(place, Console(file=stream, width=40, soft_wrap=True))
    assert stream.getvalue().splitlines() == [
        "export AWS_ENDPOINT_URL=http://127.0.0.1:4566",
        "export AWS_SECRET_ACCESS_KEY='a b'",
        "# input bucket: orchard-input",
        "# results bucket: orchard-results",
        "# start a run: aws s3 cp fruits.zip s3://orchard-input/",
    ]


def test_a_user_s_proxies_are_no_way_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert _without_proxies() == dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    monkeypatch.setenv("NO_PROXY", ".inside.example,localhost")
    assert _without_proxies()["no_proxy"] == ".inside.example,localhost,127.0.0.1"


def test_every_run_and_every_notice_is_told_once(place: LocalPlace, tmp_path: Path) -> None:
    watcher = Watcher(place)
    assert watcher.look() == []
    runs = [upload(place, tmp_path), upload(place, tmp_path)]
    told: list[str] = []
    deadline = time.monotonic() + PATIENCE
    while sum("notifying" in line for line in told) < len(runs) and time.monotonic() < deadline:
        told += watcher.look()
        time.sleep(0.02)
    for run in runs:
        lines = [line.split("  ")[-1] for line in told if line.startswith(run)]
        assert [line for line in lines if "cluster j-" not in line] == [
            "reading the zip's list of members", "asking for a cluster", "waiting for the steps", "notifying",
        ]  # fmt: skip
    assert [line for line in told if line.startswith("Orchard:")] == [f"Orchard: {run}" for run in runs]
    assert watcher.look() == []


ODD = ["null", "[]", '"words"', "7", "{}", '{"archive": null}', '{"cluster": "j-1", "launch": 3, "steps": []}']


@pytest.mark.parametrize("given", ODD)
def test_an_odd_execution_is_followed_as_any_other(cloud: FakeCloud, place: LocalPlace, given: str) -> None:
    watcher, sfn = Watcher(place), place.step_functions
    sfn.start_execution(stateMachineArn=place.stack.state_machine_arn, name="odd", input=given)
    cloud.ended("odd")
    assert watcher.look()[0].startswith("odd ")
    assert "cannot be followed" not in str(watcher.look())


def test_one_that_cannot_be_followed_is_said_once_and_ends_nothing(
    cloud: FakeCloud, place: LocalPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchard.runs.follow import Follower

    look, odd = Follower.look, upload(place, tmp_path)

    def odd_look(self: Follower) -> Progress | None:
        if self._arn.endswith(odd):
            raise KeyError("archive")
        return look(self)

    monkeypatch.setattr(Follower, "look", odd_look)
    other, watcher = upload(place, tmp_path), Watcher(place)
    for run in (odd, other):
        cloud.ended(run)
    told = [*watcher.look(), *watcher.look()]
    assert [line for line in told if line.startswith(odd)] == [f"{odd}  cannot be followed: 'archive'"]
    assert any(line.startswith(other) for line in told)


def test_it_watches_until_it_is_interrupted(place: LocalPlace, tmp_path: Path) -> None:
    run = upload(place, tmp_path)
    stream, naps = io.StringIO(), []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(place, Console(file=stream, width=200), nap)
    assert run in stream.getvalue()


class TestUp:
    def test_it_never_falls_back_to_random_weights(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unavailable(name: str) -> None:
            assert name == "imagenet"
            raise WeightsUnavailableError("The ImageNet weights are not available", "there are three ways out", "curl")

        monkeypatch.setattr("orchard.features.weights.resolve_weights", unavailable)
        result = runner.invoke(app, ["local", "up"])
        assert result.exit_code == 3
        assert "three ways out" in result.stderr

    def test_an_engine_that_does_not_exist(self) -> None:
        assert runner.invoke(app, ["local", "up", "--engine", "abacus"]).exit_code == 2

    def test_a_port_that_is_taken_is_told_before_anything_is_prepared(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("orchard.cli.run.exported_model", lambda *_: pytest.fail("the weights were prepared"))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            result = runner.invoke(app, ["local", "up", "--port", str(taken.getsockname()[1])])
        assert result.exit_code == 3
        assert "another program, perhaps another local cloud, listens there" in result.stderr
        assert "Next: orchard local up --port 0" in result.stderr

    def test_ctrl_c_ends_it_in_order(self, place: LocalPlace, monkeypatch: pytest.MonkeyPatch) -> None:
        from contextlib import contextmanager

        life: list[str] = []

        @contextmanager
        def in_local_cloud(model: object, engine: str, told: object, port: int) -> Iterator[LocalPlace]:
            life.append(f"{model} {engine} {port}")
            try:
                yield place
            finally:
                life.append("ended")

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("orchard.cli.target.in_local_cloud", in_local_cloud)
        monkeypatch.setattr("orchard.cli.run.exported_model", lambda weights, console: weights)
        monkeypatch.setattr("orchard.cli.local.watch", interrupted)
        result = runner.invoke(app, ["local", "up", "--weights", "random", "--port", "0"])
        assert result.exit_code == 130
        assert life == ["random onnxruntime 0", "ended"]
        assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4566" in result.stdout
        assert "Ending the local cloud" in result.stderr
