"""One contender of `benchmarks.unzip` at work: in a process of its own, on an S3 with nothing in it but the archive."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.data import FOLDER
from benchmarks.isolated import MeasurementFailedError, call
from benchmarks.process_memory import own_peak_mb, peak_mb
from benchmarks.s3 import REGION, s3_server, variables
from benchmarks.s3_traffic import READS, WRITES, Traffic, counted
from benchmarks.turns import SECONDS
from orchard.cache import jars_dir
from orchard.compute.spark import s3a_settings
from orchard.layout import ObjectAddress, RunFiles
from orchard.local.emr.jars import s3a_jars, spark_home
from orchard.local.emr.nodes import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS, STUDENT, STREAM = "Orchard", "one PUT an image, then binaryFile", "one streaming process"
FUNCTIONS = {
    OURS: "benchmarks.unzip_run:ours",
    STUDENT: "benchmarks.peers.student_unzip:unzip",
    STREAM: "benchmarks.peers.streaming_unzip:unzip",
}
ARCHIVE = ObjectAddress("orchard-input", "pictures.zip")
RESULTS = ObjectAddress("orchard-results", "runs/pictures-0123456789ab")

_IN_ONE_PUT = {"spark.hadoop.fs.s3a.multipart.size": "1g"}
"""rclone names the answer that begins an upload in parts other than S3 does, so that S3A does not understand it. Only
`metadata/` is so large, from half a million images on; it saves four requests."""


@dataclass(frozen=True)
class Counted:
    """What one run asked of S3, and what it left there.

    Attributes:
        traffic: What passed.
        objects: How many objects were there at the end beside the archive.
        parts: How many of them hold pictures.
        part_bytes: How long these are together.
    """

    traffic: Traffic
    objects: int
    parts: int
    part_bytes: int

    @property
    def archive_gets(self) -> int:
        """How often the archive, or a range of it, was asked for."""
        return self.traffic.requests["GET", f"/{ARCHIVE.bucket}/{ARCHIVE.key}"]


def ours(archive: str, base: str) -> dict[str, float]:
    """Run the unzip stage: from when the session is up until its record is written, books checked.

    Args:
        archive: The zip's `s3://` URI.
        base: The run's folder.

    Returns:
        `seconds`, and the number of `images`; `jvm_mb` and `python_mb`, the peaks of the driver's two processes. All
        tasks work below its JVM here, as on one node.
    """
    from orchard.jobs.entry import open_session
    from orchard.jobs.unzip import unzip

    spark = open_session("unzip")
    began = time.monotonic()
    record = unzip(spark, archive, RunFiles(base))
    seconds = time.monotonic() - began
    memory = {"jvm_mb": peak_mb("java"), "python_mb": own_peak_mb()}
    spark.stop()
    return {SECONDS: seconds, "images": record.counts["images"], **memory}


def run_at(endpoint: str, name: str) -> dict[str, float]:
    """Let a contender work on an S3 that holds the archive.

    Args:
        endpoint: The address of the S3.
        name: One of `FUNCTIONS`.

    Returns:
        What it gave.
    """
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(
            address=endpoint,
            spark=spark_home(),
            jars=s3a_jars(jars_dir(), spark_home()),
            cores=os.cpu_count() or 1,
            folder=Path(folder),
        )
        machine.prepare()
        configurations = [{"Classification": "spark-defaults", "Properties": {**s3a_settings(REGION), **_IN_ONE_PUT}}]
        environment = {
            **machine.step_environment(configurations, Path(folder)),
            **variables(endpoint),
            "PYTHONPATH": f"{folder}/conf/python",  # which spark-submit would say to Spark
        }
        return call(FUNCTIONS[name], environment=environment, archive=ARCHIVE.uri, base=RESULTS.uri)


def timed(archive: Path, count: int, name: str) -> dict[str, float]:
    """Measure a contender's seconds; of ours also what it asked for, in requests that cost as `writes` and as `reads`.

    Args:
        archive: The zip.
        count: How many images are in it.
        name: One of `FUNCTIONS`.

    Raises:
        MeasurementFailedError: It failed, or lost images.
    """
    with _bucket_of(archive) as (endpoint, _):
        if name != OURS:
            return _complete(run_at(endpoint, name), count, name)
        with counted(endpoint) as (relay, traffic):  # nobody else has folders made, and it costs only us
            measured = _complete(run_at(relay, name), count, name)
        return {**measured, "writes": traffic.count(WRITES), "reads": traffic.count(READS)}


def counted_run(archive: Path, count: int, name: str) -> Counted:
    """Count what a contender does, see `timed`; its seconds are those of the relay."""
    with _bucket_of(archive) as (endpoint, results):
        with counted(endpoint) as (relay, traffic):
            _complete(run_at(relay, name), count, name)
        files = [file for file in results.rglob("*") if file.is_file()]
        parts = [file for file in files if file.name.startswith("part-") and file.suffix == ".parquet"]
        return Counted(traffic, len(files), len(parts), sum(file.stat().st_size for file in parts))


def _complete(measured: dict[str, float], count: int, name: str) -> dict[str, float]:
    if measured["images"] != count:
        raise MeasurementFailedError(f"{name} gave {measured['images']} images of {count}")
    return measured


@contextmanager
def _bucket_of(archive: Path) -> Iterator[tuple[str, Path]]:
    """A fresh S3 with the archive in it: its address, and the folder in which results come to be."""
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="s3-") as name:
        folder = Path(name)
        for bucket in (ARCHIVE.bucket, RESULTS.bucket):
            (folder / bucket).mkdir()
        (folder / ARCHIVE.bucket / ARCHIVE.key).hardlink_to(archive)
        with s3_server(folder) as endpoint:
            yield endpoint, folder / RESULTS.bucket
