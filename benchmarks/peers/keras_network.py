"""MobileNetV2 as the peers use it: Keras's own, its weights sent to the nodes as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orchard.features.model import ENGINE_FILES, SIDE
from orchard.features.pixels import decode
from orchard.features.tensorflow_runtime import import_tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

Weights = list[Any]
"""Arrays of float32, in the order of `keras.Model.get_weights`."""


def keep_weights(model: Path, file: Path) -> None:
    """Keep the weights that Orchard computes with where a driver can read them without TensorFlow.

    Args:
        model: The folder of an exported model.
        file: What to write, `.npz`.
    """
    _, keras = import_tensorflow()
    np.savez(file, *keras.models.load_model(model / ENGINE_FILES["tensorflow"], compile=False).get_weights())


def read_weights(file: Path) -> Weights:
    """Read what `keep_weights` wrote.

    Args:
        file: The file.
    """
    with np.load(file) as kept:
        return [kept[name] for name in kept.files]


def build(weights: Weights) -> Any:  # noqa: ANN401 (a keras.Model)
    """Build the network: from scaled pixels, float32 of shape (n, 224, 224, 3), to float32 of shape (n, 1280).

    One thread each, as many workers as cores: with Keras's default, every worker would use every core.

    Args:
        weights: What to fill it with.
    """
    _, keras = import_tensorflow(reference=False)  # as fast as TensorFlow chooses to be here
    return network_of(keras, weights)


def network_of(keras: Any, weights: Weights) -> Any:  # noqa: ANN401 (the module, and a keras.Model)
    """The same of a Keras that is imported already, with the threads that it chose.

    Args:
        keras: The module.
        weights: What to fill the network with.
    """
    network = keras.applications.MobileNetV2(
        weights=None, include_top=False, pooling="avg", input_shape=(SIDE, SIDE, 3)
    )
    network.set_weights(weights)
    return network


def scaled(contents: Iterable[bytes]) -> NDArray[np.float32]:
    """Decode image files, as Orchard does, and scale the pixels to [-1, 1], as Keras does.

    Args:
        contents: The files' bytes.
    """
    _, keras = import_tensorflow(reference=False)
    pixels = np.stack([decode(content) for content in contents]).astype(np.float32)
    answer: NDArray[np.float32] = keras.applications.mobilenet_v2.preprocess_input(pixels)
    return answer
