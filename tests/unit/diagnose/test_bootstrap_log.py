"""What a node says of its installation, and where it says it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.diagnose.bootstrap_log import bootstrap_log_uri, error_data, node_logs, parse_bootstrap_log
from orchard.diagnose.known import ROOT_CAUSE, SYMPTOM
from orchard.pipeline.state import ClusterStatus
from tests.unit.diagnose.sample_logs import names, sample

CASES = [
    ("bootstrap-no-route", "A machine cannot reach S3", ROOT_CAUSE, (1, 1)),
    ("bootstrap-denied", "A permission is missing: the role of that process may not HeadObject.", ROOT_CAUSE, (1, 1)),
    ("bootstrap-missing-artefact", "A file of the published release or model is missing", ROOT_CAUSE, (1, 1)),
    ("bootstrap-missing-wheel", "A file of the published release or model is missing", ROOT_CAUSE, (3, 3)),
    ("bootstrap-disk-full", "A disk is full", ROOT_CAUSE, (1, 1)),
    ("bootstrap-import-error", "The nodes' Python environment lacks something", ROOT_CAUSE, (1, 5)),
    (
        "bootstrap-unknown",
        "A node could not install its Python environment: tar: wheels.tar: Cannot open",
        SYMPTOM,
        (1, 1),
    ),
]


@pytest.mark.parametrize(("log", "sentence", "weight", "lines"), CASES)
def test_a_log_of_each_kind_gives_its_cause(log: str, sentence: str, weight: int, lines: tuple[int, int]) -> None:
    finding = parse_bootstrap_log(sample(log))
    assert finding is not None
    assert finding.cause.sentence.startswith(sentence)
    assert finding.cause.weight == weight
    assert finding.cause.next_step
    assert (finding.first_line, finding.last_line) == lines


def test_every_sample_is_tested_above() -> None:
    assert [case[0] for case in sorted(CASES)] == names("bootstrap-")


@pytest.mark.parametrize("text", ["", "orchard bootstrap: /mnt/orchard/onnxruntime is ready\n", "\n\n"])
def test_a_node_that_does_not_complain_gives_nothing(text: str) -> None:
    assert parse_bootstrap_log(text) is None


def test_a_failure_without_a_word_names_the_line_of_the_script() -> None:
    finding = parse_bootstrap_log("orchard bootstrap: failed at line 12: false\n")
    assert finding is not None
    assert "failed at line 12: false" in finding.cause.detail


def test_what_is_certain_is_told_before_a_later_symptom() -> None:
    finding = parse_bootstrap_log("OSError: [Errno 28] No space left on device\nerror: exit code 137\n")
    assert finding is not None
    assert finding.cause.sentence == "A disk is full."


class TestWhere:
    def test_the_clusters_message_leads_to_the_log(self) -> None:
        message = "On the master instance (i-0f1a2b3c4d5e6f708), bootstrap action 1 returned a non-zero return code"
        assert bootstrap_log_uri(message, "s3://out/logs/r/", "j-1") == (
            "s3://out/logs/r/j-1/node/i-0f1a2b3c4d5e6f708/bootstrap-actions/1/stderr.gz"
        )

    @pytest.mark.parametrize(
        "message", ["Terminated by user request", "bootstrap action 1 failed", "i-0f1a2b3c4d5e6f708"]
    )
    def test_a_message_that_names_half_of_it_does_not(self, message: str) -> None:
        assert bootstrap_log_uri(message, "s3://out/logs/r/", "j-1") is None

    @pytest.mark.parametrize(
        "data",
        [
            [{"instance-id": "i-0f1a2b3c4d5e6f708", "bootstrap-action": "2"}],
            [{"primary-instance-id": "i-0f1a2b3c4d5e6f708"}, {"bootstrap-action-number": 2}],
        ],
    )
    def test_emrs_error_data_leads_there_whatever_its_keys_are(self, data: list[dict[str, object]]) -> None:
        uri = bootstrap_log_uri(error_data(data), "s3://out/logs/r", "j-1")
        assert uri == "s3://out/logs/r/j-1/node/i-0f1a2b3c4d5e6f708/bootstrap-actions/2/stderr.gz"

    @pytest.mark.parametrize("data", [None, "x", [None, "x"], [{}]])
    def test_error_data_of_another_form_says_nothing(self, data: object) -> None:
        [error] = ClusterStatus.from_data({"ErrorDetails": [{"ErrorData": data}]}).errors
        assert error_data(error.data) == ""

    def test_of_all_logs_of_the_nodes_those_of_the_installation_are_read_bootstrap_first(self) -> None:
        node = "s3://out/logs/r/j-1/node/i-0f1a2b3c4d5e6f708"
        assert node_logs([
            f"{node}/applications/hadoop-yarn/yarn.log.gz",
            f"{node}/provision-node/apps-phase/stderr.gz",
            f"{node}/bootstrap-actions/1/controller.gz",
            f"{node}/bootstrap-actions/1/stderr.gz",
        ]) == [f"{node}/bootstrap-actions/1/stderr.gz", f"{node}/provision-node/apps-phase/stderr.gz"]  # fmt: skip


PARTS = [sample(name) for name in names("bootstrap-")]


@given(st.lists(st.sampled_from(PARTS) | st.text()), st.integers(0, 200))
def test_any_text_is_read_and_the_lines_lie_inside_it(parts: list[str], cut: int) -> None:
    text = "".join(parts)[cut:]
    finding = parse_bootstrap_log(text)
    bootstrap_log_uri(text, text, text)
    if finding is not None:
        assert 1 <= finding.first_line <= finding.last_line <= text.count("\n") + 1
