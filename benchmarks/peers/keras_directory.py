"""Keras alone, as its guide shows: `image_dataset_from_directory`, `preprocess_input`, `predict`, on all cores at once.

It decodes and enlarges with TensorFlow's own operations, which differ from Pillow's by some grey levels: its features
are alike to ours and not equal. Anything else would be no use of `image_dataset_from_directory`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.keras_network import network_of, read_weights
from benchmarks.peers.onnx_network import keep
from orchard.features.model import SIDE

if TYPE_CHECKING:
    from collections.abc import Callable

_BATCH = 32  # Keras's default
_AT_ONCE = -1  # tf.data.AUTOTUNE


def prepare(pictures: Path, weights: Path, target: Path) -> Callable[[], None]:
    """Make ready: TensorFlow is imported, which takes as long as a Spark session.

    Args:
        pictures: A tree of folders with one file a picture.
        weights: Those of the network, as `keep_weights` wrote them.
        target: A folder to write `features` into.

    Returns:
        What does the work.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors only
    import keras

    def work() -> None:
        network = network_of(keras, read_weights(weights))
        dataset = keras.utils.image_dataset_from_directory(
            str(pictures),
            labels=None,
            batch_size=_BATCH,
            image_size=(SIDE, SIDE),
            interpolation="bicubic",
            shuffle=False,
            verbose=False,
        )
        paths = [str(Path(path).relative_to(pictures)) for path in dataset.file_paths]
        scaled = dataset.map(keras.applications.mobilenet_v2.preprocess_input, _AT_ONCE).prefetch(_AT_ONCE)
        keep(target, [(paths, network.predict(scaled, verbose=0))])

    return work
