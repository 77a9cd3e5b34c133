import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchard.errors import OrchardError
from orchard.features.engines import OnnxRuntimeEngine
from orchard.features.errors import EnginesDisagreeError, ModelFolderTakenError, WeightsMismatchError
from orchard.features.export import EXPORTER, export, main, model_for
from orchard.features.featurize import Features
from orchard.features.model import ENGINE_FILES, MANIFEST, ModelFolder, ModelManifest, sha256_of
from orchard.features.network import build
from orchard.features.pixels import Pixels
from orchard.features.tensorflow_runtime import import_tensorflow
from orchard.features.weights import Weights, resolve_weights
from tests.support.paths import ROOT

RANDOM = resolve_weights("random")


def from_file(path: Path) -> Weights:
    return Weights(path.name, "00", path)


# --- the network -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole() -> Any:  # noqa: ANN401 (a keras.Model; Keras ships no types)
    """MobileNetV2 with its classifier, every weight drawn, the batch norms too."""
    _, keras = import_tensorflow()
    network = keras.applications.MobileNetV2(weights=None)
    rng = np.random.default_rng(7)
    network.set_weights([w + rng.uniform(0, 0.01, w.shape) for w in network.get_weights()])
    return network


@pytest.mark.slow
@pytest.mark.parametrize("name", ["with_top.h5", "with_top.weights.h5", "with_top.keras"])
def test_a_classifier_is_cut_off(
    whole: Any,  # noqa: ANN401
    tmp_path: Path,
    name: str,
) -> None:
    _, keras = import_tensorflow()
    file = tmp_path / name
    whole.save_weights(file) if name.endswith(".weights.h5") else whole.save(file)
    pixels = np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)

    features = build(from_file(file))(pixels).numpy()

    before_classifier = keras.Model(whole.input, whole.layers[-2].output)
    expected = before_classifier(pixels.astype(np.float32) / 127.5 - 1).numpy()
    assert np.abs(features - expected).max() < 1e-5
    assert expected.std() > 0


