"""What people read when a run has ended: well, refused, or failed, each with the next command."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.archive.by_name import check_name
from orchard.archive.errors import NotAZipError
from orchard.diagnose.failed_step import FailedStep
from orchard.diagnose.finding import Evidence
from orchard.diagnose.gather import RunFacts
from orchard.diagnose.searching import search_nodes
from orchard.diagnose.step_log import parse_spark_log
from orchard.notices.notice import Notice, compose, describe, message, subject
from orchard.notices.wording import WIDTH
from tests.unit.diagnose.sample_logs import FakeReader, sample

RUN = "fruits-0123456789ab"
STATE: dict[str, Any] = {
    "run_id": RUN,
    "input": {"archive": {"bucket": "in", "key": "früits.zip", "version_id": "v1", "etag": "e", "size": 5}},
    "inspected": {
        "plan": {
            "run_uri": f"s3://out/runs/{RUN}",
            "log_uri": f"s3://out/logs/{RUN}/",
            "options": {"engine": "onnxruntime"},
            "counts": {"images": 1920, "classes": 24, "splits": {"Training": 1440, "Test": 480}},
            "estimate": {"usd_per_hour": 0.3, "total_usd": 0.47, "price_date": "2026-11", "region": "eu-west-1"},
        }
    },
    "cluster": {"id": "j-1"},
    "launch": {"attempt": 1},
}
SUMMARY = {
    "counts": {"images": 1920, "features": 1919, "rejected_in_unzip": 2, "rejected_in_featurize": 1},
    "engine": "tensorflow",
    "model": {"name": "MobileNetV2", "weights": "imagenet"},
    "parameters": {"kept": 57, "cumulative": 0.9012},
}


def failed(error: str, cause: str, **more: object) -> dict[str, Any]:
    return {**STATE, "failure": {"Error": error, "Cause": cause}, **more}


LOG = "s3://out/logs/r/j-1/steps/s-3/stdout.gz"


def step(text: str = "", state: str = "FAILED", **details: str) -> RunFacts:
    finding = parse_spark_log(text).finding
    evidence = (Evidence(LOG, finding),) if finding else ()
    return RunFacts(failed_step=FailedStep("pca", details, LOG, state), evidence=evidence)


def test_success_tells_what_was_made_what_it_cost_and_where_it_is() -> None:
    notice = describe(STATE, RunFacts(summary=SUMMARY, minutes=23.4, cluster_seconds=1200))
    assert notice.subject == f"Orchard: done, {RUN}"
    assert notice.cause == ""
    assert (
        notice.message
        == f"""\
Run {RUN} is done.

Archive
s3://in/früits.zip

Images
1,920 in 24 classes
Training 1,440, Test 480
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
    notice = describe(failed("StepFailed", "The last step did not complete"), facts)
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


@pytest.mark.parametrize(
    ("bucket", "typed"),
    [
        ("orchard-results-123456789012-eu-west-1", "orchard report r"),
        ("apples-and-pears-results-123456789012-eu-west-1", "orchard --stack apples-and-pears report r"),
        ("named-by-hand", "orchard report r"),
    ],
)
def test_commands_name_the_stack_where_it_is_another_than_usual(bucket: str, typed: str) -> None:
    state = {"run_id": "r", "inspected": {"plan": {"run_uri": f"s3://{bucket}/runs/r"}}}
    assert f"Next\n{typed}\n" in describe(state, RunFacts()).message
    assert (
        "orchard --stack s diagnose r"
        in describe(
            {"run_id": "r", "input": {"archive": {"bucket": "s-input-123456789012-eu-west-1"}}, "failure": {}},
            RunFacts(),
        ).message
    )


def test_a_refusal_gives_its_reason_and_what_would_mend_it() -> None:
    state = failed("ArchiveRefused", "fruits.zip is not a zip: it begins with <html>")
    state["inspected"] = {"plan": {"accepted": False, "next": "file fruits.zip"}}
    notice = describe(state, RunFacts())
    assert notice.subject == f"Orchard: refused, {RUN}"
    assert notice.cause == "fruits.zip is not a zip: it begins with <html>"
    assert notice.message.startswith(f"Run {RUN} was refused before any cluster was\ncreated.\n\nWhy\nfruits.zip is")
    assert notice.message.endswith("Next\nfile fruits.zip\nthen upload the archive again.\n")


