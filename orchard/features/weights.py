"""Which weights the network gets, and the proof that they are those.

`imagenet` means the official file and nothing else. Keras ships no hash with it, so the hash is recorded here.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from orchard.errors import WeightsUnavailableError
from orchard.features.errors import WeightsNotFoundError
from orchard.features.model import sha256_of
from orchard.pipeline.kinds import FETCH, NOT_FETCHED, is_pointer_file

IMAGENET = "imagenet"
RANDOM = "random"

_STEM = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224"

IMAGENET_FILE = f"{_STEM}.h5"
"""The official file with the classifier, which is cut off after loading. The features are those of the smaller file
without it, whose SHA-256 nobody has published."""

IMAGENET_SHA256 = "3e195a2857356cfc092cbbb460beb2a5bce279015d7792598b8d3d9e451902e3"
"""Recorded independently in public projects that use Keras's download and in ones that use release v1.1 of
JonathanCMitchell/mobilenet_v2_keras, where the file first appeared: they agree. It was not computed by us."""

IMAGENET_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/{IMAGENET_FILE}"
"""Where Keras itself downloads from (keras/src/applications/mobilenet_v2.py)."""

RANDOM_SEED = 224
RANDOM_RECIPE = f"variance preserving, residual branches a quarter, seed {RANDOM_SEED}"
"""What `orchard.features.network` draws; its SHA-256 stands for the weights, so change it together with the drawing."""

_DOWNLOAD_TIMEOUT = 30.0  # seconds without a byte
_SUFFIXES = (".h5", ".keras")
_NO_CLASSIFIER_FILE = f"{_STEM}_no_top.h5"


@dataclass(frozen=True)
class Weights:
    """Weights for the network.

    Attributes:
        name: `imagenet`, `random`, or the file's name.
        sha256: SHA-256 of the file; of the recipe when they are random.
        path: The file; None when they are random.
    """

    name: str
    sha256: str
    path: Path | None


def resolve_weights(name_or_path: str, *, keras_home: Path | None = None) -> Weights:
    """Find the weights that the user asked for.

    Args:
        name_or_path: `imagenet`, `random`, or the path of a file from which Keras can load weights (.h5, .weights.h5,
            .keras).
        keras_home: Keras's folder; None for `$KERAS_HOME` or `~/.keras`.

    Returns:
        The weights, verified.

    Raises:
        WeightsUnavailableError: `imagenet` is neither in Keras's cache nor downloadable, or has another SHA-256.
        WeightsNotFoundError: The path is not a file of weights, or Git LFS has not fetched it.
    """
    if name_or_path == RANDOM:
        return Weights(RANDOM, hashlib.sha256(RANDOM_RECIPE.encode()).hexdigest(), None)
    if name_or_path == IMAGENET:
        home = keras_home or Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
        return Weights(IMAGENET, IMAGENET_SHA256, _imagenet(home / "models"))
    path = Path(name_or_path).expanduser()
    if not path.is_file():
        raise WeightsNotFoundError(
            f"There are no weights {name_or_path!r}",
            f"--weights takes {IMAGENET}, {RANDOM} or the path of a file; there is no such file",
        )
    if path.suffix not in _SUFFIXES:
        raise WeightsNotFoundError(
            f"{path.name} is not a file of weights", f"Keras loads weights from {' or '.join(_SUFFIXES)} files"
        )
    _check_fetched(path)
    return Weights(path.name, sha256_of(path), path)


def _check_fetched(file: Path) -> None:
    if is_pointer_file(file):
        raise WeightsNotFoundError(f"{file} is a pointer of Git LFS, not the weights themselves", NOT_FETCHED, FETCH)


def _imagenet(cache: Path) -> Path:
    file = cache / IMAGENET_FILE
    if not file.exists():
        _download(file)
        return file
    _check_fetched(file)
    if (found := sha256_of(file)) != IMAGENET_SHA256:
        raise WeightsUnavailableError(
            f"{file} is not the official ImageNet file",
            f"its SHA-256 is {found}, the official one {IMAGENET_SHA256}. Remove it to have it downloaded again, "
            "or use it under its own name",
            f"--weights {file}",
        )
    return file


def _download(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".orchard-") as folder:
            part = Path(folder) / file.name
            with (
                urllib.request.urlopen(IMAGENET_URL, timeout=_DOWNLOAD_TIMEOUT) as response,
                part.open("wb") as out,
            ):
                shutil.copyfileobj(response, out)
            found = sha256_of(part)
            if found != IMAGENET_SHA256:
                raise _unavailable(file, f"the download has the SHA-256 {found}, the official one is {IMAGENET_SHA256}")
            part.replace(file)  # whole or not at all
    except (OSError, http.client.HTTPException) as error:
        raise _unavailable(file, f"not in {file.parent}, and the download failed ({error})") from error


def _unavailable(file: Path, cause: str) -> WeightsUnavailableError:
    unproven = file.with_name(_NO_CLASSIFIER_FILE)
    remark = f" {unproven} is there, but nothing proves that it is the official one." if unproven.exists() else ""
    return WeightsUnavailableError(
        "The ImageNet weights are not available",
        f"{cause}.{remark} There are three ways out: run once on a machine with a network, or put the official "
        f"{file.name} into {file.parent}; name a file of weights with --weights PATH; or use --weights {RANDOM} "
        "to try the pipeline without meaningful features",
        f"curl --create-dirs -o {file} {IMAGENET_URL}",
    )
