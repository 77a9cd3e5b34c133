"""The command that only `make` calls, the demonstration, and the one that only `sam build` calls."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from orchard.cli import assemble, demo
from orchard.errors import EnvironmentNotReadyError, WeightsUnavailableError
from orchard.features.weights import Weights
from orchard.release.bundle import Bundle
from tests.support.cloud.fake import model_folder

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

        def run_sources(sources: list[Path], options: object, **rest: object) -> None:
            asked.update(rest, archive=sources[0])

        monkeypatch.setattr(demo, "run_sources", run_sources)
        return asked

    def test_it_runs_on_its_own_pictures_with_imagenet_weights_where_there_are_any(
        self, ran: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("orchard.features.weights.resolve_weights", lambda name: Weights(name, "0", tmp_path))
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

        monkeypatch.setattr("orchard.features.weights.resolve_weights", missing)
        result = runner.invoke(command(demo.demo), ["--out", str(tmp_path / "demo")])
        assert ran["weights"] == "random"
        assert "There are no weights: the demonstration goes on with random ones." in result.stderr

    def test_any_other_trouble_ends_it_with_its_exit_code(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: object, **__: object) -> None:
            raise EnvironmentNotReadyError("No Java", "none on the PATH", "install it")

        monkeypatch.setattr("orchard.features.weights.resolve_weights", lambda name: Weights(name, "0", tmp_path))
        monkeypatch.setattr(demo, "run_sources", fails)
        result = runner.invoke(command(demo.demo), ["--out", str(tmp_path / "demo")])
        assert result.exit_code == 3
        assert result.stderr.splitlines() == ["Error: No Java", "  none on the PATH", "  Next: install it"]


class TestAssemble:
    @pytest.fixture(autouse=True)
    def _model(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("orchard.features.export.model_for", lambda weights, cache: model_folder(tmp_path / "m"))
        monkeypatch.setattr("orchard.release.build.gather_wheels", lambda requirements, cache: tmp_path / "wheels")
        (tmp_path / "wheels").mkdir()
        (tmp_path / "wheels" / "requirements.txt").write_text("")

    def test_the_layer_holds_a_bundle_that_can_be_published(self, tmp_path: Path) -> None:
        result = runner.invoke(command(assemble.assemble), [str(tmp_path / "layer"), "--weights", "random"])
        assert result.exit_code == 0, result.output
        bundle = Bundle.load(tmp_path / "layer" / "bundle")
        assert bundle.engines == ("onnxruntime",)
        assert f"release {bundle.release} and model {bundle.model}" in result.stderr

    def test_missing_weights_are_told_in_the_words_of_sam_build(self, tmp_path: Path) -> None:
        result = runner.invoke(command(assemble.assemble), [str(tmp_path / "layer"), "--weights", "/none.h5"])
        assert result.exit_code == 3
        assert "There are no weights '/none.h5'" in result.stderr
        assert result.stderr.endswith("Next: WEIGHTS=path/to/weights.h5 sam build\n")

    def test_what_lambda_would_refuse_is_refused_at_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("orchard.release.bundle.MAX_LAYER_BYTES", 1000)
        result = runner.invoke(command(assemble.assemble), [str(tmp_path / "layer"), "--weights", "random"])
        assert result.exit_code == 3
        assert "too large for a layer" in result.stderr
