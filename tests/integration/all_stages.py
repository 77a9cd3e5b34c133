"""The three stages one after the other in one Spark; in each, executors and Python workers are killed.

    spark-submit all_stages.py ARCHIVE RUN MODEL ORDERS

ORDERS is the folder that `faulty_daemon` takes its orders from.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from orchard.jobs.entry import open_session
from orchard.jobs.featurize import featurize
from orchard.jobs.pca import pca
from orchard.jobs.stages import StageRecord
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles
from orchard.options import RunOptions

VICTIMS = ("1-executor", "2-worker")


def main(archive: str, base: str, model: str, orders: Path) -> None:
    spark, run = open_session("all stages"), RunFiles(base)
    stages: tuple[Callable[[], StageRecord], ...] = (
        lambda: unzip(spark, archive, run),
        lambda: featurize(spark, run, model, "onnxruntime"),
        lambda: pca(spark, run, RunOptions(components=5)),
    )
    for stage in stages:
        for victim in VICTIMS:
            (orders / victim).touch()
        record = stage()
        if left := list(orders.iterdir()):
            raise AssertionError(f"nobody was killed in {record.stage}: {left}")
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
