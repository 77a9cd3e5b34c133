"""The archive changes, the results cannot be written, events come twice."""

import threading

import boto3
import pytest

from tests.integration.faults.pipeline import Pipeline, archive
from tests.integration.faults.server import Invocation, Result, function, writes_refused
from tests.support.cloud.mini import Json

pytestmark = pytest.mark.slow


def test_the_archive_is_deleted_before_it_is_inspected(pipeline: Pipeline) -> None:
    bucket = pipeline.cloud.outputs["InputBucketName"]
    s3 = boto3.client("s3")
    version: list[str] = []

    def delete_first(inspect: Invocation) -> Result:
        [found] = s3.list_object_versions(Bucket=bucket, Prefix="deleted.zip")["Versions"]
        version.append(found["VersionId"])
        s3.delete_object(Bucket=bucket, Key="deleted.zip", VersionId=found["VersionId"])
        return inspect()

    with function("Inspect", delete_first):
        done = pipeline.outcome(pipeline.upload("deleted.zip"))

    assert (done.status, done.error) == ("FAILED", "ArchiveRefused")
    assert "deleted" in done.said


def test_the_archive_is_hidden_before_it_is_inspected(pipeline: Pipeline) -> None:
    def hide_first(inspect: Invocation) -> Result:
        boto3.client("s3").delete_object(Bucket=pipeline.cloud.outputs["InputBucketName"], Key="hidden.zip")
        return inspect()

    with function("Inspect", hide_first):
        done = pipeline.outcome(pipeline.upload("hidden.zip"))

    assert done.status == "SUCCEEDED", "its version is still there"


def test_the_archive_is_overwritten_before_it_is_inspected(pipeline: Pipeline) -> None:
    later: list[str] = []

    def overwrite_first(inspect: Invocation) -> Result:
        later.append(pipeline.upload("overwritten.zip", archive(5)))
        return inspect()

    with function("Inspect", overwrite_first, times=1):
        early = pipeline.outcome(pipeline.upload("overwritten.zip", archive(2)))

    late = pipeline.outcome(later[0])
    assert (early.status, early.counts["images"]) == ("SUCCEEDED", 2)
    assert (late.status, late.counts["images"]) == ("SUCCEEDED", 5)


def test_the_archive_is_deleted_while_it_is_read(pipeline: Pipeline) -> None:
    # the small job cannot read what is gone; what the real one says of it is another test's
    run = pipeline.upload("gone.zip", unzip="until [ -e $0.go ]; do sleep 0.05; done")
    pipeline.step(run, "RUNNING")
    bucket = pipeline.cloud.outputs["InputBucketName"]
    [found] = boto3.client("s3").list_object_versions(Bucket=bucket, Prefix="gone.zip")["Versions"]
    boto3.client("s3").delete_object(Bucket=bucket, Key="gone.zip", VersionId=found["VersionId"])
    pipeline.let_go("gone", "unzip")

    done = pipeline.outcome(run)

    assert done.status == "FAILED"
    assert done.clusters[0].steps["unzip"] == "FAILED"


def test_the_plan_cannot_be_written(pipeline: Pipeline) -> None:
    with writes_refused("plan.json"):
        done = pipeline.run()

    assert done.status == "FAILED"
    assert done.clusters == ()
    assert "PutObject" in done.said


def test_what_is_no_zip_is_refused(pipeline: Pipeline) -> None:
    done = pipeline.outcome(pipeline.upload("words.zip", b"just words"))

    assert (done.status, done.error) == ("FAILED", "ArchiveRefused")


def test_two_archives_at_once(pipeline: Pipeline) -> None:
    runs = [pipeline.upload() for _ in range(2)]

    assert [pipeline.outcome(run).status for run in runs] == ["SUCCEEDED"] * 2


def test_two_versions_of_a_key_at_once(pipeline: Pipeline) -> None:
    runs = [pipeline.upload("twice.zip", archive(members)) for members in (1, 4)]

    found = [pipeline.outcome(run) for run in runs]
    assert [one.counts["images"] for one in found] == [1, 4]


def test_an_event_comes_again_at_once_and_an_hour_later(pipeline: Pipeline) -> None:
    events: list[Json] = []
    started = threading.Event()

    def start_twice(start: Invocation) -> Result:
        if not started.is_set():
            started.set()
            events.append(_event_of(pipeline, "again.zip"))
            pipeline.invoke("StartPipeline", events[0])
        return start()

    with function("StartPipeline", start_twice):
        run = pipeline.upload("again.zip")
        assert pipeline.outcome(run).status == "SUCCEEDED"
        before = pipeline.executions()

        pipeline.invoke("StartPipeline", events[0])

        pipeline.settle()
    assert pipeline.executions() == before
    assert len(pipeline.outcome(run).clusters) == 1


def _event_of(pipeline: Pipeline, key: str) -> Json:
    """The event that S3 sent about the only version of this key."""
    bucket = pipeline.cloud.outputs["InputBucketName"]
    [found] = boto3.client("s3").list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    stored = {"key": key, "size": found["Size"], "eTag": found["ETag"].strip('"'), "versionId": found["VersionId"]}
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}}}
    record["s3"]["object"] = {**stored, "sequencer": "0"}
    return {"Records": [record]}


def test_another_kind_of_archive_is_refused_and_a_picture_is_passed_over(pipeline: Pipeline) -> None:
    bucket = pipeline.cloud.outputs["InputBucketName"]
    boto3.client("s3").put_object(Bucket=bucket, Key="Training/Kiwi/1.jpg", Body=b"no zip")
    done = pipeline.outcome(pipeline.upload("harvest.tar.gz", b"no zip"))

    assert (done.status, done.error) == ("FAILED", "ArchiveRefused")
    assert "tar -xf harvest.tar.gz -C harvest && (cd harvest && zip -qr0 ../harvest.zip .)" in done.said
    assert not [run for run in pipeline.executions() if run.startswith("1-")]


def test_the_ending_of_a_zip_may_be_in_any_case(pipeline: Pipeline) -> None:
    assert pipeline.outcome(pipeline.upload("any case.zIp")).status == "SUCCEEDED"