@pytest.mark.parametrize(
    "key", ["fruits and vegetables 2.tar.gz", "fruits and vegetables.7z", "fruits, all of them.rar"]
)
def test_the_commands_that_make_a_zip_are_whole_in_the_mail(key: str) -> None:
    with pytest.raises(NotAZipError) as refused:
        check_name(f"s3://in/{key}")
    mend = refused.value.next_command
    assert len(mend) > WIDTH
    state = failed("ArchiveRefused", f"{key} is not a zip")
    state["inspected"] = {"plan": {"accepted": False, "next": mend}}
    assert f"Next\n{mend}\nthen upload" in describe(state, RunFacts()).message


def test_the_jobs_own_words_come_first() -> None:
    own = 'ORCHARD-ERROR {"headline": "No images", "cause": "all were rejected", "next": "orchard plan ZIP"}\n'
    notice = describe(failed("StepFailed", "pca failed"), step(own, Reason="Exit code 137"))
    assert notice.cause == "No images: all were rejected."
    assert "failed in the pca step" in notice.message
    assert f"Where\n{LOG}\nline 1\n" in notice.message
    assert "What to do\norchard plan ZIP\n" in notice.message


def test_the_jobs_own_words_keep_their_lines() -> None:
    told = json.dumps({"headline": "Too many images are rejected", "cause": "3 of 9:\n  2 x cut short\n  1 x empty"})
    notice = describe(failed("StepFailed", ""), step(f"ORCHARD-ERROR {told}\n"))
    assert "Why\nToo many images are rejected: 3 of 9:\n  2 x cut short\n  1 x empty.\n" in notice.message
    assert notice.cause == "Too many images are rejected: 3 of 9: 2 x cut short 1 x empty."


def test_emrs_own_description_of_the_step_comes_before_the_logs_if_it_says_something() -> None:
    details = {"Reason": "S3 said no", "Message": "Access Denied (Status Code: 403)"}
    assert describe(failed("StepFailed", ""), step(**details)).cause.startswith("A permission is missing.")
    both = describe(failed("StepFailed", ""), step(sample("step-stdout-python-error"), **details))
    assert both.cause.startswith("A permission is missing.")
    nothing = {"Reason": "Unknown Error.", "Message": "26/11/20 INFO ShutdownHookManager: Deleting directory"}
    other = describe(failed("StepFailed", ""), step(sample("step-stdout-python-error"), **nothing))
    assert other.cause.startswith("The job stopped with ValueError")


def test_a_symptom_in_the_log_gives_way_to_what_emr_knows_for_certain() -> None:
    notice = describe(
        failed("StepFailed", ""), step(sample("step-stdout-worker-crashed"), Reason="No space left on device")
    )
    assert notice.cause.startswith("A disk is full.")


SHUTDOWN = "26/11/20 10:00:02 INFO ShutdownHookManager: Deleting directory /mnt/tmp/spark-1f"
CLEARED = "26/11/20 10:00:02 INFO MemoryStore: MemoryStore cleared"


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
    notice = describe(failed("StepFailed", ""), step(**details))
    assert "The pca step failed, and none of its logs that are there says why." in notice.cause
    assert LOG in notice.message


def test_emrs_error_details_are_read_before_the_reason_of_the_state_change() -> None:
    status = {
        "ErrorDetails": [{"ErrorCode": "EC2_INSUFFICIENT_CAPACITY", "ErrorMessage": "none left", "ErrorData": []}]
    }
    state = failed(
        "ClusterFailed", "", cluster_status={"StateChangeReason": {"Code": "INTERNAL_ERROR", "Message": "?"}}
    )
    assert describe(state, RunFacts(cluster_status=status)).cause.startswith("EC2 had no capacity")


def bootstrap(log: str) -> tuple[dict[str, Any], RunFacts]:
    message = "On the master instance (i-0f1a2b3c4d5e6f708), bootstrap action 1 returned a non-zero return code"
    reason = {"StateChangeReason": {"Code": "BOOTSTRAP_FAILURE", "Message": message}}
    logs = {f"s3://out/logs/{RUN}/j-1/node/i-0f1a2b3c4d5e6f708/bootstrap-actions/1/stderr.gz": log} if log else {}
    evidence = search_nodes(f"s3://out/logs/{RUN}/", "j-1", [message], FakeReader(logs))  # type: ignore[arg-type]
    return failed("LaunchFailed", "", cluster_status=reason, launch={"attempt": 3}), RunFacts(evidence=evidence)


