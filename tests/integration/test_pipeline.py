"""`orchard run --local`, and what uploads come to; the main job runs in `test_packaged.py`."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from mypy_boto3_stepfunctions import SFNClient

from orchard.aws.stack import Stack
from orchard.cli.run import run_sources
from orchard.doctor.checks import Verdict
from orchard.doctor.network import network_checks
from orchard.errors import ArchiveError, EnvironmentNotReadyError, RunFailedError
from orchard.local.cloud import LocalCloud
from orchard.options import RunOptions
from tests.support.cloud.in_process import InProcessRunner
from tests.support.pictures.drawn import fruit_members, write_zip
from tests.support.stack.bundles import stack_with
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


def test_an_archive_without_one_readable_picture_fails_in_the_step_that_found_out(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "noise.zip", {f"a/{n}.jpg": b"no picture at all" for n in range(3)})
    with pytest.raises(RunFailedError) as failure:
        run_sources([archive], RunOptions(), local=True, weights="random", out=tmp_path / "out", table=False)
    told = "3 of 3 images were rejected, more than the allowed 5%: 3 like 'a/0.jpg': not an image: text; all are in "
    assert f"{told}{tmp_path}/out/rejected/" in failure.value.cause
    assert failure.value.next_command.startswith("zless")
    assert Path(failure.value.next_command.split()[-1]).exists(), "the log that it names was copied"
    notice = (tmp_path / "out" / "notice.txt").read_text()
    assert notice.count("Orchard: failed") == 1
    assert "featurize" in notice
    assert "orchard run noise.zip --max-rejected 100%" in notice


def test_what_is_no_zip_is_refused_before_any_cluster(tmp_path: Path) -> None:
    (tmp_path / "words.zip").write_text("just words")
    with pytest.raises(ArchiveError) as refusal:
        run_sources([tmp_path / "words.zip"], RunOptions(), local=True, weights="random", out=tmp_path / "out")
    assert refusal.value.exit_code == 2
    assert "not a zip" in refusal.value.cause.lower()
    assert "not a zip" in (tmp_path / "out" / "notice.txt").read_text().lower()
    assert not (tmp_path / "out" / "logs").exists(), "no cluster, no logs"


def test_several_zips_are_one_run_by_a_request(tmp_path: Path) -> None:
    zips = [
        write_zip(tmp_path / f"{name}.zip", {path.partition("/")[2]: content for path, content in members.items()})
        for name, members in (("train", fruit_members(2, 0)), ("more", fruit_members(0, 1)))
    ]
    options = RunOptions(components=2)
    done = run_sources(zips, options, local=True, weights="random", out=tmp_path / "out", table=False)
    assert done.summary is not None
    assert done.run_id.startswith("train-")
    assert done.summary["counts"]["features"] == 12
    assert [one.rpartition("/")[2] for one in done.summary["archive"]["sources"]] == ["train.zip", "more.zip"]
    assert f"{zips[0]} and 1 more" in (tmp_path / "out" / "notice.txt").read_text(), "what is there after the cloud"


class Cloud:
    """The stack in a local cloud that delivers every event twice. What is uploaded here is refused at once."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.sfn: SFNClient = boto3.client("stepfunctions")
        self.bucket = cloud.outputs["InputBucketName"]

    def upload(self, file: Path, key: str) -> None:
        """As a user does: by the AWS CLI."""
        # not .venv/bin/aws: pip writes this Python's path into its first line, where a space ends it
        command = [
            sys.executable,
            "-m",
            "awscli",
            "s3",
            "cp",
            "--only-show-errors",
            str(file),
            f"s3://{self.bucket}/{key}",
        ]
        subprocess.run(command, check=True, env={**os.environ, **self.cloud.environment})

    def runs(self) -> list[str]:
        """The names of the executions that have ended, or [] while one is running."""
        found = self.sfn.list_executions(stateMachineArn=self.cloud.outputs["StateMachineArn"])["executions"]
        return [] if any(one["status"] == "RUNNING" for one in found) else sorted(one["name"] for one in found)


def settled(look: Callable[[], list[str]], count: int) -> list[str]:
    """What a look shows once it shows that many, and a moment later still."""
    eventually(lambda: len(look()) == count, f"the end of {count} runs")
    time.sleep(3)  # a second delivery would be on its way
    return look()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    stack = stack_with(tmp_path_factory.mktemp("layer"), {})
    with LocalCloud(stack, runner=InProcessRunner, duplicates=True) as running:
        yield Cloud(running)


def test_a_stack_that_cannot_publish_is_not_created_and_says_what_is_missing(tmp_path: Path) -> None:
    stack = stack_with(tmp_path, {})
    (tmp_path / "bundle" / "releases" / "r1" / "orchard.zip").unlink()
    with pytest.raises(EnvironmentNotReadyError) as failure, LocalCloud(stack, runner=InProcessRunner):
        pass
    assert "Publication: The artefacts to publish are not complete" in failure.value.cause
    assert "releases/r1/orchard.zip" in failure.value.cause


def test_an_upload_starts_one_run_however_often_its_event_comes(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"not a zip")
    before = len(cloud.runs())
    cloud.upload(tmp_path / "file", "in/words with spaces + plus.zip")
    assert len(settled(cloud.runs, before + 1)) == before + 1
    assert sum("words-with-spaces-plus" in notice.message for notice in cloud.cloud.notices) == 1


def test_a_multipart_upload_starts_one_run_too(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(20 << 20))
    before = len(cloud.runs())
    cloud.upload(tmp_path / "file", "large.zip")
    assert len(settled(cloud.runs, before + 1)) == before + 1


def test_a_second_version_of_the_same_key_starts_another_run(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"not a zip")
    before = len(cloud.runs())
    cloud.upload(tmp_path / "file", "again.zip")
    cloud.upload(tmp_path / "file", "again.zip")
    assert len(settled(cloud.runs, before + 2)) == before + 2


def test_the_stack_has_a_network_of_its_own_in_which_the_doctor_finds_a_way_to_s3(cloud: Cloud) -> None:
    session = boto3.Session()
    checks = network_checks(session, Stack.load(session))
    assert [check.verdict for check in checks] == [Verdict.OK] * 2
    assert all("a gateway endpoint" in check.finding for check in checks)
    subnets = session.client("ec2").describe_subnets(SubnetIds=cloud.cloud.outputs["ClusterSubnetIds"].split(","))
    assert {one["CidrBlock"]: one["AvailabilityZone"] for one in subnets["Subnets"]} == {
        "10.90.0.0/24": "eu-west-1a",
        "10.90.1.0/24": "eu-west-1b",
    }


def test_an_object_that_is_no_zip_starts_nothing(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"words")
    before = cloud.runs()
    cloud.upload(tmp_path / "file", "notes.txt")
    assert settled(cloud.runs, len(before)) == before
