"""TensorFlow and Keras, imported once, on one thread and without chatter.

Importing TensorFlow takes seconds and hundreds of megabytes, so only what needs it calls this.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from orchard.errors import installing
from orchard.features.errors import EngineMissingError


def import_tensorflow(*, reference: bool = True) -> tuple[Any, Any]:
    """Import TensorFlow and Keras for one Spark core.

    Args:
        reference: Compute without oneDNN, unless the user's own `TF_ENABLE_ONEDNN_OPTS` says otherwise. TensorFlow
            turns it on by itself on some processors with AVX-512, and then prints about it whatever the log level;
            off, a setting of the processor's neither changes a feature nor adds to a log (docs/adr/0004). False leaves
            the choice to TensorFlow, as it is for whoever uses it directly. Only the first call in a process counts.

    Returns:
        The modules `tensorflow` and `keras`.

    Raises:
        EngineMissingError: One of the two is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors only
    if reference:
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # read while it is imported
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user's keras.json says
    try:
        import keras
        import tensorflow as tf
    except ImportError as error:
        raise EngineMissingError("TensorFlow is not installed", str(error), installing("export")) from error
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        # Somebody used TensorFlow in this process before: its threads are fixed. Slower beside other workers, no worse.
        logging.getLogger(__name__).warning("TensorFlow was already running: its number of threads stays as it is")
    return tf, keras
