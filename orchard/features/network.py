"""MobileNetV2 in Keras: pixels in, features out, with the weights asked for."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from orchard.features.errors import WeightsMismatchError
from orchard.features.model import SIDE
from orchard.features.tensorflow_runtime import import_tensorflow
from orchard.features.weights import RANDOM_SEED, Weights

if TYPE_CHECKING:
    from pathlib import Path

NAME = "MobileNetV2"

_RESIDUAL_GAIN = 0.25
"""Variance that a residual branch adds, relative to its input. Ten such additions at a gain of 1 would multiply the
variance by 1024 and drive every activation into ReLU6's ceiling; at a quarter it grows by 1.25^10 = 9."""


def build(weights: Weights) -> Any:  # noqa: ANN401 (a keras.Model; Keras ships no types)
    """Build the network that every engine runs.

    Returns:
        A `keras.Model` from `pixels`, uint8 of shape (n, 224, 224, 3), to float32 of shape (n, 1280). The scaling to
        [-1, 1] that MobileNetV2 was trained with (`keras.applications.mobilenet_v2.preprocess_input`) is part of it.

    Raises:
        WeightsMismatchError: The file's weights do not fit the network.
        EngineMissingError: TensorFlow is not installed.
    """
    _, keras = import_tensorflow()
    # No layer is left for Keras to number: its numbers count up within a process and would get into the saved file.
    pixels = keras.Input((SIDE, SIDE, 3), dtype="uint8", name="pixels")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scaling")(pixels)
    body = keras.applications.MobileNetV2(weights=None, include_top=False, input_tensor=scaled)
    features = keras.layers.GlobalAveragePooling2D(name="features")(body.output)
    network = keras.Model(pixels, features, name="orchard")
    if weights.path is None:
        _draw(keras, network)
    else:
        _load(keras, network, weights.path)
    return network


def _load(keras: Any, network: Any, path: Path) -> None:  # noqa: ANN401
    """Load a file of weights, which may hold the classifier too; it is left out."""
    reason = "the file lacks weights, or some are not finite"
    for classifier in (False, True):
        source = keras.applications.MobileNetV2(weights=None, include_top=classifier, input_shape=(SIDE, SIDE, 3))
        # Keras skips some layers that a file lacks with no more than a warning: what is not loaded shows as NaN.
        source.set_weights([np.full_like(values, np.nan) for values in source.get_weights()])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                source.load_weights(path)
        except (
            ValueError,
            KeyError,
            OSError,
        ) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            continue
        if all(np.isfinite(values).all() for values in source.get_weights()):
            for layer in network.layers:
                if layer.weights:
                    layer.set_weights(source.get_layer(layer.name).get_weights())
            return
    raise WeightsMismatchError(f"{path.name} does not hold weights of MobileNetV2 1.0 at {SIDE} pixels", reason)


def _draw(keras: Any, network: Any) -> None:  # noqa: ANN401
    """Draw weights that keep the variance of the activations from layer to layer, the same on every machine.

    A convolution keeps it with a variance of 1 / fan-in, and of 2 / fan-in after a rectifier, which takes half of
    the second moment away (He et al. 2015, section 2.2). In MobileNetV2 the depthwise and the projecting convolutions
    come after one; the stem, the expanding and the last convolution see pixels or a linear bottleneck. The batch norms
    are left as Keras makes them: the identity.
    """
    rng = np.random.default_rng(RANDOM_SEED)
    names = {layer.name for layer in network.layers}
    for layer in network.layers:
        if not isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            continue
        (kernel,) = layer.get_weights()
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            variance = 2 / np.prod(kernel.shape[:2])
        else:
            projects = layer.name.endswith("_project")
            variance = (2 if projects else 1) / np.prod(kernel.shape[:3])
            if projects and layer.name.replace("_project", "_add") in names:
                variance *= _RESIDUAL_GAIN
        layer.set_weights([rng.standard_normal(kernel.shape, dtype=np.float32) * np.float32(np.sqrt(variance))])
