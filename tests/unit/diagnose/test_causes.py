"""Known errors have a plain sentence and something to do; the particular wins over the general."""

import pytest

from orchard.diagnose.bootstrap import bootstrap_log_uri
from orchard.diagnose.causes import known_cause, shorten


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("INSTANCE_FLEET_TIMEOUT: Failed to provision", "EC2 had no capacity"),
        ("EC2_INSUFFICIENT_CAPACITY: m5.xlarge", "EC2 had no capacity"),
        ("VALIDATION_ERROR: You have exceeded your VcpuLimitExceeded quota", "A quota"),
        ("EC2_INSTANCE_LIMIT_EXCEEDED: ...", "A quota"),
        ("BOOTSTRAP_FAILURE: On the master instance (i-0), bootstrap action 1 returned a non-zero", "A node could not"),
        ("BOOTSTRAP_FAILURE_INSUFFICIENT_DISK_SPACE_PRIMARY: ...", "A disk is full"),
        ("OSError: [Errno 28] No space left on device", "A disk is full"),
        ("Emr.EmrException: User: arn:aws:sts::1:assumed-role/x is not authorized to perform: X", "A permission"),
        ("Emr.EmrException: Unable to create AWSServiceRoleForEMRCleanup: AccessDenied", "EMR's service-linked role"),
        (
            "VALIDATION_ERROR: Invalid InstanceProfile: orchard-nodes.",
            "EMR does not accept the nodes' instance profile",
        ),
        (
            "EnvironmentNotReadyError: The artefacts are not published: s3://a/current.json",
            "The stack has no published",
        ),
        ("Emr.EmrException: Rate exceeded (Service: Emr, Status Code: 400)", "AWS throttled"),
        ("States.Timeout", "Something took longer"),
        ("INTERNAL_ERROR: please try again", "AWS had an internal error"),
        ("java.io.FileNotFoundException: NoSuchVersion", "A file that the run needs"),
    ],
)
def test_errors_are_recognised(text: str, sentence: str) -> None:
    cause = known_cause(text, "somewhere")
    assert cause is not None
    assert cause.sentence.startswith(sentence)
    assert cause.next_step
    assert (cause.detail, cause.found_in) == (text, "somewhere")


@pytest.mark.parametrize("text", ["", "KeyError: 'split'", "ALL_STEPS_COMPLETED: Steps completed"])
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    assert known_cause(text) is None


def test_details_are_one_line_of_bearable_length() -> None:
    assert shorten("a\n  b\tc") == "a b c"
    assert len(shorten("x" * 10_000)) == 600


def test_a_failed_bootstrap_action_leads_to_its_log() -> None:
    message = "On the master instance (i-0f1a2b3c4d5e6f708), bootstrap action 1 returned a non-zero return code"
    assert bootstrap_log_uri(message, "s3://out/logs/r/", "j-1") == (
        "s3://out/logs/r/j-1/node/i-0f1a2b3c4d5e6f708/bootstrap-actions/1/stderr.gz"
    )
    assert bootstrap_log_uri("Terminated by user request", "s3://out/logs/r/", "j-1") is None