def test_a_failed_bootstrap_tells_what_the_node_said_and_the_number_of_launches() -> None:
    notice = describe(*bootstrap(sample("bootstrap-no-route")))
    assert notice.cause.startswith("A machine cannot reach S3: its subnet has no route there.")
    assert "/j-1/node/i-0f1a2b3c4d5e6f708/bootstrap-actions/1/stderr.gz\nline 1\n" in notice.message
    assert "Launches\n3\n" in notice.message


def test_a_failed_bootstrap_without_a_log_tells_what_emr_said() -> None:
    notice = describe(*bootstrap(""))
    assert notice.cause.startswith("A node could not install its Python environment.")
    assert "bootstrap action 1 returned a non-zero" in notice.cause


def test_a_step_that_was_cut_off_is_judged_by_what_cut_it_off() -> None:
    lost = {"StateChangeReason": {"Code": "USER_REQUEST", "Message": "Terminated by user request"}}
    interrupted = step(sample("step-stdout-driver-lost"), state="INTERRUPTED")
    notice = describe(failed("ClusterLost", "The cluster ended", cluster_status=lost), interrupted)
    assert notice.cause.startswith("Somebody terminated the cluster")
    hung = describe(failed("StepsTimedOut", "The steps were not done after 14400 seconds"), interrupted)
    assert hung.cause.startswith("The steps were not done within the time")
    assert "in the pca step" in hung.message


def test_our_own_terminating_of_the_cluster_is_not_taken_for_the_cause() -> None:
    afterwards = {"StateChangeReason": {"Code": "USER_REQUEST", "Message": "Terminated by user request"}}
    notice = describe(failed("States.Timeout", ""), RunFacts(cluster_status=afterwards))
    assert notice.cause.startswith("Something took longer than it may.")


def test_of_a_cluster_that_died_after_the_last_look_emr_tells_the_reason_afterwards() -> None:
    working = {"StateChangeReason": {"Code": "", "Message": "Running step"}}
    dead = RunFacts(cluster_status={"StateChangeReason": {"Code": "INSTANCE_FAILURE", "Message": "lost"}})
    notice = describe(failed("StepFailed", "The last step is CANCELLED", cluster_status=working), dead)
    assert notice.cause.startswith("A machine of the cluster failed.")


@pytest.mark.parametrize("reason", [{"Message": "Running bootstrap action"}, {"Code": "ALL_STEPS_COMPLETED"}])
def test_what_a_cluster_says_while_nothing_is_wrong_is_no_cause(reason: dict[str, str]) -> None:
    state = failed("Some.Error", "odd", cluster_status={"StateChangeReason": reason})
    assert "Some.Error: odd" in describe(state, RunFacts()).cause


def test_a_lambdas_error_arrives_as_json_and_is_unpacked() -> None:
    cause = json.dumps({"errorType": "SourceDeniedError", "errorMessage": "s3://in/a.zip: S3 refuses: Access Denied"})
    notice = describe(failed("SourceDeniedError", cause), RunFacts())
    assert notice.cause.startswith("A permission is missing")
    assert "errorType" not in notice.message


@pytest.mark.parametrize(
    ("error", "words"), [("Emr.EmrException", "could not be terminated"), ("ClusterLeftOver", "has not ended in time")]
)
def test_a_cluster_that_may_live_on_is_always_mentioned(error: str, words: str) -> None:
    left = {"termination_failure": {"Error": error, "Cause": "Rate exceeded"}}
    well = describe({**STATE, **left}, RunFacts())
    assert well.subject == f"Orchard: cluster left over, {RUN}"
    assert f"Next\norchard sweep\norchard report {RUN}\n" in well.message
    assert f"The cluster j-1 {words}" in well.cause
    badly = describe(failed("StepFailed", "x", **left), RunFacts())
    assert f"The cluster j-1 {words}" in badly.cause
    assert "Cluster\nThe cluster j-1 " in badly.message


def test_an_unknown_failure_is_quoted_and_a_silent_one_admitted() -> None:
    assert "Some.Error: odd" in describe(failed("Some.Error", "odd"), RunFacts()).cause
    assert "without saying why" in describe(failed("", ""), RunFacts()).cause


def test_a_subject_is_what_sns_accepts() -> None:
    assert subject("Orchard: done,\n", "früit-" + "x" * 200) == ("Orchard: done, fr?it-" + "x" * 200)[:100]


def test_the_net_below_gives_all_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Notice:
        raise ZeroDivisionError

    monkeypatch.setattr("orchard.notices.notice.compose", broken)
    notice = describe(STATE, RunFacts())
    assert "ZeroDivisionError" in notice.cause
    assert RUN in notice.message