@pytest.mark.slow
def test_a_file_without_classifier_is_taken_whole(tmp_path: Path) -> None:
    _, keras = import_tensorflow()
    saved = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(224, 224, 3))
    saved.save_weights(tmp_path / "mine.weights.h5")

    loaded = build(from_file(tmp_path / "mine.weights.h5"))

    for a, b in zip(saved.get_weights(), loaded.get_weights(), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.slow
def test_random_weights_are_the_same_every_time() -> None:
    for a, b in zip(build(RANDOM).get_weights(), build(RANDOM).get_weights(), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.slow
def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    _, keras = import_tensorflow()
    keras.applications.MobileNetV2(weights=None, alpha=0.5).save_weights(tmp_path / "half.weights.h5")
    (tmp_path / "text.h5").write_text("not weights")

    for name in ("half.weights.h5", "text.h5"):
        with pytest.raises(WeightsMismatchError, match=name) as caught:
            build(from_file(tmp_path / name))
        assert caught.value.exit_code == 2


@pytest.mark.slow
@pytest.mark.parametrize("with_classifier", [False, True])
def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, with_classifier: bool) -> None:
    _, keras = import_tensorflow()
    network = keras.applications.MobileNetV2(weights=None, include_top=with_classifier, input_shape=(224, 224, 3))
    values = network.get_weights()
    values[0][0, 0, 0, 0] = np.nan
    network.set_weights(values)
    network.save_weights(tmp_path / "nan.weights.h5")

    with pytest.raises(WeightsMismatchError, match=r"nan\.weights\.h5"):
        build(from_file(tmp_path / "nan.weights.h5"))


def test_what_is_not_installed_is_said_before_anything_is_made(tmp_path: Path) -> None:
    command = ["orchard.features.export", "--weights", "random", "--out", str(tmp_path / "model")]
    without = f"import runpy, sys; sys.modules['numpy'] = None; sys.argv = {command}; "
    alone = f"{without}runpy.run_module(sys.argv[0], run_name='__main__')"
    run = subprocess.run([sys.executable, "-c", alone], cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr.splitlines()) == (
        3,
        "",
        [
            "Error: A part of Orchard is not installed",
            "Exporting a model needs numpy",
            "Next: pip install 'orchard[export]'",
        ],
    )


# --- the folder --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_exports_the_same_model_in_every_process(random_model: ModelFolder, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orchard.features.export", "--weights", "random", "--out", str(tmp_path / "model")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    model = ModelFolder(tmp_path / "model")
    model.check()
    assert run.stdout == f"{model.manifest.id} {model.path}\n"
    assert run.stderr == ""
    assert model.manifest == random_model.manifest
    assert (model.manifest.name, model.manifest.weights, model.manifest.side) == ("MobileNetV2", "random", 224)
    assert {file.name for file in model.path.iterdir()} == {MANIFEST, *ENGINE_FILES.values()}


@pytest.mark.slow
def test_engines_that_disagree_leave_no_model_and_the_old_one_alone(
    random_model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Off(OnnxRuntimeEngine):
        def __call__(self, pixels: Pixels) -> Features:
            return super().__call__(pixels) + np.float32(2e-4)

    monkeypatch.setattr("orchard.features.engines.OnnxRuntimeEngine", Off)
    old = tmp_path / "model"
    old.mkdir()
    (old / MANIFEST).write_text(random_model.manifest.to_json())

    with pytest.raises(EnginesDisagreeError, match=r"differ by 0\.0002"):
        export(RANDOM, old)

    assert [file.name for file in tmp_path.iterdir()] == ["model"]
    assert (old / MANIFEST).read_text() == random_model.manifest.to_json()


def test_a_folder_that_holds_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(ModelFolderTakenError) as caught:
        export(RANDOM, tmp_path)
    assert caught.value.exit_code == 2
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


# --- the cache ---------------------------------------------------------------------------------------------------


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Exports in no time: it remembers what was asked for, and writes a folder that passes its check."""
    asked = []

    def quick(weights: Weights, folder: Path) -> ModelManifest:
        asked.append(weights.name)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ENGINE_FILES.values():
            (folder / name).write_text(f"{weights.name} {name}")
        files = {name: sha256_of(folder / name) for name in ENGINE_FILES.values()}
        manifest = ModelManifest(name="MobileNetV2", weights=weights.name, weights_sha256=weights.sha256, files=files)
        (folder / MANIFEST).write_text(manifest.to_json())
        return manifest

    monkeypatch.setattr("orchard.features.export.export", quick)
    return asked


def test_a_model_is_exported_once(exports: list[str], tmp_path: Path) -> None:
    first = model_for(RANDOM, tmp_path)
    second = model_for(RANDOM, tmp_path)

    assert exports == ["random"]
    assert first.path == second.path
    assert first.manifest.weights == "random"


def test_other_weights_are_another_model(exports: list[str], tmp_path: Path) -> None:
    mine = Weights("mine.h5", "11" * 32, None)

    assert model_for(RANDOM, tmp_path).path != model_for(mine, tmp_path).path
    assert exports == ["random", "mine.h5"]


def test_the_same_weights_under_another_name_are_not_passed_off_as_the_first(
    exports: list[str], tmp_path: Path
) -> None:
    model_for(Weights("a.h5", "11" * 32, None), tmp_path)

    assert model_for(Weights("b.h5", "11" * 32, None), tmp_path).manifest.weights == "b.h5"


@pytest.mark.parametrize("damage", ["model.onnx", "model.keras", MANIFEST])
def test_a_damaged_model_in_the_cache_is_made_anew(exports: list[str], tmp_path: Path, damage: str) -> None:
    (model_for(RANDOM, tmp_path).path / damage).write_text("broken")

    model_for(RANDOM, tmp_path).check()
    assert exports == ["random", "random"]


def test_a_new_exporter_makes_new_models(exports: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model_for(RANDOM, tmp_path)
    monkeypatch.setattr("orchard.features.export.EXPORTER", EXPORTER + 1)
    model_for(RANDOM, tmp_path)

    assert exports == ["random", "random"]


# --- the command's errors ----------------------------------------------------------------------------------------


def test_an_error_is_a_headline_a_cause_and_the_next_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(_: str) -> Weights:
        raise OrchardError("No weights today", "it is Sunday", "sleep 1d")

    monkeypatch.setattr("orchard.features.export.resolve_weights", unavailable)

    assert main(["--weights", "imagenet", "--out", str(tmp_path / "model")]) == 1
    assert capsys.readouterr().err == "Error: No weights today\nit is Sunday\nNext: sleep 1d\n"


def test_a_wrong_path_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--weights", str(tmp_path / "absent.h5"), "--out", str(tmp_path / "model")]) == 2
    assert capsys.readouterr().err.startswith("Error: There are no weights")
    assert not (tmp_path / "model").exists()
