"""What computes features: ONNX Runtime, or TensorFlow as the reference.

Both run on one thread, because Spark gives each Python worker one core, and both cut what they are given into small
batches, because MobileNetV2's early activations (4.8 MB a picture) then stay in the processor's cache.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from orchard.errors import installing
from orchard.features.errors import EngineMissingError
from orchard.features.model import FEATURES, SIDE, ModelFolder
from orchard.features.tensorflow_runtime import import_tensorflow

if TYPE_CHECKING:
    from orchard.features.pixels import Pixels

ONNXRUNTIME_BATCH = 2
"""Pictures in one call. Measured with 1, 2, 3, 4, 8 in turn on one core of a shared x86-64 machine, best of 7 rounds:
9.8, 9.3, 9.3, 9.5, 9.7 ms a picture (ONNX Runtime 1.31)."""

TENSORFLOW_BATCH = 4
"""Pictures in one call, always as many. Measured with 1, 2, 4, 8, 16 in turn on the same machine, best of 5 rounds:
22.8, 22.6, 20.8, 27.7, 28.5 ms a picture (TensorFlow 2.21)."""


class Engine(Protocol):
    """Something that turns pixels into features."""

    @property
    def name(self) -> str:
        """The engine's name, a key of `orchard.features.model.ENGINE_FILES`."""

    @property
    def features(self) -> int:
        """Length of the vector for one picture."""

    @property
    def side(self) -> int:
        """Height and width of a picture, in pixels."""

    def __call__(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Compute features.

        Args:
            pixels: RGB pictures, uint8 of shape (n, side, side, 3), any n.

        Returns:
            float32 of shape (n, features), one row a picture, each independent of the other pictures.

        Raises:
            ValueError: The pixels have another type or shape.
        """


class OnnxRuntimeEngine:
    """MobileNetV2 in ONNX Runtime."""

    name = "onnxruntime"
    features = FEATURES
    side = SIDE

    def __init__(self, file: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineMissingError("ONNX Runtime is not installed", str(error), installing("spark")) from error
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        # The batch norms that the export leaves after the depthwise convolutions are folded into them at this level.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3  # errors
        self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def __call__(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """See `Engine`."""
        _check_pixels(pixels)
        answers = np.empty((len(pixels), FEATURES), np.float32)
        for start in range(0, len(pixels), ONNXRUNTIME_BATCH):
            batch = slice(start, start + ONNXRUNTIME_BATCH)
            (answers[batch],) = self._session.run(["features"], {"pixels": pixels[batch]})
        return answers


class TensorFlowEngine:
    """MobileNetV2 as Keras saved it, compiled by `tf.function` for one fixed batch."""

    name = "tensorflow"
    features = FEATURES
    side = SIDE

    def __init__(self, file: Path) -> None:
        tf, keras = import_tensorflow()
        model = keras.models.load_model(file, compile=False)
        signature = tf.TensorSpec((TENSORFLOW_BATCH, SIDE, SIDE, 3), tf.uint8)
        self._compute = tf.function(lambda pixels: model(pixels, training=False), input_signature=[signature])

    def __call__(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """See `Engine`."""
        _check_pixels(pixels)
        answers = np.empty((len(pixels), FEATURES), np.float32)
        for start in range(0, len(pixels), TENSORFLOW_BATCH):
            batch = pixels[start : start + TENSORFLOW_BATCH]
            padding = [(0, TENSORFLOW_BATCH - len(batch)), (0, 0), (0, 0), (0, 0)]
            answers[start : start + len(batch)] = self._compute(np.pad(batch, padding)).numpy()[: len(batch)]
        return answers


_ENGINES = {engine.name: engine for engine in (OnnxRuntimeEngine, TensorFlowEngine)}


def load_engine(name: str, folder: ModelFolder | Path | str) -> Engine:
    """Load a model into an engine, after verifying its file.

    Args:
        name: `onnxruntime` or `tensorflow`.

    Raises:
        UsageError: There is no such engine.
        EngineMissingError: The engine's library is not installed.
        ModelDamagedError: The model is not what was exported.
    """
    model = folder if isinstance(folder, ModelFolder) else ModelFolder(Path(folder))
    file = model.file(name)
    model.check(name)
    return _ENGINES[name](file)


def engine_session(name: str, folder: Path | str) -> Engine:
    """The engine of this process for a model: loaded at the first call, the same one at every later call.

    A Spark Python worker serves many tasks; it calls this in each.

    Args:
        name: `onnxruntime` or `tensorflow`.
        folder: The model's folder. When another model takes its place, that one is loaded.

    Raises:
        UsageError: There is no such engine.
        EngineMissingError: The engine's library is not installed.
        ModelDamagedError: The model is not what was exported.
    """
    return _session(name, str(folder), ModelFolder(Path(folder)).manifest.id)


@lru_cache(maxsize=1)
def _session(name: str, folder: str, model_id: str) -> Engine:
    return load_engine(name, folder)


def _check_pixels(pixels: Pixels) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (SIDE, SIDE, 3):
        raise ValueError(f"expected uint8 (n, {SIDE}, {SIDE}, 3), got {pixels.dtype} {pixels.shape}")
