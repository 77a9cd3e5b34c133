"""The archive of Spark's classes, made by a real JVM and mapped by others."""

import os
import subprocess
from pathlib import Path

import pytest

from orchard.cache import jars_dir
from orchard.local.emr.class_archive import class_path, made_meanwhile, sharing
from orchard.local.emr.jars import java_home, s3a_jars, spark_home
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


def test_a_jvm_maps_sparks_classes_and_one_that_cannot_loads_them(tmp_path: Path) -> None:
    spark, jars = spark_home(), tmp_path / "jars"
    jars.symlink_to(s3a_jars(jars_dir(), spark))
    with made_meanwhile(spark, jars):
        eventually(lambda: sharing(spark, jars), "the archive")
    [archive] = tmp_path.glob("*.jsa")
    conf = tmp_path / "conf"  # stands behind the jars, and has something in it
    conf.mkdir()
    (conf / "spark-defaults.conf").touch()

    def sources() -> dict[str, str]:
        """Where a JVM has its classes from, which has nothing to complain of."""
        loaded = tmp_path / "loaded"
        path = os.pathsep.join([class_path(spark, jars), str(conf), f"{spark}/jars/*"])
        options = [*sharing(spark, jars), f"-Xlog:class+load:file={loaded}:none", "-cp", path]
        command = [str(java_home() / "bin" / "java"), *options, "org.apache.spark.deploy.SparkSubmit", "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == ""
        lines = loaded.read_text().splitlines()
        return {name: source for name, _, source in (line.partition(" source: ") for line in lines)}

    main = "org.apache.spark.deploy.SparkSubmit"
    assert sources()[main] == "shared objects file (top)"

    archive.chmod(0o644)
    with archive.open("r+b") as file:
        file.seek(archive.stat().st_size // 2)
        file.write(bytes(1 << 20))
    assert sources()[main].startswith("file:"), "damaged"
    os.truncate(archive, archive.stat().st_size // 2)
    assert sources()[main].startswith("file:"), "cut off"
