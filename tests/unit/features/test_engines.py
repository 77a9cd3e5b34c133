"""The engines against Keras itself. Keras and TensorFlow take ten seconds to import, hence slow."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from orchard.errors import UsageError
from orchard.features import engines
from orchard.features.engines import Engine, OnnxRuntimeEngine, engine_session, load_engine
from orchard.features.errors import EngineMissingError, ModelDamagedError
from orchard.features.featurize import Features, compute_features
from orchard.features.model import ENGINE_FILES, MANIFEST, ModelFolder, ModelManifest
from orchard.features.network import build
from orchard.features.pixels import Pixels, decode
from orchard.features.tensorflow_runtime import import_tensorflow
from orchard.features.weights import resolve_weights
from tests.support.paths import ROOT
from tests.support.pictures.drawn import CLASSES, draw_fruit
from tests.support.pictures.models import exported
from tests.support.pictures.realdata import SAMPLE_ZIP, WEIGHTS, needs_real_data, needs_real_weights

DRAWN = [draw_fruit(label, number) for label in CLASSES for number in range(3)]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=ENGINE_FILES)
def engine(request: pytest.FixtureRequest, random_model: ModelFolder) -> Engine:
    return load_engine(request.param, random_model)


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    return np.stack([decode(content) for content in DRAWN])


def plain_keras(weights: Path | list[Any], contents: list[bytes]) -> Features:
    """What a notebook would compute: nothing of ours but the weights."""
    _, keras = import_tensorflow()
    network = keras.applications.MobileNetV2(weights=None, include_top=False, pooling="avg", input_shape=(224, 224, 3))
    network.set_weights(weights) if isinstance(weights, list) else network.load_weights(weights)
    pictures = [Image.open(io.BytesIO(content)).convert("RGB") for content in contents]
    resized = np.stack([np.asarray(p.resize((224, 224), Image.Resampling.BICUBIC), np.float32) for p in pictures])
    return network.predict(keras.applications.mobilenet_v2.preprocess_input(resized), verbose=0)


def cosines(a: Features, b: Features) -> Features:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def keras_on_drawn_pictures() -> Features:
    return plain_keras(build(resolve_weights("random")).get_weights(), DRAWN)


def test_features_are_those_of_plain_keras(engine: Engine, keras_on_drawn_pictures: Features) -> None:
    features = np.stack([answer for _, answer in compute_features(engine, enumerate(DRAWN))])

    assert cosines(features, keras_on_drawn_pictures).min() > 0.9999
    assert np.abs(features - keras_on_drawn_pictures).max() < 1e-4


@needs_real_data
@needs_real_weights
@pytest.mark.parametrize("name", ENGINE_FILES)
def test_features_of_real_pictures_are_those_of_plain_keras(name: str, model_cache: Path) -> None:
    with zipfile.ZipFile(SAMPLE_ZIP) as archive:
        names = [member for member in archive.namelist() if member.endswith(".jpg")]
        contents = [archive.read(member) for member in names[:: max(1, len(names) // 40)]]
    reference = plain_keras(WEIGHTS, contents)

    engine = load_engine(name, exported(str(WEIGHTS), model_cache))
    features = np.stack([answer for _, answer in compute_features(engine, enumerate(contents))])

    assert cosines(features, reference).min() > 0.9999
    assert np.abs(features - reference).max() < 1e-3


def test_a_picture_s_features_do_not_depend_on_its_neighbours(engine: Engine, pixels: Pixels) -> None:
    together = engine(pixels)

    assert (together.shape, together.dtype) == ((len(pixels), 1280), np.dtype(np.float32))
    for size in (1, 3, 5, len(pixels)):
        apart = np.concatenate([engine(pixels[i : i + size]) for i in range(0, len(pixels), size)])
        assert np.abs(apart - together).max() < 1e-5
    assert np.abs(engine(pixels[::-1])[::-1] - together).max() < 1e-5


def test_no_pictures_no_features(engine: Engine, pixels: Pixels) -> None:
    assert engine(pixels[:0]).shape == (0, 1280)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((1, 224, 224, 3), np.float32), np.zeros((224, 224, 3), np.uint8), np.zeros((1, 96, 96, 3), np.uint8)],
)
def test_other_pixels_are_refused_rather_than_misread(engine: Engine, wrong: npt.NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        engine(wrong)


def test_random_features_are_of_a_sensible_size_and_tell_pictures_apart(engine: Engine, pixels: Pixels) -> None:
    features = engine(pixels)

    assert 0.1 < features.std() < 3
    assert (features == 0).mean() < 0.5
    assert features.std(axis=0).mean() > 0.02
    assert features.max() < 6  # not against ReLU6's ceiling


def test_an_engine_keeps_to_one_core(engine: Engine) -> None:
    if engine.name == "onnxruntime":
        assert isinstance(engine, OnnxRuntimeEngine)
        options = engine._session.get_session_options()
        assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    else:
        threading = import_tensorflow()[0].config.threading
        assert threading.get_intra_op_parallelism_threads() == 1
        assert threading.get_inter_op_parallelism_threads() == 1


def test_a_process_loads_a_model_once_and_another_model_anew(random_model: ModelFolder, tmp_path: Path) -> None:
    engines._session.cache_clear()
    first = engine_session("onnxruntime", random_model.path)
    assert engine_session("onnxruntime", str(random_model.path)) is first

    copy = tmp_path / "model"
    copy.mkdir()
    (copy / "model.onnx").write_bytes(random_model.file("onnxruntime").read_bytes())
    (copy / MANIFEST).write_text(random_model.manifest.to_json())
    second = engine_session("onnxruntime", copy)
    renamed = ModelManifest(**{**vars(random_model.manifest), "weights": "other.h5"})
    (copy / MANIFEST).write_text(renamed.to_json())
    assert engine_session("onnxruntime", copy) is not second


def test_a_damaged_model_is_not_loaded(random_model: ModelFolder, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(random_model.manifest.to_json())
    (tmp_path / "model.onnx").write_bytes(random_model.file("onnxruntime").read_bytes()[:-1])

    with pytest.raises(ModelDamagedError):
        load_engine("onnxruntime", tmp_path)


def test_an_unknown_engine_is_a_usage_error(random_model: ModelFolder) -> None:
    with pytest.raises(UsageError):
        load_engine("theano", random_model)


@pytest.mark.parametrize(("name", "library"), [("onnxruntime", "onnxruntime"), ("tensorflow", "tensorflow")])
def test_a_missing_library_is_said_with_the_fix(
    random_model: ModelFolder, monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(EngineMissingError) as caught:
        load_engine(name, ModelFolder(random_model.path))
    assert caught.value.exit_code == 3
    assert "pip install" in caught.value.next_command


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    modules = ["engines", "export", "featurize", "model", "network", "pixels", "weights"]
    heavy = {"tensorflow", "keras", "onnxruntime", "onnx", "tf2onnx", "h5py"}
    code = "import sys\n" + "\n".join(f"import orchard.features.{module}" for module in modules)
    code += f"\nprint(*({heavy} & set(sys.modules)))"

    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_tensorflow_is_told_before_its_import_to_compute_the_same_way_on_every_processor() -> None:
    code = "import os, sys; sys.modules['keras'] = None\n"  # so that the import ends there
    code += "from orchard.features.tensorflow_runtime import import_tensorflow\n"
    code += "try: import_tensorflow(%s)\nexcept Exception: print(os.environ.get('TF_ENABLE_ONEDNN_OPTS'))"

    def told(arguments: str, **variables: str) -> str:
        run = [sys.executable, "-c", code % arguments]
        own = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
        done = subprocess.run(run, cwd=ROOT, env={**own, **variables}, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert told("") == "0"
    assert told("", TF_ENABLE_ONEDNN_OPTS="1") == "1", "the user's own choice"
    assert told("reference=False") == "None"


def test_tensorflow_says_nothing_in_the_job_s_log(random_model: ModelFolder) -> None:
    code = f"from orchard.features.engines import load_engine; load_engine('tensorflow', {str(random_model.path)!r})"

    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")
