"""A Spark session for a contender: the one of Orchard's jobs, on all cores of this machine and on its disk."""

from __future__ import annotations

import os
import shlex
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orchard.jobs.entry import open_session
from orchard.local.emr.spark_settings import local_settings, properties_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import SparkSession

_NONE = "none"  # nothing here speaks to S3


@contextmanager
def local_session(name: str, settings: Mapping[str, str] | None = None) -> Iterator[SparkSession]:
    """Open a session with the local cloud's settings, and stop it in the end.

    The memory of the JVM and the like can be set only before it starts: this must be the first session of its process.

    Args:
        name: The application's name.
        settings: Spark properties to lay over those.
    """
    with tempfile.TemporaryDirectory() as scratch:
        cores = os.cpu_count() or 1
        ours = local_settings(
            endpoint=_NONE, metadata=_NONE, home=scratch, cores=cores, class_path=_NONE, scratch=scratch
        )
        del ours["spark.python.daemon.module"]  # it is a node's: it takes away what only the driver is told
        properties = Path(scratch) / "spark-defaults.conf"
        properties.write_text(properties_file({**ours, **(settings or {})}), "utf-8")
        os.environ["PYSPARK_SUBMIT_ARGS"] = f"--properties-file {shlex.quote(str(properties))} pyspark-shell"
        spark = open_session(name)
        spark.sparkContext.setLogLevel("ERROR")
        try:
            yield spark
        finally:
            spark.stop()
