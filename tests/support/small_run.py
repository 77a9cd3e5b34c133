"""A complete run in a folder, made in a second: its files are a run's, and its network is a small one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
from onnx import TensorProto, helper, numpy_helper

from orchard.archive.labels import split_and_label
from orchard.archive.members import Picture
from orchard.components.moments import accumulate
from orchard.components.solve import PrincipalComponents, project, solve
from orchard.features.engines import OnnxRuntimeEngine
from orchard.features.featurize import compute_features
from orchard.features.model import FEATURES, SIDE, ModelFolder, ModelManifest, sha256_of
from orchard.jobs.rows import lists
from orchard.jobs.tables import COMPONENTS, IMAGES, write_part
from orchard.jobs.unzip import pack
from orchard.layout import RunFiles, image_address

ARCHIVE = "s3://orchard-input/fruits.zip"
_POOLED = 28


def small_model(folder: Path) -> ModelFolder:
    """A model whose features are mixtures of the mean colours of 64 squares; no network, and as little work."""
    weights = np.random.default_rng(0).normal(size=(3 * (SIDE // _POOLED) ** 2, FEATURES)).astype(np.float32)
    shape = np.array([-1, len(weights)], np.int64)
    square = {"kernel_shape": [_POOLED] * 2, "strides": [_POOLED] * 2}
    nodes = [
        helper.make_node("Cast", ["pixels"], ["single"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["single"], ["channels"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["channels"], ["pooled"], **square),
        helper.make_node("Reshape", ["pooled", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [None, SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, FEATURES])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(shape, "shape")],
    )
    folder.mkdir(parents=True)
    file = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    manifest = ModelManifest("Small", "small.h5", "0" * 64, {file.name: sha256_of(file)})
    (folder / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
    return ModelFolder(folder)


def small_run(folder: Path, members: Mapping[str, bytes], model: ModelFolder, components: int = 6) -> Path:
    """What a run of a zip with these members leaves, as far as `orchard similar` reads it.

    Args:
        folder: Where; its name is the run's id.
    """
    run = RunFiles(str(folder))
    (folder / "pca_model" / "data").mkdir(parents=True)
    pictures = [_picture(path, content) for path, content in members.items()]
    write_part(IMAGES, run.images, pack(pictures[:5]))
    write_part(IMAGES, run.images, pack(pictures[5:]))
    computed = compute_features(OnnxRuntimeEngine(model.file("onnxruntime")), members.items())
    features = np.array([features for _, features in computed])
    moments = accumulate([features])
    assert moments is not None
    fitted = solve(moments, components=components)
    values = project(features, fitted)
    for start in (0, len(pictures) // 2):
        some = slice(start, start + len(pictures) // 2 + 1) if start else slice(0, len(pictures) // 2)
        names = [pa.array([getattr(one, name) for one in pictures[some]]) for name in ("path", "split", "label")]
        batch = pa.record_batch([*names, lists(np.ascontiguousarray(values[some]))], schema=COMPONENTS.schema)
        write_part(COMPONENTS, run.components, [batch])
    pq.write_table(_saved(fitted), folder / "pca_model" / "data" / "part-00000.snappy.parquet")
    about = {"id": model.manifest.id, "name": model.manifest.name, "weights": model.manifest.weights}
    summary = {"run_id": folder.name, "archive": {"uri": ARCHIVE, "size": 1}, "model": about}
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    seal(folder)
    return folder


def seal(folder: Path) -> None:
    """Write the manifest of what is in a run's folder."""
    manifest = folder / "_manifest.json"
    manifest.unlink(missing_ok=True)
    files = [
        {"path": path.relative_to(folder).as_posix(), "size": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    manifest.write_text(json.dumps({"run_id": folder.name, "files": files}), encoding="utf-8")


def _picture(path: str, content: bytes) -> Picture:
    address, name = image_address(ARCHIVE, path), path.rpartition("/")[2]
    return Picture(path, address, *split_and_label(path), name, datetime(2026, 1, 1, tzinfo=UTC), content)


def _saved(fitted: PrincipalComponents) -> pa.Table:
    """As Spark saves a `PCAModel`."""
    rows, columns = fitted.components.shape
    matrix: dict[str, Any] = {
        "type": 1,
        "numRows": rows,
        "numCols": columns,
        "values": fitted.components.ravel(order="F").tolist(),
        "isTransposed": False,
    }
    return pa.table({"pc": [matrix]})
