"""No framework at all: Python's own pool of processes, ONNX Runtime, and one writer. The zip is never unpacked.

What a good programmer writes in an afternoon for one machine. There are no books, nothing is repeated after a failure,
and a picture that cannot be decoded ends it.
"""

from __future__ import annotations

import os
import zipfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.peers.onnx_network import BATCH, Network, keep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_PICTURES = (".jpg", ".jpeg", ".png")


def prepare(archive: Path, model: Path, target: Path) -> Callable[[], None]:
    """Make ready.

    Args:
        archive: A zip of pictures.
        model: The folder of an exported model.
        target: A folder to write `features` into.

    Returns:
        What does the work.
    """
    return partial(_work, archive, model, target)


def _work(archive: Path, model: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as listed:
        names = [name for name in listed.namelist() if name.lower().endswith(_PICTURES)]
    batches = [names[first : first + BATCH] for first in range(0, len(names), BATCH)]
    with ProcessPoolExecutor(os.cpu_count(), initializer=_open, initargs=(archive, str(model))) as pool:
        keep(target, pool.map(_compute, batches))


_opened: list[tuple[zipfile.ZipFile, Network]] = []  # of this process, which serves many batches


def _open(archive: Path, model: str) -> None:
    _opened.append((zipfile.ZipFile(archive), Network(model)))


def _compute(names: list[str]) -> tuple[list[str], NDArray[np.float32]]:
    [(archive, network)] = _opened
    return names, network(map(archive.read, names))
