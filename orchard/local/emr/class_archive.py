"""Spark's classes, loaded and verified once, and mapped into memory by every later JVM (docs/adr/0037).

Class data sharing (JEP 350): a JVM writes at its end which classes it has loaded, and another with the same jars at
the beginning of its class path maps them. One that finds the archive to be of other jars or of another Java goes on
without it (`-Xshare:auto`, the default). On one that is damaged Java 17 crashes: so its size is in its name, and its
sums are checked before it is mapped (`-XX:+VerifySharedSpaces`).
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orchard.cache.held import held_folder
from orchard.local.emr.jars import java_home
from orchard.local.emr.spark_settings import local_settings, properties_file
from orchard.local.processes import Child, inherited

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOG = logging.getLogger(__name__)

_PREFIX = "classes-"
_KEPT = 2
"""Archives that stay, the latest: each has 155 MB, and each Python environment has a Spark of its own."""

_PROGRAM = """\
# What the three jobs have in common: a session, tasks in Python, a model that is saved, and S3A, which finds nobody.
import sys
from py4j.protocol import Py4JJavaError
from pyspark.ml.feature import StringIndexerModel
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.sparkContext.parallelize([1, 2], 2).map(lambda one: one + 1).collect()
StringIndexerModel.from_labels(["a"], inputCol="b").write().overwrite().save(sys.argv[1])
path = spark._jvm.org.apache.hadoop.fs.Path("s3a://nobody/nothing")
try:
    path.getFileSystem(spark._jsc.hadoopConfiguration()).getFileStatus(path)
except Py4JJavaError:
    pass
spark.stop()
"""

_NOBODY = "http://127.0.0.1:9"

_SETTINGS = {
    "spark.hadoop.fs.s3a.access.key": "nobody",
    "spark.hadoop.fs.s3a.secret.key": "nobody",
    "spark.hadoop.fs.s3a.attempts.maximum": "0",
    "spark.hadoop.fs.s3a.retry.limit": "0",
}


def class_path(spark: Path, jars: Path) -> str:
    """What the class path of a driver begins with.

    Spark's own jars come before its settings, too: an archive must not know of a folder that has something in it.

    Args:
        spark: Spark's home.
        jars: The folder of S3A's jars.
    """
    return os.pathsep.join([f"{jars}/*", f"{spark / 'jars'}/*"])


def sharing(spark: Path, jars: Path) -> list[str]:
    """The options of a JVM that maps the archive of this Java, this Spark and these jars; none if there is none.

    Args:
        spark: Spark's home.
        jars: The folder of S3A's jars. Archives are beside it.
    """
    begins = _begins(spark, jars)
    archive = None if begins is None else _whole(jars.parent, begins)
    if archive is None:
        return []
    # it checks each part, for a twentieth of a second; what it does not take, it would tell on standard output
    return [f"-XX:SharedArchiveFile={archive}", "-XX:+VerifySharedSpaces", "-Xlog:cds*=off"]


def _begins(spark: Path, jars: Path) -> str | None:
    """What the name of the archive begins with.

    Returns:
        None for a Java that cannot make one: another than 17, or one without the archive of its own classes.
    """
    java = java_home()
    release = java / "release"
    about = release.read_text(encoding="utf-8", errors="replace") if release.exists() else ""
    if 'JAVA_VERSION="17.' not in about or not (java / "lib" / "server" / "classes.jsa").exists():
        return None
    facts = [str(java), about, class_path(spark, jars)]
    for jar in sorted([*jars.glob("*.jar"), *(spark / "jars").glob("*.jar")]):
        stat = jar.stat()
        facts.append(f"{jar.name} {stat.st_size} {stat.st_mtime_ns}")
    return f"{_PREFIX}{hashlib.sha256(chr(10).join(facts).encode()).hexdigest()[:16]}-"


def _whole(folder: Path, begins: str) -> Path | None:
    """The archive whose name begins so, unless it is cut off: then Java 17 would crash and not go on without it."""
    return next((path for path in folder.glob(f"{begins}*.jsa") if path.stem == f"{begins}{path.stat().st_size}"), None)


@contextmanager
def made_meanwhile(spark: Path, jars: Path) -> Iterator[None]:
    """Have the archive made, if there is none, by a process that takes only time that nobody else wants.

    If the context ends first, so does the process, and the next one begins anew.

    Args:
        spark: Spark's home.
        jars: The folder of S3A's jars.
    """
    begins = _begins(spark, jars)
    if begins is None or _whole(jars.parent, begins):
        yield
        return
    with held_folder(jars.parent) as scratch:
        child = _start(spark, jars, scratch)
        thread = threading.Thread(
            target=_put, args=(child, scratch, jars.parent / begins), name="class archive", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            child.end(grace=0)
            thread.join()


def _start(spark: Path, jars: Path, scratch: Path) -> Child:
    settings = local_settings(
        endpoint=_NOBODY,
        metadata=_NOBODY,
        home=str(scratch),
        cores=1,
        class_path=class_path(spark, jars),
        java_options=[f"-XX:ArchiveClassesAtExit={scratch / _PREFIX}", "-Xlog:disable"],
        scratch=str(scratch),
    )
    del settings["spark.python.daemon.module"]  # it is a node's
    (scratch / "spark-defaults.conf").write_text(properties_file({**settings, **_SETTINGS}), encoding="utf-8")
    program = scratch / "program.py"
    program.write_text(_PROGRAM, encoding="utf-8")
    own = {
        "JAVA_HOME": str(java_home()),
        "SPARK_HOME": str(spark),
        "SPARK_CONF_DIR": str(scratch),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    argv = ["nice", "-n", "19", str(spark / "bin" / "spark-submit"), str(program), str(scratch / "model")]
    with (scratch / "log").open("wb") as log:
        return Child(argv, env={**inherited(), **own}, cwd=scratch, stdout=log)


def _put(child: Child, scratch: Path, begins: Path) -> None:
    """Move the archive to its place when it is whole, which its process's end tells; older ones go."""
    made = scratch / _PREFIX
    if child.wait() != 0 or not made.exists():
        LOG.info("No archive of Spark's classes was made; jobs start as without one")
        return
    made.rename(begins.with_name(f"{begins.name}{made.stat().st_size}.jsa"))
    latest = sorted(begins.parent.glob(f"{_PREFIX}*.jsa"), key=lambda path: path.stat().st_mtime)
    for old in latest[:-_KEPT]:
        old.unlink(missing_ok=True)
