"""Facts come from EMR and S3, and each that nobody answers for is empty."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from orchard.diagnose.gather import FailedStep, RunFacts, gather
from orchard.diagnose.logs import Look
from orchard.layout import STAGES
from orchard.notices.notice import describe
from orchard.pipeline.state import ClusterStatus, Failure, PlannedCost, PlannedRun, RunState, RunSummary
from tests.support.cloud.emr import FakeEmr
from tests.support.cloud.job_runs import APPLICATION, VIRTUAL_CLUSTER, FakeEks, FakeJobRuns, FakeServerless
from tests.support.states import DONE
from tests.unit.diagnose.sample_logs import sample

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LOG = "logs/r/j-1/steps/s-2/stdout.gz"
A_DOLLAR_A_SECOND = PlannedCost(usd_per_hour=3600)
PLAN = PlannedRun(run_uri="s3://out/runs/r", log_uri="s3://out/logs/r/", estimate=A_DOLLAR_A_SECOND)
STATE = replace(DONE, run_id="r", plan=PLAN)
FAILED = replace(STATE, failure=Failure("StepFailed"))


CLUSTER = {"Status": {"Timeline": {"CreationDateTime": NOW - timedelta(minutes=20)}}}


def emr_with(*states: str) -> FakeEmr:
    """Knows one cluster, and the states of its steps."""

    def status(number: int, state: str) -> dict[str, Any]:
        began = {} if state == "CANCELLED" else {"StartDateTime": NOW}
        return {"State": state, "Timeline": began, "FailureDetails": {"Reason": f"of s-{number}"}}

    steps = [
        {"Id": f"s-{number}", "Name": stage, "Status": status(number, state)}
        for number, (stage, state) in enumerate(zip(STAGES, states, strict=False), start=1)
    ]
    return FakeEmr({"j-1": CLUSTER}, {"j-1": steps[::-1]})


SILENT = FakeEmr({}, answers=False)


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="out")
        yield client


def ask(state: RunState, emr: FakeEmr, s3: Any) -> RunFacts:  # noqa: ANN401
    return gather(state, started="2026-11-20T11:30:00.000Z", access=emr.access(), s3=s3, now=NOW)


def stage_and_state(facts: RunFacts) -> tuple[str, str] | None:
    return facts.failed_step and (facts.failed_step.stage, facts.failed_step.state)


def test_the_step_that_failed_is_found_with_what_its_log_says(s3: Any) -> None:  # noqa: ANN401
    text = 'INFO a\nORCHARD-ERROR {"headline": "Told", "cause": "why", "next": "this"}\n'
    s3.put_object(Bucket="out", Key=LOG, Body=gzip.compress(text.encode()))
    facts = ask(FAILED, emr_with("COMPLETED", "FAILED", "CANCELLED"), s3)
    assert facts.failed_step == FailedStep("featurize", {"Reason": "of s-2"}, f"s3://out/{LOG}")
    [evidence] = facts.evidence
    assert (evidence.uri, evidence.finding.first_line) == (f"s3://out/{LOG}", 2)
    assert facts.looks == (Look(f"s3://out/{LOG}", "read"),)
    assert (facts.minutes, facts.cost.actual) == (30, 1200)


@pytest.mark.parametrize(
    ("states", "found"),
    [
        (("COMPLETED", "FAILED", "CANCELLED"), ("featurize", "FAILED")),
        (("COMPLETED", "INTERRUPTED", "CANCELLED"), ("featurize", "INTERRUPTED")),
        (("INTERRUPTED", "FAILED", "CANCELLED"), ("featurize", "FAILED")),
        (("COMPLETED", "CANCELLED", "CANCELLED"), None),  # never began
    ],
)
def test_the_step_that_says_most_is_looked_at_and_only_of_a_run_that_failed(
    s3: Any,  # noqa: ANN401
    states: tuple[str, ...],
    found: tuple[str, str] | None,
) -> None:
    facts = ask(FAILED, emr_with(*states), s3)
    assert stage_and_state(facts) == found
    assert facts.evidence == ()
    if facts.failed_step is not None:
        assert facts.failed_step.log_uri == f"s3://out/{LOG}", "where its log belongs"
        assert [look.outcome for look in facts.looks] == ["not there"] * 3
    assert ask(STATE, emr_with(*states), s3).failed_step is None


@pytest.mark.parametrize(
    "status",
    [
        {"StateChangeReason": {"Message": "On the master instance (i-0f1a2b3c4d5e6f708), bootstrap action 1 failed"}},
        {"ErrorDetails": [{"ErrorData": [{"instance-id": "i-0f1a2b3c4d5e6f708", "bootstrap-action": "1"}]}]},
        {"ErrorDetails": "of another form"},
        {},
    ],
)
def test_a_cluster_that_never_ran_a_step_is_asked_what_its_nodes_say(s3: Any, status: dict[str, Any]) -> None:  # noqa: ANN401
    key = "logs/r/j-1/node/i-0f1a2b3c4d5e6f708/bootstrap-actions/1/stderr.gz"
    s3.put_object(Bucket="out", Key=key, Body=gzip.compress(sample("bootstrap-no-route").encode()))
    state = replace(FAILED, steps={}, cluster_status=ClusterStatus.from_data(status))
    [evidence] = ask(state, emr_with(), s3).evidence
    assert evidence.uri == f"s3://out/{key}"


def test_a_success_reads_its_summary_and_a_failure_does_not(s3: Any) -> None:  # noqa: ANN401
    s3.put_object(Bucket="out", Key="runs/r/summary.json", Body=json.dumps({"engine": "onnxruntime"}).encode())
    emr = emr_with("COMPLETED", "COMPLETED", "COMPLETED")
    assert ask(STATE, emr, s3).summary == RunSummary(engine="onnxruntime")
    assert ask(STATE, emr, s3).failed_step is None
    assert ask(FAILED, emr, s3).summary == RunSummary()


def test_a_summary_that_is_no_object_is_none(s3: Any) -> None:  # noqa: ANN401
    s3.put_object(Bucket="out", Key="runs/r/summary.json", Body=b"[1]")
    assert ask(STATE, emr_with("COMPLETED", "COMPLETED", "COMPLETED"), s3).summary == RunSummary()


def test_questions_that_are_not_answered_leave_their_facts_empty(s3: Any) -> None:  # noqa: ANN401
    facts = ask(STATE, SILENT, s3)
    assert facts == RunFacts(minutes=30)
    assert gather(RunState(), started="?", access=emr_with().access(), s3=s3) == RunFacts()


def test_a_cluster_whose_steps_may_not_be_listed_is_told_without_them(s3: Any) -> None:  # noqa: ANN401
    facts = ask(FAILED, FakeEmr({"j-1": CLUSTER}), s3)
    assert (facts.failed_step, facts.cost.actual) == (None, 1200)


ON_JOB_RUNS = RunState("r", plan=replace(PLAN, compute="emr-serverless"), job_run="00f0001")
JOBS_FAILED = replace(ON_JOB_RUNS, failure=Failure("JobFailed"))
BEGAN = NOW - timedelta(minutes=30)


class TestOnJobRuns:
    def ask(self, state: RunState, service: FakeJobRuns, s3: Any) -> RunFacts:  # noqa: ANN401
        return gather(state, started="2026-11-20T11:30:00.000Z", access=service.access(), s3=s3, now=NOW)

    def failed(self) -> tuple[FakeServerless, str]:
        """A run whose second job has failed, and where that job's driver has its logs."""
        service = FakeServerless()
        service.add("r", "unzip", "SUCCESS", BEGAN, startedAt=BEGAN, endedAt=BEGAN + timedelta(minutes=5))
        job = service.add(
            "r", "featurize", "FAILED", BEGAN + timedelta(minutes=6),
            startedAt=BEGAN + timedelta(minutes=7), endedAt=BEGAN + timedelta(minutes=9), stateDetails="ExitCode: 1",
        )  # fmt: skip
        return service, f"logs/r/applications/{APPLICATION}/jobs/{job}"

    def test_the_job_that_failed_is_found_with_what_its_driver_says(self, s3: Any) -> None:  # noqa: ANN401
        service, folder = self.failed()
        text = 'INFO a\nORCHARD-ERROR {"headline": "Told", "cause": "why", "next": "this"}\n'
        s3.put_object(Bucket="out", Key=f"{folder}/SPARK_DRIVER/stdout.gz", Body=gzip.compress(text.encode()))
        facts = self.ask(JOBS_FAILED, service, s3)
        log = f"s3://out/{folder}/SPARK_DRIVER/stdout.gz"
        assert facts.failed_step == FailedStep("featurize", {"Message": "ExitCode: 1"}, log)
        [evidence] = facts.evidence
        assert evidence.finding.cause.sentence == "Told: why."
        assert facts.cost.actual == 7 * 60, "what both jobs took, and nothing between them"

    @pytest.mark.parametrize(
        "pod", ["spark-{job}/spark-{job}-driver", "spark-{job}/unzip-py-0a1b-exec-1", "{job}-x7k2p"], ids=str
    )
    def test_on_eks_the_driver_an_executor_or_what_submits_the_job_may_say_it(self, s3: Any, pod: str) -> None:  # noqa: ANN401
        service = FakeEks()
        job = service.add("r", "featurize", "FAILED", BEGAN, finishedAt=NOW, failureReason="USER_ERROR")
        folder = f"logs/r/{VIRTUAL_CLUSTER}/jobs/{job}/containers"
        log = f"{folder}/{pod.format(job=job)}/stderr.gz"
        told = 'Exception in thread "main" org.apache.spark.SparkException: Executor pod template validation failed.\n'
        s3.put_object(Bucket="out", Key=log, Body=gzip.compress(told.encode()))
        state = replace(JOBS_FAILED, plan=replace(JOBS_FAILED.plan, compute="emr-eks"), job_run=job)
        facts = self.ask(state, service, s3)
        driver = f"s3://out/{folder}/spark-{job}/spark-{job}-driver/stdout.gz"
        assert facts.failed_step == FailedStep("featurize", {"Message": "USER_ERROR"}, driver)
        assert [one.uri for one in facts.evidence] == [f"s3://out/{log}"], "and read once"
        assert facts.evidence[0].finding.cause.sentence == "EMR on EKS refused the template of a pod."

    @pytest.mark.parametrize("layout", ["SPARK_EXECUTOR/1", "SPARK_EXECUTOR_1"])
    def test_where_the_driver_says_nothing_an_executor_may(self, s3: Any, layout: str) -> None:  # noqa: ANN401
        service, folder = self.failed()
        told = sample("container-stdout-java-heap").encode()
        s3.put_object(Bucket="out", Key=f"{folder}/{layout}/stdout.gz", Body=gzip.compress(told))
        facts = self.ask(JOBS_FAILED, service, s3)
        assert [evidence.finding.cause.sentence for evidence in facts.evidence] == ["Java ran out of memory."]

    def test_a_job_that_was_cut_off_is_looked_at_too(self, s3: Any) -> None:  # noqa: ANN401
        service = FakeServerless()
        service.add("r", "unzip", "CANCELLING", BEGAN, startedAt=BEGAN)
        assert stage_and_state(self.ask(JOBS_FAILED, service, s3)) == ("unzip", "CANCEL_PENDING")

    def test_of_a_run_that_did_not_fail_only_the_cost_is_asked_for(self, s3: Any) -> None:  # noqa: ANN401
        service, _ = self.failed()
        facts = self.ask(ON_JOB_RUNS, service, s3)
        assert (facts.failed_step, facts.evidence, facts.looks) == (None, (), ())
        assert facts.cost.actual == 7 * 60

    def test_a_start_that_nobody_knows_leaves_the_rest(self, s3: Any) -> None:  # noqa: ANN401
        service, _ = self.failed()
        facts = gather(JOBS_FAILED, started="?", access=service.access(), s3=s3, now=NOW)
        assert facts.failed_step is not None
        assert facts.minutes is None

    def test_the_notice_speaks_of_job_runs(self, s3: Any) -> None:  # noqa: ANN401
        service, _ = self.failed()
        plan = replace(JOBS_FAILED.plan, estimate=PlannedCost(usd_per_hour=3.0, price_date="2026-11"))
        state = replace(JOBS_FAILED, plan=plan, termination_failure=Failure("EmrServerless.EmrServerlessException"))
        notice = describe(state, self.ask(state, service, s3))
        assert "Run r failed in the featurize step." in notice.message
        assert "$0.35 for the job runs" in notice.message
        assert "The job run 00f0001 could not be cancelled" in " ".join(notice.message.split())
        assert "luster" not in notice.message
