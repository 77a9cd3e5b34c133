"""What a run comes to when something breaks below its jobs: the whole pipeline, real Spark. One archive a row."""

import csv
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pyarrow.parquet as pq
import pytest

from orchard import layout
from orchard.features.model import ModelFolder
from orchard.local.cloud import LocalCloud
from orchard.local.emr import nodes
from orchard.local.emr.spark_settings import local_settings
from orchard.local.moto.patching import replaced
from orchard.runs import download
from tests.integration import faulty_daemon
from tests.integration.faults.outcome import Outcome
from tests.integration.real_pipeline import DRIVER, JVM, RealPipeline, stack
from tests.support.cloud.in_process import InProcessRunner
from tests.support.cloud.submitting import ROOT
from tests.support.cloud.troubled_s3 import DENIED, SLOW_DOWN, ForAWhile, Once, always, trouble
from tests.support.pictures.drawn import fruit_members, write_zip
from tests.support.pictures.photographs import IMAGES, REJECTED, write_photographs

pytestmark = pytest.mark.slow

NODES_BOOT = r"^GET .*/bootstrap/install\.sh"
"""The archive has been inspected, and nothing has been read of it yet."""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, random_model: ModelFolder) -> Iterator[RealPipeline]:
    source = stack(tmp_path_factory.mktemp("nodes"), tmp_path_factory.mktemp("layer"), random_model)
    home = tmp_path_factory.mktemp("home")
    with LocalCloud(source, home, runner=InProcessRunner, cores=2, poll_seconds=1) as cloud:
        yield RealPipeline(cloud, random_model)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_photographs(tmp_path_factory.mktemp("zip") / "photographs.zip").read_bytes()


@pytest.fixture(scope="module")
def fruit(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_zip(tmp_path_factory.mktemp("zip") / "fruit.zip", fruit_members(training=3, test=1)).read_bytes()


def steps(found: Outcome) -> dict[str, str]:
    [cluster] = found.clusters
    return dict(cluster.steps)


def failed_in(stage: str) -> dict[str, str]:
    """The states of the steps of a run that failed in this one."""
    place = layout.STAGES.index(stage)
    return {
        name: "COMPLETED" if n < place else "FAILED" if n == place else "CANCELLED"
        for n, name in enumerate(layout.STAGES)
    }


def rejected(folder: Path) -> list[tuple[str, str]]:
    lines = [line for part in folder.glob("*.csv") for line in csv.DictReader(part.read_text().splitlines())]
    return sorted((line["path"], line["stage"]) for line in lines)


def test_what_passes_and_what_is_damaged_does_not_fail_a_run(
    pipeline: RealPipeline, photographs: bytes, tmp_path: Path
) -> None:
    orders, key = tmp_path / "orders", "passes.zip"
    orders.mkdir()
    (orders / "1-worker").touch()
    faulty = {
        "spark.python.daemon.module": faulty_daemon.__name__,
        "spark.executorEnv.PYTHONPATH": str(ROOT),
        "spark.executorEnv.FAULTS": str(orders),
    }
    another_worker = Once(r"^PUT .*/_stages/featurize\.claim", (orders / "2-worker").touch)
    overwritten = Once(NODES_BOOT, lambda: pipeline.upload(key, b"not a zip"))
    slow = ForAWhile(rf"^\w+ /[^/]+/({key}|runs/[^/]+/[^/]*)", SLOW_DOWN, times=2)
    with (
        replaced(nodes, local_settings=lambda **given: local_settings(**given) | faulty),
        trouble(another_worker, overwritten, slow),
    ):
        found = pipeline.outcome(pipeline.upload(key, photographs))

    assert found.status == "SUCCEEDED"
    assert overwritten.done
    assert another_worker.done
    assert not list(orders.iterdir()), "two workers were killed"
    assert sum(slow.refused.values()) > 20
    download.copy_results(
        boto3.client("s3"), pipeline.cloud.outputs["ResultsBucketName"], found.run_id, tmp_path / "out"
    )
    assert rejected(tmp_path / "out" / "rejected") == REJECTED
    assert found.counts["features"] == IMAGES - 2
    paths = pq.read_table(tmp_path / "out" / "pca").column("path").to_pylist()
    assert len(set(paths)) == len(paths) == found.counts["features"]


def test_the_archive_s_version_is_deleted_during_the_run(pipeline: RealPipeline, fruit: bytes) -> None:
    bucket, key = pipeline.cloud.outputs["InputBucketName"], "deleted.zip"

    def delete() -> None:
        s3 = boto3.client("s3")
        [version] = s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])

    with trouble(Once(NODES_BOOT, delete)):
        found = pipeline.outcome(pipeline.upload(key, fruit))

    assert steps(found) == failed_in("unzip")
    assert "failed in the unzip step" in found.said
    assert f"{bucket}/{key}" in found.said
    assert "there is no such object or version" in found.said


