"""Turn the Keras model into the folder that the nodes read, once, at build time.

    python -m orchard.features.export --weights imagenet --out build/model

The ONNX file is made from the very Keras model that is saved beside it, and no folder appears before both files have
been loaded by their engines and found to agree. The same weights give the same files, and so the same model id.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchard.cache.held import held_folder
from orchard.errors import OrchardError, installing, require_extra
from orchard.features.errors import EngineMissingError, EnginesDisagreeError, ModelDamagedError, ModelFolderTakenError
from orchard.features.model import ENGINE_FILES, MANIFEST, SIDE, ModelFolder, ModelManifest, sha256_of
from orchard.features.tensorflow_runtime import import_tensorflow
from orchard.features.weights import IMAGENET, RANDOM, Weights, resolve_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

EXPORTER = 1
"""Raised when the same weights would give another model, so that `model_for` makes it anew."""

TOLERANCE = 1e-4
"""Largest difference between the engines, in a feature; they lie between 0 and 6."""

_OPSET = 17
_CHECKED_PICTURES = 3  # more than one batch of one engine, less than one of the other
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of a zip


def export(weights: Weights, folder: Path) -> ModelManifest:
    """Export MobileNetV2 for every engine.

    Args:
        folder: The model's folder; a model that is there already is replaced. It appears complete or not at all.

    Raises:
        ModelFolderTakenError: The folder holds something that is not a model.
        WeightsMismatchError: The weights do not fit the network.
        EngineMissingError: A library that the export needs is not installed.
        EnginesDisagreeError: The engines' features differ by more than `TOLERANCE`.
    """
    from orchard.features.network import NAME, build  # needs NumPy, of whose absence `main` tells first

    if folder.exists() and not (folder / MANIFEST).is_file() and not _is_empty_folder(folder):
        raise ModelFolderTakenError(f"{folder} cannot be replaced", "it holds files that are not a model")
    with held_folder(folder.parent) as scratch:
        new = scratch / "new"
        new.mkdir()
        model = build(weights)
        _save_keras(model, new / ENGINE_FILES["tensorflow"])
        _save_onnx(model, new / ENGINE_FILES["onnxruntime"])
        _check_agreement(new)
        files = {name: sha256_of(new / name) for name in ENGINE_FILES.values()}
        manifest = ModelManifest(name=NAME, weights=weights.name, weights_sha256=weights.sha256, files=files)
        (new / MANIFEST).write_text(manifest.to_json(), "utf-8")
        if folder.exists():
            folder.rename(scratch / "old")
        new.rename(folder)
    return manifest


def model_for(weights: Weights, cache: Path) -> ModelFolder:
    """The model with these weights, exported at the first call and found in the cache afterwards.

    Args:
        cache: A folder of models.

    Returns:
        The model, verified.

    Raises:
        OrchardError: As `export`.
    """
    folder = cache / f"{weights.sha256[:12]}-{EXPORTER}"
    cached = ModelFolder(folder)
    try:
        cached.check()
        if cached.manifest.weights == weights.name:  # the same file under another name is another model
            return cached
    except ModelDamagedError:
        shutil.rmtree(folder, ignore_errors=True)  # a cache may always be made anew
    export(weights, folder)
    return ModelFolder(folder)


def _is_empty_folder(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _save_keras(model: Any, file: Path) -> None:  # noqa: ANN401 (a keras.Model)
    """Save without the date and memory addresses, so that the same weights give the same file."""
    dated = file.with_name(f"dated-{file.name}")
    model.save(dated)
    with zipfile.ZipFile(dated) as source, zipfile.ZipFile(file, "w") as target:
        for name in sorted(source.namelist()):
            content = source.read(name)
            if name == "metadata.json":
                content = json.dumps({**json.loads(content), "date_saved": ""}).encode()
            elif name == "config.json":
                content = _number_shared_objects(content.decode()).encode()
            target.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    dated.unlink()


def _number_shared_objects(config: str) -> str:
    numbers: dict[str, str] = {}
    return re.sub(
        r'(?<="shared_object_id": )\d+', lambda address: numbers.setdefault(address[0], str(len(numbers))), config
    )


def _save_onnx(model: Any, file: Path) -> None:  # noqa: ANN401 (a keras.Model)
    tf, _ = import_tensorflow()
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise EngineMissingError("tf2onnx is not installed", str(error), installing("export")) from error
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    signature = [tf.TensorSpec((None, SIDE, SIDE, 3), tf.uint8, name="pixels")]
    compute = tf.function(lambda pixels: {"features": model(pixels, training=False)}, input_signature=signature)
    converted, _ = tf2onnx.convert.from_function(compute, input_signature=signature, opset=_OPSET)
    _name_by_position(converted.graph)
    onnx.save(converted, file)


def _name_by_position(graph: Any) -> None:  # noqa: ANN401 (an onnx.GraphProto)
    """Rename all but the input and the output by where they occur: the converter's names change from run to run."""
    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    for position, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{position}"
        for values, kind in ((node.input, "input"), (node.output, "output")):
            for index, name in enumerate(values):
                values[index] = names.setdefault(name, f"{node.name}_{kind}_{index}") if name else ""
    constants = sorted(graph.initializer, key=lambda constant: names[constant.name])
    for constant in constants:
        constant.name = names[constant.name]
    del graph.initializer[:]
    graph.initializer.extend(constants)
    del graph.value_info[:]


def _check_agreement(folder: Path) -> None:
    import numpy as np

    from orchard.features.engines import OnnxRuntimeEngine, TensorFlowEngine

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (_CHECKED_PICTURES, SIDE, SIDE, 3), dtype=np.uint8)
    files = ModelFolder(folder)
    onnx = OnnxRuntimeEngine(files.file("onnxruntime"))(pixels)
    reference = TensorFlowEngine(files.file("tensorflow"))(pixels)
    difference = float(np.abs(onnx - reference).max())
    if not difference < TOLERANCE:  # so that NaN does not pass
        raise EnginesDisagreeError(
            "The engines do not agree", f"their features differ by {difference:g}, more than {TOLERANCE:g}"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line.

    Args:
        argv: Arguments; None for those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m orchard.features.export", description="Export the model for the nodes."
    )
    parser.add_argument(
        "--weights", required=True, help=f"{IMAGENET}, {RANDOM}, or a file of weights (.h5, .weights.h5, .keras)"
    )
    parser.add_argument("--out", required=True, type=Path, help="the model's folder; a model that is there is replaced")
    arguments = parser.parse_args(argv)
    try:
        require_extra("export", "Exporting a model")
        manifest = export(resolve_weights(arguments.weights), arguments.out)
    except OrchardError as error:
        next_line = error.next_command and f"Next: {error.next_command}"
        print(*filter(None, (f"Error: {error.headline}", error.cause, next_line)), sep="\n", file=sys.stderr)
        return error.exit_code
    print(f"{manifest.id} {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
