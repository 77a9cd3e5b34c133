"""What people read when a run has ended: well, refused, or failed, each with the next command."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.compute.cost import Cost, cost_of
from orchard.diagnose.finding import Evidence
from orchard.diagnose.gather import FailedStep, RunFacts
from orchard.diagnose.searching import search_nodes
from orchard.diagnose.step_log import parse_spark_log
from orchard.notices.notice import Notice, compose, describe, subject
from orchard.notices.wording import WIDTH
from orchard.pipeline.duplicates import Duplicates
from orchard.pipeline.input import GivenArchive
from orchard.pipeline.origin import Origin
from orchard.pipeline.predictions import Predicted
from orchard.pipeline.state import ClusterStatus, ErrorDetail, Failure, PlannedRun, RunState, RunSummary
from tests.support.states import DONE, JSON, OBJECT, RUN
from tests.unit.diagnose.sample_logs import FakeReader, sample

SUMMARY = RunSummary(
    *(1920, 1919, 2, 1, "tensorflow", "MobileNetV2", "imagenet", 57, 0.9012),
    ignored=14,
    ignored_reasons={"not an image: .heic": 5, "macOS folder settings": 2},
)
LOG = "s3://out/logs/r/j-1/steps/s-3/stdout.gz"


def failed(error: str = "StepFailed", cause: str = "", **more: Any) -> RunState:  # noqa: ANN401
    return replace(DONE, failure=Failure(error, cause), **more)


def refused(cause: str, remedy: str = "") -> RunState:
    return failed("ArchiveRefused", cause, plan=PlannedRun(next=remedy))


def step(text: str = "", state: str = "FAILED", **details: str) -> RunFacts:
    finding = parse_spark_log(text).finding
    evidence = (Evidence(LOG, finding),) if finding else ()
    return RunFacts(failed_step=FailedStep("pca", details, LOG, state), evidence=evidence)


def cause(state: RunState, facts: RunFacts | None = None) -> str:
    return describe(state, facts or RunFacts()).cause


def test_what_was_not_taken_as_it_is_and_what_is_missing_are_told() -> None:
    done = replace(
        SUMMARY, skipped=1_800, reduced=12, incomplete=1, shortfall="50 were asked for, but 3 images differ."
    )
    told = describe(DONE, RunFacts(summary=done)).message
    assert "\n12 decoded at a fraction of their size, since they are very\nlarge\n1 cut short, with" in told
    assert "\n1,800 skipped, by --limit or --only-label\n14 ignored" in told
    assert "\n50 were asked for, but 3 images differ.\n" in told


def test_a_leak_between_splits_is_told_and_other_copies_are_not() -> None:
    copies = Duplicates(copies=1_202, contents=4, between_labels=2)
    assert "copies" not in describe(DONE, RunFacts(summary=replace(SUMMARY, duplicates=copies))).message
    leaked = replace(copies, between_splits=1_200, between_labels=0, test_in_training=600)
    told = describe(DONE, RunFacts(summary=replace(SUMMARY, duplicates=leaked))).message
    assert (
        "\n1,202 images are copies of each other, with 4 different\ncontents.\n"
        "1,200 of them have a copy in another split.\n"
        "600 Test images are in Training too, so figures of Test are\ntoo good.\n"
    ) in told


def test_a_run_among_the_images_of_another_tells_what_those_say() -> None:
    predicted = Predicted(pictures=9, of_known_labels=8, right=6, unlike_any=2, known=40)
    summary = replace(SUMMARY, components_of="old-0123456789ab", predicted=predicted)
    told = describe(DONE, RunFacts(summary=summary)).message
    assert "of old-0123456789ab\n" in told
    assert "placed among 40 known images.\n" in told
    assert "6 of 8 are recognised (75.0%).\n" in told
    assert "1 is of no known class.\n" in told
    assert "2 look like nothing known.\n" in told
    assert "known" not in describe(DONE, RunFacts(summary=SUMMARY)).message


def test_success_tells_what_was_made_what_it_cost_and_where_it_is() -> None:
    notice = describe(DONE, RunFacts(summary=SUMMARY, minutes=23.4, cost=cost_of(DONE, 1200)))
    assert (notice.subject, notice.cause) == (f"Orchard: done, {RUN}", "")
    assert (
        notice.message
        == f"""\
Run {RUN} is done.

Archive
s3://in/früits.zip

