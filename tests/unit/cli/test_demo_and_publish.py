"""The two commands that only `make` calls: the demonstration, and publishing to a deployed stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from moto import mock_aws
from typer.testing import CliRunner

from orchard.cli import demo, publish
from orchard.errors import EnvironmentNotReadyError, WeightsUnavailableError
from orchard.features import weights as weights_module
from orchard.features.weights import Weights
from orchard.layout import CURRENT_RELEASE_KEY
from orchard.release.build import Release
from tests import awsfakes
from tests.fakecloud import FakeCloud, model_folder, use

runner = CliRunner()


def command(function: object) -> typer.Typer:
    app = typer.Typer()
    app.command()(function)  # type: ignore[type-var]
    return app


class TestDemo:
    @pytest.fixture
    def ran(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
        """What the demonstration asks `orchard run` for."""
        asked: dict[str, object] = {}

        def run_archive(archive: Path, options: object, **rest: object) -> None:
            asked.update(rest, archive=archive)

        monkeypatch.setattr(demo, "run_archive", run_archive)
        return asked

    def test_it_runs_on_its_own_pictures_with_imagenet_weights_where_there_are_any(
        self, ran: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(weights_module, "resolve_weights", lambda name: Weights(name, "0", tmp_path))
        result = runner.invoke(command(demo.demo), ["--out", str(tmp_path / "demo")])
        assert result.exit_code == 0, result.output
        assert ran == {
            "archive": tmp_path / "demo.zip", "local": True, "weights": "imagenet", "out": tmp_path / "demo",
        }  # fmt: skip
        assert (tmp_path / "demo.zip").exists()

    def test_random_weights_stand_in_for_missing_ones_and_it_says_so(
        self, ran: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(name: str) -> Weights:
            raise WeightsUnavailableError("There are no weights")

        monkeypatch.setattr(weights_module, "resolve_weights", missing)
        result = runner.invoke(command(demo.demo), ["--out", str(tmp_path / "demo")])
        assert ran["weights"] == "random"
        assert "There are no weights: the demonstration goes on with random ones." in result.stderr

    def test_any_other_trouble_ends_it_with_its_exit_code(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: object, **__: object) -> None:
            raise EnvironmentNotReadyError("No Java", "none on the PATH", "install it")

        monkeypatch.setattr(weights_module, "resolve_weights", lambda name: Weights(name, "0", tmp_path))
        monkeypatch.setattr(demo, "run_archive", fails)
        result = runner.invoke(command(demo.demo), ["--out", str(tmp_path / "demo")])
        assert result.exit_code == 3
        assert result.stderr.splitlines() == ["Error: No Java", "  none on the PATH", "  Next: install it"]


class TestPublish:
    @pytest.fixture
    def cloud(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeCloud]:
        awsfakes.isolate(monkeypatch)
        release = Release("0123456789ab", {"orchard.zip": b"code"}, {})
        monkeypatch.setattr("orchard.release.build.build", lambda root, cache, engines: release)
        monkeypatch.setattr("orchard.features.export.model_for", lambda weights, cache: model_folder(tmp_path / "m"))
        with mock_aws():
            yield use(monkeypatch, FakeCloud())

    def test_a_release_and_a_model_become_the_current_ones(self, cloud: FakeCloud) -> None:
        result = runner.invoke(command(publish.publish), ["--weights", "random"])
        assert result.exit_code == 0, result.output
        s3, bucket = awsfakes.session().client("s3"), cloud.outputs["ArtefactsBucketName"]
        current = json.loads(s3.get_object(Bucket=bucket, Key=CURRENT_RELEASE_KEY)["Body"].read())
        assert current["release"] == "0123456789ab"
        assert s3.get_object(Bucket=bucket, Key="releases/0123456789ab/orchard.zip")["Body"].read() == b"code"
        assert f"model {current['model']}" in " ".join(result.stderr.split())

    def test_a_stack_that_is_not_there_is_said(self, cloud: FakeCloud) -> None:
        result = runner.invoke(command(publish.publish), ["--weights", "random", "--stack", "staging"])
        assert result.exit_code == 3
        assert "staging" in result.stderr
