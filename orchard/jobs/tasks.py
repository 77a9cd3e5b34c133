"""Work for the cluster: Spark finds cores for tasks, and does again what was lost with a node."""

from __future__ import annotations

import gc
import sys
import zipimport
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyspark.sql import SparkSession

Work = TypeVar("Work")
Answer = TypeVar("Answer")


def run_tasks(spark: SparkSession, work: Callable[[Work], Answer], given: Sequence[Work]) -> list[Answer]:
    """Run a function on the cluster, once for each of its arguments, each in a task of its own.

    An RDD and not a query: there is nothing to plan, and no row passes through the JVM.

    Args:
        work: What to do; it may be done more than once, when a node is lost.
        given: The arguments; small.

    Returns:
        The answers, in the order of the arguments; small too.
    """
    if not given:
        return []

    def task(argument: Work) -> Answer:
        try:
            return work(argument)
        finally:
            spare_the_next_task()

    answers: list[Answer] = spark.sparkContext.parallelize(given, len(given)).map(task).collect()
    return answers


def spare_the_next_task() -> None:
    """Undo what makes PySpark's workers slow between tasks.

    PySpark calls `importlib.invalidate_caches` before each task (pyspark/worker.py), and since Python 3.10 that has
    the importer of `pyspark.zip` read the zip's whole directory again: a tenth of a second. So the importers of zips
    are taken away; the next import from a zip brings its importer back. After each task it collects garbage
    (pyspark/daemon.py), going over all that the worker has loaded, which lives as long as it: 12 ms.
    """
    for path, importer in list(sys.path_importer_cache.items()):
        if isinstance(importer, zipimport.zipimporter):
            del sys.path_importer_cache[path]
    if not gc.get_freeze_count():
        gc.freeze()