Images
1,920 in 24 classes
Training 1,440, Test 480
14 ignored, see ignored/
5 .heic, 2 macOS folder settings and 7 others
3 rejected, see rejected/

Features
1,919 by tensorflow
MobileNetV2, imagenet weights

Components
57 with 90.1% of the variance

Time
23 minutes

Actual on AWS
$0.10 for the cluster, at prices of 2026-11 in eu-west-1

Estimate on AWS
$0.47 for the whole run, at prices of 2026-11 in eu-west-1

Results
s3://out/runs/{RUN}/

Next
orchard report {RUN}
orchard results {RUN} --out out/{RUN}
"""
    )


def test_a_failure_tells_why_what_to_do_and_where_it_was_found() -> None:
    facts = replace(step(sample("step-stdout-python-memory")), minutes=12.0)
    notice = describe(failed(cause="The last step did not complete"), facts)
    assert notice.subject == f"Orchard: failed, {RUN}"
    assert (
        notice.message
        == f"""\
Run {RUN} failed in the pca step.

Why
Python ran out of memory.

What to do
Look for unusually large images in the archive, or give the
workers more memory (orchard/compute/).

Message
MemoryError: Unable to allocate 6.73 GiB for an array with
shape (12000, 224, 224, 3) and data type float32

Where
{LOG}
lines 9 to 12

Archive
s3://in/früits.zip

Time
12 minutes

Logs
s3://out/logs/{RUN}/

