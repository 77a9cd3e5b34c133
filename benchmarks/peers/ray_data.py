"""Ray Data, as its guide to batch inference shows: `read_binary_files`, `map_batches` with a class, `write_parquet`.

An actor a core holds the network. Ray counts each as half a core, since it would else find no core for reading.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow as pa

from benchmarks.peers.onnx_network import BATCH, Network
from orchard.jobs.rows import lists

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_CORES_COUNTED = 0.5


class Featurize:
    """What an actor holds.

    Args:
        model: The folder of an exported model.
    """

    def __init__(self, model: str) -> None:
        self._network = Network(model)

    def __call__(self, batch: dict[str, NDArray[np.object_]]) -> pa.Table:
        """Paths and contents in, paths and features out."""
        return pa.table({"path": batch["path"], "features": lists(self._network(batch["bytes"]))})


def prepare(pictures: Path, model: Path, target: Path) -> Callable[[], None]:
    """Make ready: Ray's processes are started.

    Args:
        pictures: A tree of folders with one file a picture.
        model: The folder of an exported model.
        target: A folder to write `features` into.

    Returns:
        What does the work.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell others about this run
    import ray

    cores = os.cpu_count() or 1
    ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False

    def work() -> None:
        found = ray.data.read_binary_files(str(pictures), include_paths=True)
        found.map_batches(
            Featurize,
            fn_constructor_args=(str(model),),
            batch_size=BATCH,
            num_cpus=_CORES_COUNTED,
            compute=ray.data.ActorPoolStrategy(size=cores),
        ).write_parquet(str(target / "features"))

    return work
