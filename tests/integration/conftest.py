"""What the tests of jobs share: a Spark session, which costs more to start than most of them, and a complete run."""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from orchard.cache import jars_dir
from orchard.features.model import ModelFolder
from orchard.jobs.entry import open_session
from orchard.jobs.featurize import featurize
from orchard.jobs.pca import pca
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles
from orchard.local.emr.jars import s3a_jars, spark_home
from orchard.options import RunOptions
from tests.support.pictures.drawn import draw_fruit, fruit_members, write_zip
from tests.support.stack.sam_build import sam_build


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A session that knows S3A, and in which one model may follow another."""
    jars = s3a_jars(jars_dir(), spark_home())
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"  # as in the local cloud
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        f"--master local[2] --conf spark.ui.enabled=false --conf spark.files.overwrite=true"
        f" --driver-java-options -XX:TieredStopAtLevel=1 --driver-class-path '{jars}/*' pyspark-shell"
    )
    session = open_session("tests")
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def members() -> dict[str, bytes]:
    """A data set with something of everything that must not get lost."""
    found = fruit_members(training=6, test=2)
    found["fruits/LICENSE"] = b"words"
    found["__MACOSX/fruits/._0_100.jpg"] = b"noise"
    found["fruits/Training/Kiwi/../../../../etc/0.jpg"] = draw_fruit("Kiwi", 1)
    found["fruits/Training/Kiwi/broken.jpg"] = draw_fruit("Kiwi", 2)[:500]
    found['fruits/Training/Kiwi/a "quoted", odd name .jpg'] = draw_fruit("Kiwi", 3)
    return found


@pytest.fixture(scope="session")
def archive(members: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_zip(tmp_path_factory.mktemp("zip") / "my fruits.zip", members)
    with zipfile.ZipFile(path, "a") as appended:
        appended.writestr("fruits/Training/", b"")
    return path


@pytest.fixture(scope="session")
def run(
    spark: SparkSession, archive: Path, random_model: ModelFolder, tmp_path_factory: pytest.TempPathFactory
) -> RunFiles:
    """A complete run; the tests read it and leave it alone."""
    files = RunFiles(str(tmp_path_factory.mktemp("runs") / "my-fruits-0123456789ab"))
    unzip(spark, str(archive), files, max_rejected=0.1)
    featurize(spark, files, str(random_model.path), "onnxruntime", max_rejected=0.1)
    pca(spark, files, RunOptions(components=5))
    return files


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template that `sam build` leaves, beside its packages, in a folder whose path has a space."""
    return sam_build(tmp_path_factory.mktemp("sam") / "a build")
