"""Orchard's exported network in ONNX Runtime, as the peers without Spark use it: one thread a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orchard.features.engines import load_engine
from orchard.features.pixels import decode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

BATCH = 16
"""Pictures that are decoded before the network sees them, as in Orchard's stage."""


class Network:
    """From files to features.

    Args:
        model: The folder of an exported model.
    """

    def __init__(self, model: str) -> None:
        self._engine = load_engine("onnxruntime", model)

    def __call__(self, contents: Iterable[bytes]) -> NDArray[np.float32]:
        """Decode and compute.

        Args:
            contents: The files' bytes.

        Returns:
            float32, [n, 1280].
        """
        return self._engine(np.stack([decode(content) for content in contents]))


def keep(target: Path, answers: Iterable[tuple[list[str], NDArray[np.float32]]]) -> None:
    """Write paths and features into one Parquet file, as they come.

    Args:
        target: The folder below which `features` appears.
        answers: Batches of paths and features.
    """
    schema = pa.schema([("path", pa.string()), ("features", pa.list_(pa.float32()))])
    (target / "features").mkdir(parents=True)
    with pq.ParquetWriter(target / "features" / "part-0.parquet", schema, use_dictionary=False) as writer:
        for paths, features in answers:
            writer.write_table(
                pa.table([paths, pa.array(list(features), schema.field("features").type)], schema=schema)
            )
