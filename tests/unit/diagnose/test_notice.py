"""What people read when a run has ended: well, refused, or failed, each with the next command."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.diagnose.gather import FailedStep, RunFacts
from orchard.diagnose.notice import Notice, compose, describe, subject
from orchard.diagnose.step_log import parse_step_log

RUN = "fruits-0123456789ab"
STATE: dict[str, Any] = {
    "run_id": RUN,
    "archive": {"bucket": "in", "key": "früits.zip", "version_id": "v1", "etag": "e", "size": 5},
    "inspected": {
        "plan": {
            "run_uri": f"s3://out/runs/{RUN}",
            "log_uri": f"s3://out/logs/{RUN}/",
            "options": {"engine": "onnxruntime"},
            "counts": {"images": 1920, "classes": 24, "splits": {"Training": 1440, "Test": 480}},
            "estimate": {"usd_per_hour": 0.3, "price_date": "2026-11"},
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


def step(text: str | None = None, **details: str) -> RunFacts:
    finding = parse_step_log(text) if text else None
    return RunFacts(failed_step=FailedStep("pca", details, "s3://out/logs/r/j-1/steps/s-3/stderr.gz", finding))


def test_success_tells_what_was_made_what_it_cost_and_where_it_is() -> None:
    notice = describe(STATE, RunFacts(summary=SUMMARY, minutes=23.4, cluster_seconds=1200))
    assert notice.subject == f"Orchard: done, {RUN}"
    assert notice.cause == ""
    assert notice.message == (
        f"Run {RUN} is done.\n\n"
        "Archive     s3://in/früits.zip\n"
        "Images      1,920 in 24 classes (Training 1,440, Test 480); 3 rejected, see rejected/\n"
        "Features    1,919 by tensorflow from MobileNetV2 with imagenet weights\n"
        "Components  57 with 90.1% of the variance\n"
        "Time        23 minutes\n"
        "Cost        about USD 0.10 for the cluster, by prices of 2026-11\n"
        f"Results     s3://out/runs/{RUN}/\n\n"
        f"Next: aws s3 cp --recursive s3://out/runs/{RUN}/ out/{RUN}/\n"
    )


def test_a_refusal_gives_its_reason_and_what_would_mend_it() -> None:
    state = failed("ArchiveRefused", "fruits.zip is not a zip: it begins with <html>")
    state["inspected"] = {"plan": {"accepted": False, "next": "file fruits.zip"}}
    notice = describe(state, RunFacts())
    assert notice.subject == f"Orchard: refused, {RUN}"
    assert notice.cause == "fruits.zip is not a zip: it begins with <html>"
    assert "before any cluster was created" in notice.message
    assert "Next: file fruits.zip" in notice.message


def test_the_jobs_own_words_come_first() -> None:
    own = 'ORCHARD-ERROR {"headline": "No images", "cause": "all were rejected", "next": "orchard plan ZIP"}\n'
    notice = describe(failed("StepFailed", "pca failed"), step(own, Reason="Unknown Error"))
    assert notice.cause == "No images: all were rejected."
    assert "failed in the pca step" in notice.message
    assert "stderr.gz, line 1" in notice.message
    assert "Next: orchard plan ZIP" in notice.message


def test_without_a_log_emrs_own_description_of_the_step_is_read() -> None:
    notice = describe(
        failed("StepFailed", ""), step(Reason="Exit code 137", Message="Container exited with exit code 137")
    )
    assert notice.cause.startswith("A process ran out of memory.")


@pytest.mark.parametrize("details", [{}, {"Reason": "Unknown Error"}, {"Reason": "Unknown Error", "Message": ""}])
def test_a_step_that_emr_says_nothing_about_points_to_where_its_log_will_be(details: dict[str, str]) -> None:
    notice = describe(failed("StepFailed", ""), step(**details))
    assert "The pca step failed." in notice.cause
    assert "s3://out/logs/r/j-1/steps/s-3/stderr.gz" in notice.message


def test_emrs_error_details_are_read_before_the_reason_of_the_state_change() -> None:
    status = {
        "ErrorDetails": [{"ErrorCode": "EC2_INSUFFICIENT_CAPACITY", "ErrorMessage": "none left", "ErrorData": []}]
    }
    state = failed(
        "ClusterFailed", "", cluster_status={"StateChangeReason": {"Code": "INTERNAL_ERROR", "Message": "?"}}
    )
    assert describe(state, RunFacts(cluster_status=status)).cause.startswith("EC2 had no capacity")


def test_a_failed_bootstrap_names_its_log_and_the_number_of_launches() -> None:
    message = "On the master instance (i-0f1a2b3c4d5e6f708), bootstrap action 1 returned a non-zero return code"
    reason = {"StateChangeReason": {"Code": "BOOTSTRAP_FAILURE", "Message": message}}
    notice = describe(failed("ClusterFailed", "", cluster_status=reason, launch={"attempt": 3}), RunFacts())
    assert notice.cause.startswith("A node could not install its Python environment.")
    assert f"s3://out/logs/{RUN}/j-1/node/i-0f1a2b3c4d5e6f708/bootstrap-actions/1/stderr.gz" in notice.message
    assert "Launches    3" in notice.message


def test_our_own_terminating_of_the_cluster_is_not_taken_for_the_cause() -> None:
    afterwards = {"StateChangeReason": {"Code": "USER_REQUEST", "Message": "Terminated by user request"}}
    notice = describe(failed("States.Timeout", ""), RunFacts(cluster_status=afterwards))
    assert notice.cause.startswith("Something took longer than it may.")


def test_a_lambdas_error_arrives_as_json_and_is_unpacked() -> None:
    cause = json.dumps(
        {"errorType": "EnvironmentNotReadyError", "errorMessage": "The artefacts are not published: none"}
    )
    notice = describe(failed("EnvironmentNotReadyError", cause), RunFacts())
    assert notice.cause.startswith("The stack has no published release to run.")
    assert "Next: make publish" in notice.message
    assert "errorType" not in notice.message


def test_a_cluster_that_could_not_be_terminated_is_always_mentioned() -> None:
    left = {"termination_failure": {"Error": "Emr.EmrException", "Cause": "Rate exceeded"}}
    well = describe({**STATE, **left}, RunFacts())
    assert "aws emr terminate-clusters --cluster-ids j-1" in well.message
    assert "j-1 could not be terminated" in well.cause
    assert "j-1 could not be terminated" in describe(failed("StepFailed", "x", **left), RunFacts()).cause


def test_an_unknown_failure_is_quoted_and_a_silent_one_admitted() -> None:
    assert "Some.Error: odd" in describe(failed("Some.Error", "odd"), RunFacts()).cause
    assert "without saying why" in describe(failed("", ""), RunFacts()).cause


def test_a_subject_is_what_sns_accepts() -> None:
    assert subject("Orchard: done,\n", "früit-" + "x" * 200) == ("Orchard: done, fr?it-" + "x" * 200)[:100]


def test_the_net_below_gives_all_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Notice:
        raise ZeroDivisionError

    monkeypatch.setattr("orchard.diagnose.notice.compose", broken)
    notice = describe(STATE, RunFacts())
    assert "ZeroDivisionError" in notice.cause
    assert RUN in notice.message


KEYS = [
    "run_id", "archive", "bucket", "key", "failure", "termination_failure", "Error", "Cause", "cluster", "id",
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


@settings(deadline=None)
@given(
    state=JSON | OBJECT, summary=OBJECT, status=OBJECT, details=OBJECT | st.none(), number=st.none() | st.floats(0, 1e9)
)
def test_any_state_whatever_is_described_without_the_net(
    state: object, summary: dict[str, Any], status: dict[str, Any], details: dict[str, Any] | None, number: float | None
) -> None:
    step = None if details is None else FailedStep("pca", details, "s3://b/log")
    notice = compose(state, RunFacts(status, number, step, summary, number))
    assert notice.subject.isascii()
    assert "\n" not in notice.subject
    assert 0 < len(notice.subject) <= 100
    assert notice.message


@pytest.mark.parametrize(
    ("minutes", "words"), [(0.2, "under a minute"), (1.2, "1 minute"), (23.4, "23 minutes"), (None, None)]
)
def test_the_time_is_told_as_people_do(minutes: float | None, words: str | None) -> None:
    told = describe(STATE, RunFacts(minutes=minutes)).message
    assert (f"Time        {words}\n" in told) if words else ("Time" not in told)
