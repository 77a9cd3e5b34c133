"""A request of all kinds of sources through the whole pipeline, with real Spark: one run, one set of books."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import boto3
import pyarrow.parquet as pq
import pytest

from orchard.aws.stack import Stack
from orchard.features.model import ModelFolder
from orchard.local.cloud import LocalCloud
from orchard.runs import cleanup
from orchard.runs.upload import upload_source
from tests.integration.faults.outcome import Outcome
from tests.integration.real_pipeline import RealPipeline, stack
from tests.support.cloud.in_process import InProcessRunner
from tests.support.cloud.troubled_s3 import Once, trouble
from tests.support.pictures.drawn import fruit_members, write_zip

pytestmark = pytest.mark.slow

OTHER, ODD = "elsewhere", "ü #+%.jpg"
NODES_BOOT = r"^GET .*/bootstrap/install\.sh"
"""Everything has been inspected, and nothing has been read of it yet."""

PICTURES = {path.partition("/")[2]: content for path, content in fruit_members(training=2, test=1).items()}
TRAINING = {path: content for path, content in PICTURES.items() if path.startswith("Training/")}
TEST = {path.partition("/")[2]: content for path, content in PICTURES.items() if path.startswith("Test/")}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, random_model: ModelFolder) -> Iterator[RealPipeline]:
    source = stack(tmp_path_factory.mktemp("nodes"), tmp_path_factory.mktemp("layer"), random_model)
    source = replace(source, parameters={**source.parameters, "SourceBuckets": OTHER})
    home = tmp_path_factory.mktemp("home")
    with LocalCloud(source, home, runner=InProcessRunner, cores=2, poll_seconds=1, duplicates=True) as cloud:
        boto3.client("s3").create_bucket(Bucket=OTHER, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield RealPipeline(cloud, random_model)


def put(bucket: str, prefix: str, files: dict[str, bytes]) -> str:
    for name, content in files.items():
        boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}{name}", Body=content)
    return f"s3://{bucket}/{prefix}"


@dataclass(frozen=True)
class Asked:
    """A run of a request: the sources that it named, and what came of it."""

    sources: list[str]
    found: Outcome

    def rows(self, table: str) -> list[dict[str, str]]:
        parts = [
            body for name, body in self.found.files.items() if name.startswith(f"{table}/") and name[-4:] == ".csv"
        ]
        return [row for part in parts for row in csv.DictReader(io.StringIO(part.decode()))]


@pytest.fixture(scope="module")
def asked(pipeline: RealPipeline, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """A zip and a folder of the user's machine, a prefix beside them, and a zip and a prefix of another bucket."""
    bucket, folder = pipeline.cloud.outputs["InputBucketName"], tmp_path_factory.mktemp("here")
    s3 = boto3.client("s3")
    for path, content in TEST.items():
        (folder / "mine" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "mine" / path).write_bytes(content)
    (folder / "mine" / "notes.txt").write_text("words")
    sources = [
        upload_source(s3, write_zip(folder / "train.zip", {**TRAINING, "readme.md": b"words"}), bucket),
        upload_source(s3, folder / "mine", bucket),
        put(
            bucket,
            "raw/test/",
            {**TEST, **dict.fromkeys(("Late/1.jpg", "Late/2.jpg", f"Late/{ODD}"), min(TEST.values()))},
        ),
        put(OTHER, "zips/", {"val.zip": write_zip(folder / "val.zip", TEST).read_bytes()}) + "val.zip",
        put(OTHER, "figs/", {f"Fig/{number}.jpg": content for number, content in enumerate(TEST.values())}),
    ]

    def meanwhile() -> None:
        put(bucket, "raw/test/Late/", {"1.jpg": b"another"})
        s3.delete_object(Bucket=bucket, Key="raw/test/Late/2.jpg")

    options = {"components": 3, "max_rejected": 0.2}
    body = json.dumps({"sources": sources, "options": options}).encode()
    with trouble(Once(NODES_BOOT, meanwhile)):
        return Asked(sources, pipeline.outcome(pipeline.upload("everything.orchard.json", body)))


def test_all_sources_have_one_set_of_books_and_each_picture_its_own_address(asked: Asked) -> None:
    zipped, folder, prefix, other_zip, figs = asked.sources
    assert asked.found.status == "SUCCEEDED", asked.found.cause
    expected = {
        **{f"{zipped}#{path}": "Training" for path in TRAINING},
        **{f"{folder}#{path}": "" for path in TEST},
        **{f"{prefix}{path}": "Test" for path in (*TEST, f"Late/{ODD}")},
        **{f"{other_zip}#{path}": "Validation" for path in TEST},
        **{f"{figs}Fig/{number}.jpg": "" for number in range(len(TEST))},
    }
    assert {row["s3_path"]: row["split"] for row in asked.rows("metadata")} == expected
    counts = asked.found.counts
    assert counts["images"] == counts["features"] == len(expected)
    assert (counts["ignored"], counts["rejected_in_unzip"], counts["skipped"]) == (2, 2, 0)
    assert sum(int(row["count"]) for row in asked.rows("stats")) == len(expected)
    paths = [
        path
        for name, body in asked.found.files.items()
        if name.startswith("pca/") and name.endswith(".parquet")
        for path in pq.read_table(io.BytesIO(body), columns=["path"])["path"].to_pylist()
    ]
    assert len(set(paths)) == len(paths) == len(expected)
    assert {path.partition("/")[0] for path in paths} == {"train", "mine", "test", "val", "figs"}


def test_what_changed_after_the_inspection_is_rejected_and_what_is_no_picture_ignored_with_the_reason(
    asked: Asked,
) -> None:
    rejected = {row["path"]: row["reason"] for row in asked.rows("rejected")}
    assert rejected.keys() == {"test/Late/1.jpg", "test/Late/2.jpg"}
    assert "it was replaced or changed" in rejected["test/Late/1.jpg"]
    assert "it was deleted" in rejected["test/Late/2.jpg"]
    assert {row["path"]: row["reason"] for row in asked.rows("ignored")} == {
        "train/readme.md": "not an image: .md",
        "mine/notes.txt": "not an image: .txt",
    }


def test_a_request_whose_event_comes_twice_is_one_run_that_has_its_sources(
    pipeline: RealPipeline, asked: Asked
) -> None:
    run = asked.found.run_id
    assert [one for one in pipeline.executions() if one.startswith("everything-")] == [run]
    assert f"{asked.sources[0]} and 4 more" in asked.found.notice.message.replace("\n", "")
    stored = cleanup.gather(boto3.client("s3"), Stack.load(boto3.Session()), "uploads")
    [uploads] = [one for one in stored.runs if one.run == run]
    assert {one.key.rpartition("/")[2] for one in uploads.versions} == {
        "everything.orchard.json",
        "train.zip",
        "mine.zip",
    }


def test_a_bucket_that_the_stack_does_not_name_is_refused_with_the_command_that_names_it(
    pipeline: RealPipeline, asked: Asked
) -> None:
    body = json.dumps({"sources": [asked.sources[0], "s3://third/p/"]}, indent=1).encode()
    refused = pipeline.outcome(pipeline.upload("third.orchard.json", body))
    assert (refused.status, refused.error) == ("FAILED", "ArchiveRefused")
    assert "line 4 of third.orchard.json, s3://third/p/: runs read the bucket third only when" in refused.cause
    named = f"sam deploy --parameter-overrides SourceBuckets={OTHER},third"
    assert named in refused.notice.message.replace("\n", " ").replace("  ", " ")
