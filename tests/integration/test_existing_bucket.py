"""A bucket that somebody has is the input bucket: its own events start runs, and nothing else of it is touched."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from orchard import layout
from orchard.aws.stack import Stack
from orchard.doctor.uploads import upload_checks
from orchard.local.cloud import LocalCloud
from orchard.options import RunOptions
from orchard.runs import cleanup
from orchard.runs.started import await_run, runs_by_archive
from orchard.runs.upload import upload_archive
from tests.integration.faults.pipeline import Pipeline, archive
from tests.integration.faults.timing import quick_pauses, unhurried_starts
from tests.support.cloud.in_process import InProcessRunner
from tests.support.stack.bundles import stack_with
from tests.support.stack.template import ACCOUNT

pytestmark = pytest.mark.slow

BUCKET = "a-team-s-pictures"
TELL_EVENTBRIDGE = {"EventBridgeConfiguration": {}}


def tell_nobody() -> None:
    """What a put of an empty configuration does, which moto takes for a malformed one."""
    from moto.s3.models import s3_backends

    s3_backends[ACCOUNT]["aws"].buckets[BUCKET].notification_configuration = None


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    layer, home = tmp_path_factory.mktemp("layer"), tmp_path_factory.mktemp("home")
    stack = stack_with(layer, {"bootstrap/install.sh": b":\n"}, ExistingInputBucket=BUCKET)
    with (
        quick_pauses(),
        unhurried_starts(),
        LocalCloud(stack, home, runner=InProcessRunner, cores=1, duplicates=True) as cloud,
    ):
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield Pipeline(cloud)


@pytest.fixture
def s3(pipeline: Pipeline) -> Any:  # noqa: ANN401
    client = boto3.client("s3")
    client.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=TELL_EVENTBRIDGE)
    return client


@pytest.fixture
def stack(pipeline: Pipeline) -> Stack:
    return Stack.load(boto3.Session(), pipeline.cloud.outputs.get("StackName", "orchard"))


def test_the_stack_makes_no_bucket_and_says_which_it_takes(pipeline: Pipeline, stack: Stack) -> None:
    assert stack.input_bucket == BUCKET
    assert not stack.owns_input_bucket
    buckets = [one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]]
    assert not [name for name in buckets if "-input-" in name]


def test_the_doctor_has_the_command_that_turns_its_events_on(pipeline: Pipeline, stack: Stack, s3: Any) -> None:  # noqa: ANN401
    def verdicts() -> dict[str, tuple[str, str]]:
        checks = upload_checks(boto3.Session(region_name="eu-west-1"), stack)
        return {check.name: (str(check.verdict), check.fix) for check in checks}

    assert [name for name, (verdict, _) in verdicts().items() if verdict != "ok"] == []
    tell_nobody()
    verdict, fix = verdicts()["Upload events"]
    assert verdict == "wrong"
    assert f"--bucket {BUCKET} --notification-configuration '{json.dumps(TELL_EVENTBRIDGE)}'" in fix


@pytest.mark.parametrize("versions", ["Suspended", "Enabled"])
def test_an_upload_starts_one_run_with_versions_or_without(
    pipeline: Pipeline,
    stack: Stack,
    s3: Any,  # noqa: ANN401
    tmp_path: Path,
    versions: str,
) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": versions})
    s3.put_object(Bucket=BUCKET, Key=f"theirs/{versions}/2019.zip.txt", Body=b"not ours")
    file = tmp_path / f"My {versions}.zip"
    file.write_bytes(archive())
    before = set(pipeline.executions())
    upload = upload_archive(s3, file, BUCKET, RunOptions(components=2), own=False)
    pipeline.settle()
    [run] = set(pipeline.executions()) - before
    assert upload.run_id == (run if versions == "Enabled" else "")
    sfn = boto3.client("stepfunctions")
    if not upload.run_id:
        assert await_run(sfn, stack.state_machine_arn, upload.archive, before, 60) == run
    done = pipeline.outcome(run)
    assert done.status == "SUCCEEDED", done.said
    assert run.startswith(f"my-{versions.lower()}-")


def test_only_what_started_a_run_is_there_to_be_deleted(pipeline: Pipeline, stack: Stack, s3: Any) -> None:  # noqa: ANN401
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    theirs = s3.put_object(Bucket=BUCKET, Key="theirs/report.pdf", Body=b"not ours")["VersionId"]
    tell_nobody()
    s3.put_object(Bucket=BUCKET, Key="before-orchard.zip", Body=archive())
    s3.delete_object(Bucket=BUCKET, Key="before-orchard.zip")
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=TELL_EVENTBRIDGE)
    version = s3.put_object(Bucket=BUCKET, Key="ours.zip", Body=archive())["VersionId"]
    pipeline.settle()
    started = runs_by_archive(boto3.client("stepfunctions"), stack.state_machine_arn, BUCKET)
    stored = cleanup.gather(s3, stack, "uploads", started)
    run = layout.run_id(BUCKET, "ours.zip", version_id=version)
    assert run in {objects.run for objects in stored.runs}
    assert {objects.run for objects in stored.runs} <= set(pipeline.executions())
    cleanup.delete(s3, BUCKET, cleanup.to_delete(stored, stored.runs), lambda _: None)
    left = s3.list_object_versions(Bucket=BUCKET)
    kept = {one["Key"] for one in left["Versions"]}
    assert {"theirs/report.pdf", "before-orchard.zip"} <= kept
    assert "ours.zip" not in kept
    assert [one["Key"] for one in left["DeleteMarkers"]] == ["before-orchard.zip"], "a marker less is an object more"
    assert s3.head_object(Bucket=BUCKET, Key="theirs/report.pdf")["VersionId"] == theirs
