"""What a rerun reads: real Spark on S3, with every request counted where it arrives."""

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from pyspark.sql import SparkSession

from orchard.archive.collection import collect, find_source, pins
from orchard.errors import EnvironmentNotReadyError, OptionsError, UsageError
from orchard.features.model import ModelFolder
from orchard.jobs.featurize import featurize
from orchard.jobs.files import HadoopFiles
from orchard.jobs.pca import pca
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles, run_files
from orchard.local.emr.spark_settings import local_settings
from orchard.local.moto.patching import entries
from orchard.local.moto.server import moto_server
from orchard.options import RunOptions
from tests.support.cloud.troubled_s3 import Asked, trouble
from tests.support.pictures.drawn import fruit_members, write_zip

pytestmark = pytest.mark.slow

CONTENT = {"archive": r"^GET /input/fruits\.zip$"} | {
    folder: rf"^GET /results/runs/.*/{folder}/.*\.parquet$" for folder in ("images", "features", "pca")
}


@pytest.fixture(scope="module")
def _store(spark: SparkSession) -> Iterator[None]:
    """S3 for this process, for Spark's driver, and for its Python workers."""
    with moto_server() as endpoint:
        told = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_PROFILE": None,
        }
        settings = local_settings(endpoint=endpoint, metadata="", home="/tmp", cores=2, class_path="", scratch="/tmp")
        of_s3 = {n.removeprefix("spark.hadoop."): value for n, value in settings.items() if "hadoop.fs.s3" in n}
        # a JVM that runs already has the environment that it was started with
        of_s3 |= {"fs.s3a.endpoint.region": "eu-west-1", "fs.s3a.access.key": "test", "fs.s3a.secret.key": "test"}
        hadoop = spark.sparkContext._jsc.hadoopConfiguration()
        for name, value in of_s3.items():
            hadoop.set(name, value)
        with entries(os.environ, told), entries(spark.sparkContext.environment, told):
            s3 = boto3.client("s3")
            for bucket in ("input", "results"):
                s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
            s3.put_bucket_versioning(Bucket="input", VersioningConfiguration={"Status": "Enabled"})
            yield


@contextmanager
def reads() -> Iterator[Counter[str]]:
    """How often content was read meanwhile, by kind: of the archive, of pictures, of features, of components."""
    found: Counter[str] = Counter()

    def count(asked: Asked) -> None:
        found.update(kind for kind, pattern in CONTENT.items() if re.search(pattern, str(asked)))

    with trouble(count):
        yield found


class Job:
    """The stages of one run, on one version of the archive and with one model, until something else is said."""

    def __init__(self, spark: SparkSession, model: ModelFolder, version: str) -> None:
        self.spark = spark
        self.run: RunFiles = run_files("results", "fruits-0123456789ab")
        self.model = str(model.path)
        self.version = version

    def unzip(self) -> str:
        return unzip(self.spark, "s3://input/fruits.zip", self.run, version_id=self.version).completed

    def featurize(self) -> str:
        return featurize(self.spark, self.run, self.model, "onnxruntime").completed

    def pca(self, **options: object) -> str:
        return pca(self.spark, self.run, RunOptions(**options)).completed  # type: ignore[arg-type]

    def is_published(self) -> bool:
        return HadoopFiles(self.spark).exists(self.run.manifest)


def upload(folder: Path, training: int) -> str:
    path = write_zip(folder / "fruits.zip", fruit_members(training=training, test=1))
    with path.open("rb") as body:
        return boto3.client("s3").put_object(Bucket="input", Key="fruits.zip", Body=body)["VersionId"]


