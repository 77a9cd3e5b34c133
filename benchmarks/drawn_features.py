"""Features like those of real pictures, drawn: any number of rows in the schema of the featurize stage, in seconds.

The constants are such that they are alike to the features of 9,900 pictures of Fruits-360 under the ImageNet weights:
none negative, 0.34 on average, two in five zero; the first component explains 12 % of the variance (11 % there), the
first 50 explain 76 % (76 %), and the last one explains something.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.data import FOLDER
from orchard.jobs.files import HadoopFiles
from orchard.jobs.rejections import write_rejections
from orchard.jobs.rows import Piece, cut, lists, read_rows
from orchard.jobs.stages import Stage, require_records
from orchard.jobs.tables import FEATURES, IMAGES, NAMES, Part, write_part
from orchard.jobs.tasks import run_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from orchard.layout import RunFiles

DIMENSIONS = 1280

_SEED = 20
_TASKS_PER_CORE = 24  # as the featurize stage
_PARTS = 8  # as many files as the featurize stage writes on two cores
_CAUSES = 512
_CAUSES_ALIKE = 5  # the n-th cause counts 1 / (n + 5): the strongest ones hardly differ
_NOISE = 0.02
_SCALE = 0.68
_OFFSET = 0.14
_CLASSES = 131


def drawn_features(rows: int, dimensions: int = DIMENSIONS, folder: Path = FOLDER) -> Path:
    """A folder of Parquet with that many rows, made at the first call.

    Args:
        rows: How many feature vectors.
        dimensions: Of how many numbers each.
        folder: Where it is kept.
    """
    path = folder / f"features-{rows}-{dimensions}"
    if not path.exists():
        part = path.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        random = np.random.default_rng(_SEED)
        mixing = _mixing(random, dimensions)
        for number, share in enumerate(np.array_split(np.arange(rows), _PARTS)):
            table = _table(share, _draw(random, len(share), mixing))
            # one row group a file and no dictionary of the numbers, as Spark writes them
            pq.write_table(
                table,
                part / f"part-{number:05d}.snappy.parquet",
                row_group_size=rows,
                use_dictionary=["path", "split", "label"],
            )
        part.rename(path)
    return path


def draw_stage(spark: SparkSession, run: RunFiles) -> None:
    """Complete the featurize stage of a run with drawn features, in files as the stage writes them.

    Args:
        spark: The session.
        run: The run's files; its unzip stage must be complete.
    """
    files = HadoopFiles(spark)
    [images] = require_records(files, run, ["unzip"])
    stage = Stage(files, run, "featurize", {"unzip": images.completed})
    stage.start()
    pictures = images.parts(run, run.images)
    tasks = spark.sparkContext.defaultParallelism * _TASKS_PER_CORE
    pieces = cut(pictures, max(IMAGES.group_bytes, sum(pictures.values()) // tasks))
    mixing = _mixing(np.random.default_rng(_SEED), DIMENSIONS)
    folder = run.features

    def work(task: tuple[int, Piece]) -> Part | None:
        random = np.random.default_rng([_SEED, task[0]])
        drawn = (
            pa.record_batch([*rows.columns, lists(_draw(random, rows.num_rows, mixing))], schema=FEATURES.schema)
            for rows in read_rows([task[1]], NAMES)
        )
        return write_part(FEATURES, folder, drawn)

    parts = [part for part in run_tasks(spark, work, list(enumerate(pieces))) if part]
    counts = {"rejected_in_featurize": 0, "features": sum(part.rows for part in parts)}
    write_rejections(files, run, "featurize", [])
    model = dict.fromkeys(("id", "name", "weights", "weights_sha256"), "drawn")
    stage.complete(stage.written({folder: parts}), counts, engine="none", model=model)


def _mixing(random: np.random.Generator, dimensions: int) -> NDArray[np.float32]:
    """How much each cause counts in each feature, [causes, d]."""
    strengths = 1 / (np.arange(1, _CAUSES + 1, dtype=np.float32) + _CAUSES_ALIKE)
    mixing = random.standard_normal((_CAUSES, dimensions), dtype=np.float32)
    mixing *= (strengths / np.linalg.norm(strengths))[:, np.newaxis]
    return mixing


def _draw(random: np.random.Generator, rows: int, mixing: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums of common causes of decaying strength and a little noise, cut off at zero, which leaves no rank out."""
    features = random.standard_normal((rows, _CAUSES), dtype=np.float32) @ mixing
    features += _NOISE * random.standard_normal(features.shape, dtype=np.float32)
    features *= _SCALE
    features += _OFFSET
    return np.maximum(features, 0, out=features)


def _table(numbers: NDArray[np.int64], features: NDArray[np.float32]) -> pa.Table:
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * features.shape[1]
    return pa.table(
        {
            "path": [f"fruits-360/Training/Fruit {number % _CLASSES}/{number}_100.jpg" for number in numbers],
            "split": ["Training"] * len(numbers),
            "label": [f"Fruit {number % _CLASSES}" for number in numbers],
            "features": pa.ListArray.from_arrays(offsets, features.ravel()),
        }
    )