KEYS = [
    "run_id", "input", "archive", "bucket", "key", "failure", "termination_failure", "Error", "Cause", "cluster", "id",
    "launch", "attempt", "inspected", "plan", "counts", "splits", "classes", "images", "estimate", "usd_per_hour",
    "cluster_status", "StateChangeReason", "Code", "Message", "steps", "pca", "options", "engine",
]  # fmt: skip
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["ArchiveRefused", '{"a":1}']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=6),
    max_leaves=12,
)
OBJECT = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8)


@given(
    state=JSON | OBJECT, summary=OBJECT, status=OBJECT, details=OBJECT | st.none(), number=st.none() | st.floats(0, 1e9)
)
def test_any_state_whatever_is_described_without_the_net(
    state: object, summary: dict[str, Any], status: dict[str, Any], details: dict[str, Any] | None, number: float | None
) -> None:
    step = None if details is None else FailedStep("pca", details, "s3://b/log")
    notice = compose(state, RunFacts(status, number, step, (), (), summary, number))
    assert notice.subject.isascii()
    assert "\n" not in notice.subject
    assert 0 < len(notice.subject) <= 100
    assert notice.message
    assert len(notice.cause) <= 4000


@pytest.mark.parametrize(
    ("state", "facts"),
    [
        (STATE, RunFacts(summary=SUMMARY, minutes=23.4, cluster_seconds=1200)),
        (failed("ArchiveRefused", "fruits.zip is not a zip: " + "it begins with words " * 9), RunFacts()),
        (failed("StepFailed", ""), step(sample("step-stderr-access-denied"))),
        bootstrap(sample("bootstrap-missing-wheel")),
        ({**STATE, "termination_failure": {"Error": "ClusterLeftOver", "Cause": "TERMINATING"}}, RunFacts()),
    ],
)
def test_a_mail_fits_a_phone(state: dict[str, Any], facts: RunFacts) -> None:
    for line in describe(state, facts).message.splitlines():
        is_whole = line.startswith(("s3://", "orchard ", "aws ")) or not line.strip().count(" ")
        assert is_whole or len(line) <= WIDTH, line


def test_addresses_are_never_broken() -> None:
    address = "arn:aws:s3:::" + "orchard-" * 20
    assert message(f"It is {address} that counts.", []).splitlines()[:3] == ["It is", address, "that counts."]


@pytest.mark.parametrize(
    ("minutes", "words"), [(0.2, "under a minute"), (1.2, "1 minute"), (23.4, "23 minutes"), (None, None)]
)
def test_the_time_is_told_as_people_do(minutes: float | None, words: str | None) -> None:
    told = describe(STATE, RunFacts(minutes=minutes)).message
    assert (f"Time\n{words}\n" in told) if words else ("Time" not in told)


def test_the_time_of_waiting_for_a_turn_is_told_apart() -> None:
    told = describe({**STATE, "turn": {"waited": 4_800}}, RunFacts(minutes=95.0)).message
    assert "Time\n95 minutes\n80 minutes of it waiting for its turn\n" in told
    assert "waiting" not in describe({**STATE, "turn": {"waited": 0}}, RunFacts(minutes=95.0)).message


HOSTILE = "a\x1b[2J\r\nBcc: all@example.com\u202e\ud800\x9b.zip"
OF_HOSTILE = {"archive": {"bucket": "in", "key": HOSTILE}}


@pytest.mark.parametrize(
    "state",
    [
        {**STATE, "run_id": HOSTILE, "input": OF_HOSTILE},
        failed("ArchiveRefused", f"{HOSTILE} is no zip", input=OF_HOSTILE, run_id=HOSTILE),
        failed("StepFailed", HOSTILE, input=OF_HOSTILE, run_id=HOSTILE),
    ],
)
def test_a_key_writes_no_line_of_a_mail_and_no_header(state: dict[str, Any]) -> None:
    notice = compose(state, RunFacts())
    assert notice.subject.isascii()
    assert notice.subject.isprintable()
    assert len(notice.subject) <= 100
    told = describe(state, RunFacts())
    assert told == describe(state, RunFacts())
    for text in (told.message, told.cause):
        text.encode()
        assert all(line.isprintable() for line in text.split("\n"))
    assert r"s3://in/a\x1b[2J\r\nBcc: all@example.com\u202e\ud800\x9b.zip" in told.message