@pytest.mark.usefixtures("_store")
def test_a_rerun_does_what_is_missing_and_reads_nothing_twice(
    spark: SparkSession, random_model: ModelFolder, tmp_path: Path
) -> None:
    job = Job(spark, random_model, upload(tmp_path, training=2))
    with reads() as first:
        unzipped = job.unzip()
        with pytest.raises(EnvironmentNotReadyError):
            featurize(spark, job.run, str(tmp_path / "no model"), "onnxruntime")
    assert first["archive"]
    assert first["features"] == first["pca"] == 0

    # the model was missing: the pictures are there, and the archive is not asked for again
    with reads() as second:
        assert job.unzip() == unzipped
        featurized = job.featurize()
        with pytest.raises(OptionsError):
            job.pca(fit_split="Validation")
    assert second["archive"] == 0
    assert second["images"]
    assert second["features"] == 0, "a wish that cannot be met is refused unread"

    # neither is a picture read again, nor a feature computed
    with reads() as third:
        assert (job.unzip(), job.featurize()) == (unzipped, featurized)
    assert not third
    with reads() as fourth:
        projected = job.pca(components=2)
    assert fourth["archive"] == 0
    assert fourth["features"]
    assert fourth["pca"]
    assert job.is_published()

    # nothing is missing
    with reads() as fifth:
        assert (job.unzip(), job.featurize(), job.pca(components=2)) == (unzipped, featurized, projected)
    assert not fifth

    # other components: only these
    with reads() as sixth:
        assert (job.unzip(), job.featurize()) == (unzipped, featurized)
        assert job.pca(components=3) != projected
    assert sixth["archive"] == 0
    assert job.is_published()

    # another model: from the features on
    shutil.copytree(random_model.path, tmp_path / "model")
    told = json.loads((tmp_path / "model" / "manifest.json").read_text())
    (tmp_path / "model" / "manifest.json").write_text(json.dumps({**told, "weights": "mine.h5"}))
    job.model = str(tmp_path / "model")
    with reads() as seventh:
        assert job.unzip() == unzipped
        assert job.featurize() != featurized
    assert seventh["archive"] == 0
    assert seventh["images"]
    assert not job.is_published(), "the components are those of other features"

    # another version of the archive: everything, and what was made of the old one counts no more
    job.version = upload(tmp_path, training=1)
    with reads() as eighth:
        assert job.unzip() != unzipped
        with pytest.raises(
            UsageError, match="featurize stage of this run is not complete: the unzip stage was run again after it"
        ):
            job.pca(components=2)
    assert eighth["archive"]
    assert eighth["features"] == 0
    assert spark.read.parquet(job.run.images).count() == 8, "nothing of the larger archive is left"


@pytest.mark.usefixtures("_store")
def test_several_sources_are_unzipped_as_one_with_each_picture_s_own_address(
    spark: SparkSession, tmp_path: Path
) -> None:
    s3, run = boto3.client("s3"), run_files("results", "several-0123456789ab")
    version = upload(tmp_path, training=1)
    for number in range(5):
        s3.put_object(Bucket="input", Key=f"raw/Test/Fig/{number}.jpg", Body=b"picture")
    s3.put_object(Bucket="input", Key="raw/notes.txt", Body=b"none")
    found = collect(["s3://input/fruits.zip", "s3://input/raw/"], find_source)
    for name, content in (("sources.json", pins(found).encode()), ("sources/00002.csv.gz", found.sources[1].text)):
        s3.put_object(Bucket="results", Key=f"runs/several-0123456789ab/{name}", Body=content)
    assert found.sources[0].reference.version_id == version
    upload(tmp_path, training=2)  # another version, which is not meant
    s3.delete_object(Bucket="input", Key="raw/Test/Fig/4.jpg")
    record = unzip(spark, run.sources, run, max_rejected=0.5)
    counts = record.counts
    assert counts["entries"] == sum(counts.values()) - counts["entries"]
    assert (counts["images"], counts["rejected_in_unzip"], counts["ignored"]) == (8 + 4, 1, 1)
    files = HadoopFiles(spark)
    addresses = [row["s3_path"] for row in files.read_csv(run.metadata_table)]
    assert sum(one.startswith("s3://input/fruits.zip#") for one in addresses) == 8
    assert {one for one in addresses if "#" not in one} == {f"s3://input/raw/Test/Fig/{n}.jpg" for n in range(4)}
    [rejected] = files.read_csv(run.rejected_by("unzip"))
    assert rejected["path"] == "raw/Test/Fig/4.jpg"
    assert "it was deleted" in rejected["reason"]
    assert record.facts["archive"]["sources"] == ["s3://input/fruits.zip", "s3://input/raw/"]
    assert unzip(spark, run.sources, run, max_rejected=0.5).completed == record.completed
