"""How a job takes its limit, and how its error reaches the one who reads the log."""

import pytest

from orchard.archive.rejection import Rejection
from orchard.archive.too_many import check_rejected
from orchard.diagnose.step_log import parse_spark_log
from orchard.errors import TooManyRejectedError
from orchard.jobs import entry


def parser() -> entry.JobParser:
    made = entry.JobParser(prog="orchard-test")
    entry.add_max_rejected(made)
    entry.add_subset(made)
    return made


def test_a_job_takes_a_subset_as_the_command_does() -> None:
    found = parser().parse_args(["--limit=9", "--only-label=-x", "--only-label=", "--only-label", "Kiwi"])
    assert (found.limit, found.only_label) == (9, ["-x", "", "Kiwi"])
    found = parser().parse_args([])
    assert (found.limit, found.only_label) == (None, None)


@pytest.mark.parametrize(
    ("arguments", "share"), [([], 0.05), (["--max-rejected", "12%"], 0.12), (["--max-rejected=0"], 0)]
)
def test_a_job_takes_the_share_as_the_command_does(arguments: list[str], share: float) -> None:
    assert parser().parse_args(arguments).max_rejected == share


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--max-rejected", "many"], "argument --max-rejected: 'many' is not a share: write it like 5% or 0.05"),
        (["--limit", "0"], "argument --limit: The option limit cannot be 0: it takes a whole number from 1"),
        (["--only-label", "a/b"], "argument --only-label: The option only_label cannot be "),
        (["--max-rejected", "5"], "argument --max-rejected: '5' is more than all: a share is at most 100%"),
        (["--colour", "red"], "unrecognized arguments: --colour red"),
    ],
)
def test_wrong_arguments_end_a_job_before_spark_starts_and_are_its_own_words(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "open_session", lambda _: pytest.fail("Spark was started"))
    assert entry.run_job(parser(), lambda *_: None, arguments) == 2
    log = capsys.readouterr().err
    assert log.startswith("usage: orchard-test")
    finding = parse_spark_log(log).finding
    assert finding is not None
    assert finding.cause.sentence.startswith(f"orchard-test was called with wrong arguments: {told}")
    assert finding.cause.next_step == "orchard-test --help"


def test_the_diagnosis_repeats_all_that_a_job_says_of_rejections(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = ("truncated JPEG", "empty file", "not an image", "its checksum (CRC-32) is wrong", "its name is odd", "x")
    rejected = [Rejection(f"fruits/Training/Kiwi/{number}.jpg", "unzip", kinds[number % 6]) for number in range(60)]
    listed = "all are in s3://out/runs/r/rejected/"
    said: list[TooManyRejectedError] = []

    def too_many(_: str) -> None:
        try:
            check_rejected(60, 40, 0.05, archives=["fruits.zip"], listed=listed, rejections=lambda: rejected)
        except TooManyRejectedError as error:
            said.append(error)
            raise

    monkeypatch.setattr(entry, "open_session", too_many)
    assert entry.run_job(parser(), lambda *_: None, []) == 2
    finding = parse_spark_log(f"something else\n{capsys.readouterr().err}").finding
    assert finding is not None
    assert finding.cause.sentence.rstrip(".") == str(said[0])
    assert finding.cause.next_step == "orchard run fruits.zip --max-rejected 60%"
