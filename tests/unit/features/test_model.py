import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from orchard.errors import EnvironmentNotReadyError, UsageError
from orchard.features.errors import ModelDamagedError
from orchard.features.model import ENGINE_FILES, MANIFEST, ModelFolder, ModelManifest

CONTENTS = {"model.onnx": b"onnx", "model.keras": b"keras"}


def manifest(**changes: object) -> ModelManifest:
    files = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    return ModelManifest(
        **{"name": "MobileNetV2", "weights": "random", "weights_sha256": "ab", "files": files, **changes}
    )


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / MANIFEST).write_text(manifest().to_json())
    return ModelFolder(tmp_path)


def test_a_manifest_survives_being_written_and_read() -> None:
    assert ModelManifest.from_json(manifest().to_json()) == manifest()


def test_the_id_is_the_beginning_of_the_hash_of_the_file(folder: ModelFolder) -> None:
    digest = hashlib.sha256((folder.path / MANIFEST).read_bytes()).hexdigest()

    assert folder.manifest.id == digest[:12]


def test_the_id_does_not_depend_on_the_order_of_the_files_or_on_white_space() -> None:
    reordered = dict(reversed([*manifest().files.items()]))

    assert manifest(files=reordered).id == manifest().id
    assert ModelManifest.from_json(json.dumps(json.loads(manifest().to_json()))).id == manifest().id


@pytest.mark.parametrize(
    "change",
    [{"weights": "imagenet"}, {"weights_sha256": "cd"}, {"files": {"model.onnx": "00"}}, {"features": 1}, {"side": 96}],
)
def test_another_model_has_another_id(change: dict[str, Any]) -> None:
    assert manifest(**change).id != manifest().id


def test_a_whole_folder_passes(folder: ModelFolder) -> None:
    folder.check()
    for engine in ENGINE_FILES:
        folder.check(engine)


def test_a_changed_file_is_found(folder: ModelFolder) -> None:
    (folder.path / "model.onnx").write_bytes(b"onnX")

    with pytest.raises(ModelDamagedError, match=r"model\.onnx has the SHA-256") as caught:
        folder.check()
    assert isinstance(caught.value, EnvironmentNotReadyError)
    assert caught.value.exit_code == 3
    assert caught.value.next_command.startswith("python -m orchard.features.export")


def test_an_engine_only_needs_its_own_file(folder: ModelFolder) -> None:
    (folder.path / "model.keras").unlink()

    folder.check("onnxruntime")
    with pytest.raises(ModelDamagedError, match=r"model\.keras cannot be read"):
        folder.check("tensorflow")
    with pytest.raises(ModelDamagedError, match=r"model\.keras cannot be read"):
        folder.check()


def test_a_file_that_the_manifest_does_not_list_is_not_trusted(folder: ModelFolder) -> None:
    listed = {"model.onnx": manifest().files["model.onnx"]}
    (folder.path / MANIFEST).write_text(manifest(files=listed).to_json())

    with pytest.raises(ModelDamagedError, match=r"does not list model\.keras"):
        folder.check("tensorflow")


def test_a_folder_without_a_manifest_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelDamagedError, match=r"manifest\.json cannot be read"):
        ModelFolder(tmp_path).check()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "\x00",
        manifest().to_json().replace('"side"', '"height"'),
        manifest(files={"../../etc/passwd": "00"}).to_json(),
        json.dumps({**json.loads(manifest().to_json()), "files": ["model.onnx"]}),
        json.dumps({**json.loads(manifest().to_json()), "more": 1}),
    ],
)
def test_a_manifest_that_makes_no_sense_is_said_to_be_damaged(folder: ModelFolder, text: str) -> None:
    (folder.path / MANIFEST).write_text(text)

    with pytest.raises(ModelDamagedError, match="makes no sense"):
        folder.check()


def test_there_are_two_engines(folder: ModelFolder) -> None:
    assert {folder.file("onnxruntime").name, folder.file("tensorflow").name} == set(CONTENTS)
    with pytest.raises(UsageError, match="'theano'"):
        folder.file("theano")
