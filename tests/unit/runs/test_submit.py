"""Another step on a kept cluster: what is asked of EMR, and when nothing is."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from orchard.compute.base import Access, Submitted
from orchard.compute.registry import COMPUTES
from orchard.errors import OptionsError, RunFailedError, UsageError
from orchard.layout import is_run_id, run_files
from orchard.options import RunOptions
from orchard.pipeline.state import RunState
from orchard.runs.earlier import read_earlier
from orchard.runs.progress import Progress, StepProgress
from orchard.runs.submit import KeptBy, Submission
from tests.support.cloud import awsfakes
from tests.support.states import DONE, RUN
from tests.support.stored_run import Files, leave_run, put_all

STEPS = tuple(StepProgress(name, f"s-{name}", "COMPLETED") for name in ("unzip", "featurize", "pca"))


def progress_of(known: RunState = DONE, keep: int = 600, status: str = "RUNNING", state: str = "WAITING") -> Progress:
    plan = replace(known.plan, keep=keep, release="cafe00000000")
    return Progress(status, (), "AwaitSteps", replace(known, plan=plan), state, STEPS, timedelta(seconds=90))


@pytest.fixture
def access() -> Iterator[Access]:
    with mock_aws():
        awsfakes.make_buckets(awsfakes.session())
        files = Files()
        leave_run(files, run_files("orchard-results", RUN))
        put_all(files, awsfakes.session().client("s3"))
        yield Access(awsfakes.session().client, {})


def cluster(access: Access) -> str:
    instances = {"KeepJobFlowAliveWhenNoSteps": True, "InstanceCount": 1, "MasterInstanceType": "m5.xlarge"}
    return str(access.client("emr").run_job_flow(Name="kept", Instances=instances)["JobFlowId"])


def kept_by(access: Access, name: str) -> KeptBy:
    return KeptBy.of(RUN, progress_of(replace(DONE, cluster=name)), access, "orchard-artefacts")


def test_a_step_has_results_of_its_own_and_leaves_the_runs_steps_alone(access: Access) -> None:
    found, s3 = kept_by(access, cluster(access)), access.client("s3")
    earlier = read_earlier(s3, "orchard-results", RUN)
    first, second = (found.submit(s3, earlier, RunOptions(components=k, fit_split="training")) for k in (5, 6))
    assert first.run_id != second.run_id
    assert first.run_id.startswith("fruits-refit-")
    assert is_run_id(first.run_id)
    emr = access.client("emr")
    step = emr.describe_step(ClusterId=first.cluster, StepId=first.step)["Step"]
    assert step["Name"] == f"pca of {first.run_id}"
    assert step["ActionOnFailure"] == "CONTINUE", "a step that fails ends neither the cluster nor other steps"
    base = "s3://orchard-results/runs"
    release = "s3://orchard-artefacts/releases/cafe00000000"
    assert step["Config"]["Args"] == [
        *("spark-submit", "--py-files", f"{release}/orchard.zip", f"{release}/spark_jobs/pca.py"),
        *("--run", f"{base}/{first.run_id}", "--components", "5", "--fit-split", "Training"),
        *("--features-of", f"{base}/{RUN}"),
    ]
    plan = json.loads(s3.get_object(Bucket="orchard-results", Key=f"runs/{first.run_id}/plan.json")["Body"].read())
    assert (plan["origin"], plan["release"]) == ({"features": f"{base}/{RUN}"}, "cafe00000000")
    assert plan["options"]["components"] == 5
    assert plan["steps"] == {"pca": step["Config"]["Args"]}
    now = datetime.now(UTC)
    seen = COMPUTES["emr-ec2"].look(access, found.progress.known, now, now)
    assert seen.steps == {}, "it is none of the run's"


def test_a_split_that_is_not_there_is_told_before_anything_is_queued(access: Access) -> None:
    found, s3 = kept_by(access, cluster(access)), access.client("s3")
    with pytest.raises(OptionsError, match="it has Test, Training"):
        found.submit(s3, read_earlier(s3, "orchard-results", RUN), RunOptions(fit_split="Validation"))
    assert access.client("emr").list_steps(ClusterId=found.progress.known.cluster)["Steps"] == []


@pytest.mark.parametrize(
    ("progress", "cause", "after"),
    [
        (progress_of(status="SUCCEEDED"), "it has ended: SUCCEEDED", "refit"),
        (progress_of(keep=0, status="FAILED"), "it has ended: FAILED", "refit"),
        (progress_of(keep=0), "--keep was not given", "watch"),
        (progress_of(state="TERMINATING"), "or its cluster is ending", "watch"),
    ],
)
def test_a_cluster_that_is_not_kept_takes_no_step(progress: Progress, cause: str, after: str) -> None:
    with pytest.raises(UsageError, match=cause) as refused:
        KeptBy.of(RUN, progress, Access(boto3.client, {}), "artefacts")
    assert refused.value.next_command == f"orchard {after} {RUN}"


class Looks:
    """A cluster on which a step goes through these states."""

    def __init__(self, *states: Submitted) -> None:
        self._states = iter(states)

    def submit(self, *_: object) -> str:
        raise AssertionError

    def step_state(self, *_: object) -> Submitted:
        return next(self._states)


def awaited(*states: Submitted) -> list[float]:
    paused: list[float] = []
    KeptBy(RUN, progress_of(), Looks(*states), Access(boto3.client, {}), "artefacts").await_end(
        Submission("fruits-refit-1", "j-1", "s-9"), sleep=paused.append
    )
    return paused


def test_a_step_is_waited_for_while_it_can_change() -> None:
    states = map(Submitted, ("PENDING", "RUNNING", "CANCEL_PENDING", "COMPLETED"))
    assert len(awaited(*states)) == 3


@pytest.mark.parametrize(
    ("ended", "cause"),
    [
        (Submitted("FAILED", "Unknown Error.; s3://out/logs/stderr.gz"), "s3://out/logs/stderr.gz"),
        (Submitted("CANCELLED"), "its cluster has ended"),
        (Submitted("INTERRUPTED"), "its cluster has ended"),
    ],
)
def test_a_step_that_is_not_done_is_told_with_its_reason(ended: Submitted, cause: str) -> None:
    with pytest.raises(RunFailedError, match=f"s-9 is {ended.state}") as failed:
        awaited(Submitted("RUNNING"), ended)
    assert cause in failed.value.cause
    assert failed.value.next_command == f"orchard refit {RUN}"


def test_what_emr_says_of_a_step_that_failed_is_read(access: Access) -> None:
    class Emr:
        def describe_step(self, **asked: str) -> dict[str, object]:
            assert asked == {"ClusterId": "j-1", "StepId": "s-9"}
            details = {"Reason": "Unknown Error.", "LogFile": "s3://out/logs/stderr.gz"}
            return {"Step": {"Status": {"State": "FAILED", "FailureDetails": details}}}

    kept = COMPUTES["emr-ec2"].kept
    assert kept is not None
    found = kept.step_state(Access(lambda _: Emr(), {}), "j-1", "s-9")
    assert (found, found.ended) == (Submitted("FAILED", "Unknown Error.; s3://out/logs/stderr.gz"), True)


def test_only_clusters_can_be_kept() -> None:
    assert [name for name, compute in COMPUTES.items() if compute.kept] == ["emr-ec2"]
