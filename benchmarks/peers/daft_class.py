"""Daft, as its guide to user-defined classes shows: `from_glob_path`, `download`, a class in each process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks.peers.onnx_network import BATCH, Network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


def prepare(pictures: Path, model: Path, target: Path) -> Callable[[], None]:
    """Make ready.

    Args:
        pictures: A tree of folders with one file a picture.
        model: The folder of an exported model.
        target: A folder to write `features` into.

    Returns:
        What does the work.
    """
    os.environ.setdefault("DAFT_ANALYTICS_ENABLED", "0")  # it would tell others about this run
    import daft

    @daft.cls(max_concurrency=os.cpu_count(), use_process=True)
    class Featurize:
        def __init__(self, model: str) -> None:
            self._network = Network(model)

        @daft.method.batch(return_dtype=daft.DataType.list(daft.DataType.float32()), batch_size=BATCH)  # type: ignore[untyped-decorator]
        def compute(self, contents: daft.Series) -> list[NDArray[np.float32]]:
            return list(self._network(contents.to_pylist()))

    def work() -> None:
        found = daft.from_glob_path(f"{pictures}/**/*.*")
        features = Featurize(str(model)).compute(found["path"].download())
        found.select("path", features.alias("features")).write_parquet(str(target / "features"))

    return work