Next
orchard diagnose {RUN}
"""
    )


def test_a_refusal_gives_its_reason_and_what_would_mend_it() -> None:
    notice = describe(refused("fruits.zip is not a zip: it begins with <html>", "file fruits.zip"), RunFacts())
    assert notice.subject == f"Orchard: refused, {RUN}"
    assert notice.cause == "fruits.zip is not a zip: it begins with <html>"
    assert notice.message.startswith(f"Run {RUN} was refused before any cluster was\ncreated.\n\nWhy\nfruits.zip is")
    assert notice.message.endswith("Next\nfile fruits.zip\nthen upload the archive again.\n")
    silent = describe(refused(""), RunFacts())
    assert "Why\nno reason was given\n" in silent.message
    assert "Next\norchard plan 'früits.zip'\n" in silent.message
    asked = replace(refused(""), archive=GivenArchive("in", "früits.orchard.json"))
    assert "Next\norchard plan SOURCES\n" in describe(asked, RunFacts()).message


def test_the_jobs_own_words_come_first_and_keep_their_lines() -> None:
    own = {
        "headline": "Too many images are rejected",
        "cause": "3 of 9:\n  2 x cut short\n  1 x empty",
        "next": "orchard plan ZIP",
    }
    notice = describe(failed(cause="pca failed"), step(f"ORCHARD-ERROR {json.dumps(own)}\n", Reason="Exit code 137"))
    assert notice.cause == "Too many images are rejected: 3 of 9: 2 x cut short 1 x empty."
    assert f"Run {RUN} failed in the pca step." in notice.message
    assert "Why\nToo many images are rejected: 3 of 9:\n  2 x cut short\n  1 x empty.\n" in notice.message
    assert f"Where\n{LOG}\nline 1\n" in notice.message
    assert "What to do\norchard plan ZIP\n" in notice.message


SHUTDOWN = "26/11/20 10:00:02 INFO ShutdownHookManager: Deleting directory /mnt/tmp/spark-1f"
CLEARED = "26/11/20 10:00:02 INFO MemoryStore: MemoryStore cleared"
DENIED = {"Reason": "S3 said no", "Message": "Access Denied (Status Code: 403)"}


@pytest.mark.parametrize(
    ("log", "details", "begins"),
    [
        ("", DENIED, "A permission is missing."),
        ("step-stdout-python-error", DENIED, "A permission is missing."),
        (
            "step-stdout-python-error",
            {"Reason": "Unknown Error.", "Message": SHUTDOWN},
            "The job stopped with ValueError",
        ),
        ("step-stdout-worker-crashed", {"Reason": "No space left on device"}, "A disk is full."),
    ],
)
def test_what_emr_knows_of_the_step_is_told_before_logs_and_symptoms_if_it_says_something(
    log: str, details: dict[str, str], begins: str
) -> None:
    assert cause(failed(), step(sample(log) if log else "", **details)).startswith(begins)


@pytest.mark.parametrize(
    "details",
    [
        *({}, {"Reason": "Unknown Error"}, {"Reason": "Unknown Error", "Message": ""}),
        {"Reason": "Unknown Error.", "Message": SHUTDOWN},
        {"Reason": SHUTDOWN, "Message": f"{CLEARED}\n{SHUTDOWN}"},
        {"Message": "26/11/20 10:00:02 INFO SparkContext: SparkContext is stopping with exitCode 2."},
    ],
)
def test_a_step_that_emr_says_nothing_about_points_to_where_its_log_will_be(details: dict[str, str]) -> None:
    notice = describe(failed(), step(**details))
    assert "The pca step failed, and its logs do not say why." in notice.cause
    assert LOG in notice.message


BY_REQUEST = ClusterStatus("USER_REQUEST", "Terminated by user request")
INTERRUPTED = step(sample("step-stdout-driver-lost"), state="INTERRUPTED")
LACKING = ClusterStatus(errors=(ErrorDetail("EC2_INSUFFICIENT_CAPACITY", "none left"),))
NOTHING, LOST = ClusterStatus(), ClusterStatus("INSTANCE_FAILURE", "lost")


@pytest.mark.parametrize(
    ("error", "before", "now", "begins"),
    [
        ("ClusterFailed", ClusterStatus("INTERNAL_ERROR", "?"), LACKING, "EC2 had no capacity"),
        # what the run itself terminated, and what died after the last look
        ("States.Timeout", NOTHING, BY_REQUEST, "A state took longer than its time-out."),
        ("StepFailed", ClusterStatus("", "Running step"), LOST, "A machine of the cluster failed."),
        # what a cluster says while nothing is wrong
        ("Some.Error", ClusterStatus("", "Running bootstrap action"), NOTHING, "The run stopped with Some.Error: c"),
        ("Some.Error", ClusterStatus("ALL_STEPS_COMPLETED"), NOTHING, "The run stopped with Some.Error: c"),
        ("", NOTHING, NOTHING, "The run stopped with c"),
    ],
)
def test_without_a_step_what_ended_the_run_is_told(
    error: str, before: ClusterStatus, now: ClusterStatus, begins: str
) -> None:
    assert cause(failed(error, "c", cluster_status=before), RunFacts(cluster_status=now)).startswith(begins)


@pytest.mark.parametrize(
    ("error", "before", "begins"),
    [
        ("ClusterLost", BY_REQUEST, "Somebody terminated the cluster"),
        ("StepsTimedOut", NOTHING, "The steps were not done within the time"),
    ],
)
def test_a_step_that_was_cut_off_is_judged_by_what_cut_it_off(error: str, before: ClusterStatus, begins: str) -> None:
    notice = describe(failed(error, cluster_status=before), INTERRUPTED)
    assert notice.cause.startswith(begins)
    assert "in the pca step" in notice.message


def test_a_silent_failure_is_admitted() -> None:
    assert "without saying why" in cause(failed(""))


def bootstrap(log: str) -> tuple[RunState, RunFacts]:
    told = "On the master instance (i-0f1a2b3c4d5e6f708), bootstrap action 1 returned a non-zero return code"
    logs = {f"s3://out/logs/{RUN}/j-1/node/i-0f1a2b3c4d5e6f708/bootstrap-actions/1/stderr.gz": log} if log else {}
    evidence = search_nodes(f"s3://out/logs/{RUN}/", "j-1", [told], FakeReader(logs))  # type: ignore[arg-type]
    status = ClusterStatus("BOOTSTRAP_FAILURE", told)
    return failed("LaunchFailed", cluster_status=status, launch=3), RunFacts(evidence=evidence)


def test_a_failed_bootstrap_is_told_by_the_node_or_without_its_log_by_emr_with_the_number_of_launches() -> None:
    notice = describe(*bootstrap(sample("bootstrap-no-route")))
    assert notice.cause.startswith("A machine cannot reach S3: its subnet has no route there.")
    assert "/j-1/node/i-0f1a2b3c4d5e6f708/bootstrap-actions/1/stderr.gz\nline 1\n" in notice.message
    assert "Launches\n3\n" in notice.message
    silent = cause(*bootstrap(""))
    assert silent.startswith("A node could not install its Python environment.")
    assert "bootstrap action 1 returned a non-zero" in silent


def test_a_lambdas_error_arrives_as_json_and_is_unpacked() -> None:
    told = json.dumps({"errorType": "SourceDeniedError", "errorMessage": "s3://in/a.zip: S3 refuses: Access Denied"})
    notice = describe(failed("SourceDeniedError", told), RunFacts())
    assert notice.cause.startswith("A permission is missing")
    assert "errorType" not in notice.message


@pytest.mark.parametrize(
    ("error", "words"), [("Emr.EmrException", "could not be terminated"), ("ClusterLeftOver", "has not ended in time")]
)
def test_a_cluster_that_may_live_on_is_always_mentioned(error: str, words: str) -> None:
    left = Failure(error, "odd")
    well = describe(replace(DONE, termination_failure=left), RunFacts())
    assert well.subject == f"Orchard: cluster left over, {RUN}"
    assert f"Next\norchard sweep\norchard report {RUN}\n" in well.message
    assert f"The cluster j-1 {words}" in well.cause
    badly = describe(failed(cause="x", termination_failure=left), RunFacts())
    assert f"The cluster j-1 {words}" in badly.cause
    assert "Cluster\nThe cluster j-1 " in badly.message
    assert f"stopped with {error}" in cause(failed("", termination_failure=left)), "of a failure that says nothing"


def test_a_subject_is_what_sns_accepts() -> None:
    assert subject("Orchard: done,\n", "früit-" + "x" * 200) == ("Orchard: done, fr?it-" + "x" * 200)[:100]


def test_the_net_below_gives_all_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Notice:
        raise ZeroDivisionError

    monkeypatch.setattr("orchard.notices.notice.compose", broken)
    notice = describe(DONE, RunFacts())
    assert "ZeroDivisionError" in notice.cause
    assert RUN in notice.message


@given(
    state=JSON | OBJECT,
    summary=OBJECT,
    status=OBJECT,
    details=st.dictionaries(st.sampled_from(["Reason", "Message", "LogFile"]), st.text()) | st.none(),
    number=st.none() | st.floats(0, 1e9),
)
def test_any_state_whatever_is_described_without_the_net(
    state: object, summary: object, status: object, details: dict[str, str] | None, number: float | None
) -> None:
    step = None if details is None else FailedStep("pca", details, "s3://b/log")
    done = RunSummary.from_text(json.dumps(summary))
    facts = RunFacts(ClusterStatus.from_data(status), Cost(number), step, (), (), done, number)
    notice = compose(RunState.parse(state), facts)
    assert notice.subject.isascii()
    assert "\n" not in notice.subject
    assert 0 < len(notice.subject) <= 100
    assert notice.message
    assert len(notice.cause) <= 4000


@pytest.mark.parametrize(
    ("state", "facts"),
    [
        (DONE, RunFacts(summary=SUMMARY, minutes=23.4, cost=cost_of(DONE, 1200))),
        (failed("ArchiveRefused", "fruits.zip is not a zip: " + "it begins with words " * 9), RunFacts()),
        (failed(), step(sample("step-stderr-access-denied"))),
        bootstrap(sample("bootstrap-missing-wheel")),
        (replace(DONE, termination_failure=Failure("ClusterLeftOver", "TERMINATING")), RunFacts()),
    ],
)
def test_a_mail_fits_a_phone(state: RunState, facts: RunFacts) -> None:
    for line in describe(state, facts).message.splitlines():
        is_whole = line.startswith(("s3://", "orchard ", "aws ")) or not line.strip().count(" ")
        assert is_whole or len(line) <= WIDTH, line


@pytest.mark.parametrize("state", [DONE, failed("JobFailed", "the job pca did not succeed")])
def test_the_runs_whose_files_it_uses_are_named(state: RunState) -> None:
    plan = replace(state.plan, origin=Origin(features="s3://out/runs/first-1", images="s3://out/runs/zeroth-1"))
    told = describe(replace(state, plan=plan), RunFacts()).message
    assert "\nUses\nthe images of zeroth-1\nthe features of first-1\n" in told
    plan = replace(plan, known=1200, saved_minutes=14.0, saved_usd=0.25)
    told = describe(replace(state, plan=plan), RunFacts()).message
    saved = "saves about 14 minutes and $0.25, by the estimates"
    assert f"\nthe features of first-1\n1,200 images are known\n{saved}\n" in told
    assert "Uses" not in describe(state, RunFacts()).message
