"""The limit: nothing but forward passes, one process a core, over pictures that are decoded already."""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orchard.features.engines import load_engine
from orchard.features.pixels import decode
from orchard.layout import RunFiles

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier
    from pathlib import Path

_PATIENCE = 600  # seconds that one process waits for another, which may have died


def forward(run: Path, model: Path, target: Path) -> float:
    """Compute all features with ONNX Runtime.

    The clock starts when every process has its network, warm, and its share of the pictures as pixels (150 KB each);
    it stops when the last has computed its last. The features are written afterwards.

    Args:
        run: A run whose unzip stage is complete.
        model: The folder of an exported model.
        target: A folder to write `features` into.

    Returns:
        Seconds.
    """
    (target / "features").mkdir(parents=True)
    cores = os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(cores, timeout=_PATIENCE)
    with ProcessPoolExecutor(cores, context, _remember, (ready,)) as pool:
        shares = [pool.submit(_compute, run, model, target, core, cores) for core in range(cores)]
        began, ended = zip(*(share.result() for share in shares), strict=True)
    return float(max(ended) - min(began))


_ready: list[Barrier] = []  # a barrier can be handed over only at a process's start


def _remember(ready: Barrier) -> None:
    _ready.append(ready)


def _compute(run: Path, model: Path, target: Path, core: int, cores: int) -> tuple[float, float]:
    """Compute one share: every so-many-th picture from this one on; when it began and ended, by the machine's clock."""
    rows = pq.read_table(RunFiles(str(run)).images, columns=["path", "content"]).slice(core)
    rows = rows.take(np.arange(0, len(rows), cores))
    pixels = np.stack([decode(content.as_py()) for content in rows["content"]])
    engine = load_engine("onnxruntime", model)
    engine(pixels[:1])
    [ready] = _ready
    ready.wait()
    began = time.monotonic()
    features = engine(pixels)
    ended = time.monotonic()
    table = pa.table({"path": rows["path"], "features": list(features)})
    pq.write_table(table, target / "features" / f"part-{core}.parquet")
    return began, ended
