"""One Spark session for all tests of jobs: starting it costs more than most of them."""

import os
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from orchard.home import jars_dir
from orchard.jobs.entry import open_session
from orchard.local.jars import s3a_jars, spark_home


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A session that knows S3A, and in which one model may follow another."""
    jars = s3a_jars(jars_dir(), spark_home())
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        f"--master local[2] --conf spark.ui.enabled=false --conf spark.files.overwrite=true"
        f" --driver-class-path '{jars}/*' pyspark-shell"
    )
    session = open_session("tests")
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