def test_the_results_bucket_denies_writes(pipeline: RealPipeline, fruit: bytes) -> None:
    with trouble(always(r"^PUT /[^/]+/runs/[^/]+/images/", DENIED)):
        found = pipeline.outcome(pipeline.upload("denied.zip", fruit))

    assert steps(found) == failed_in("unzip")
    assert "failed in the unzip step" in found.said
    assert "A permission is missing" in found.said
    assert "AccessDenied" in found.said
    assert not [name for name in found.files if name.startswith(("_stages/unzip.json", "images/part-"))]


def test_the_results_bucket_denies_the_summary(pipeline: RealPipeline, fruit: bytes) -> None:
    with trouble(always(r"^PUT /[^/]+/runs/[^/]+/summary\.json", DENIED)):
        found = pipeline.outcome(pipeline.upload("no summary.zip", fruit))

    assert steps(found) == failed_in("pca")
    assert "failed in the pca step" in found.said
    assert "A permission is missing" in found.said
    assert "AccessDenied" in found.said
    assert "_manifest.json" not in found.files


def may_mount() -> bool:
    """Whether this user may have a disk of its own."""
    mount = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return (
        shutil.which("unshare") is not None and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not may_mount(), reason="a full disk needs a small one, and this user may not mount any")
def test_a_disk_is_full(pipeline: RealPipeline, photographs: bytes) -> None:
    # programs of this machine: a node's user has no use for them
    unshare, mount = (shutil.which(name) for name in ("unshare", "mount"))
    small = f'exec {unshare} --mount sh -c \'{mount} -t tmpfs -o size=1m none "$0" && exec "$@"\''
    small += ' "$scratch" "$submit" "$@"'
    with pipeline.submitting(small):
        found = pipeline.outcome(pipeline.upload("full.zip", photographs))

    assert steps(found) == failed_in("unzip")
    assert "failed in the unzip step" in found.said
    assert "A disk is full" in found.said
    assert "_stages/unzip.json" not in found.files


def test_the_memory_does_not_suffice(pipeline: RealPipeline, tmp_path: Path) -> None:
    pictures = {f"a/{n}.jpg": os.urandom(60 << 20) for n in range(2)}
    archive = write_zip(tmp_path / "large.zip", pictures, zipfile.ZIP_STORED)
    with pipeline.submitting('exec "$submit" --conf spark.executor.pyspark.memory=400m "$@"'):
        found = pipeline.outcome(pipeline.upload("large.zip", archive.read_bytes()))

    assert steps(found) == failed_in("unzip")
    assert "failed in the unzip step" in found.said
    assert "Python ran out of memory" in found.said
    assert "_stages/unzip.json" not in found.files


def test_the_model_is_gone_when_it_is_needed(pipeline: RealPipeline, fruit: bytes) -> None:
    def delete() -> None:
        s3 = boto3.client("s3")
        for file in download.list_files(s3, pipeline.artefacts, "models/"):
            s3.delete_object(Bucket=pipeline.artefacts, Key=file.key)

    try:
        with trouble(Once(NODES_BOOT, delete)):
            found = pipeline.outcome(pipeline.upload("no model.zip", fruit))
    finally:
        pipeline.publish_model()

    assert steps(found) == failed_in("featurize")
    assert "failed in the featurize step" in found.said
    assert "The model is not there" in found.said
    assert "_stages/featurize.json" not in found.files


def test_the_python_driver_is_killed(pipeline: RealPipeline, fruit: bytes) -> None:
    killed = Once(r"^PUT /[^/]+/runs/[^/]+/images/", lambda: pipeline.kill(DRIVER))
    with trouble(killed):
        found = pipeline.outcome(pipeline.upload("no driver.zip", fruit))

    assert killed.done
    assert steps(found) == failed_in("unzip")
    assert "failed in the unzip step" in found.said
    assert "was killed" in found.said
    assert "_stages/unzip.json" not in found.files


def test_the_jvm_of_the_driver_is_killed_and_the_stage_is_run_again(
    pipeline: RealPipeline, photographs: bytes, tmp_path: Path
) -> None:
    killed = Once(r"^PUT /[^/]+/runs/[^/]+/features/part-", lambda: pipeline.kill(JVM), number=2)
    with trouble(killed):
        found = pipeline.outcome(pipeline.upload("no jvm.zip", photographs))

    assert killed.done
    assert steps(found) == failed_in("featurize")
    assert "failed in the featurize step" in found.said
    assert "was killed" in found.said
    stale = {name for name in found.files if name.startswith("features/part-")}
    assert stale, "the folder looks as if there were features"
    assert not {"_stages/featurize.json", "_manifest.json"} & set(found.files)

    pipeline.again(json.loads(found.files["plan.json"]), "featurize")

    out = tmp_path / "out"
    download.copy_results(
        boto3.client("s3"), pipeline.cloud.outputs["ResultsBucketName"], found.run_id, out, partial=True
    )
    assert not {name for name in stale if (out / name).exists()}
    paths = pq.read_table(out / "features").column("path").to_pylist()
    assert len(set(paths)) == len(paths) == IMAGES - 2
    assert rejected(out / "rejected") == REJECTED
