"""One Spark session for all tests of jobs: starting it costs more than most of them."""

import os
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from orchard.jobs.entry import open_session


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    os.environ["PYSPARK_SUBMIT_ARGS"] = "--master local[2] --conf spark.ui.enabled=false pyspark-shell"
    session = open_session("tests")
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
