"""What a notice says of a run is put into words that people read on a phone, and that nobody can forge."""

from dataclasses import replace

import pytest

from orchard.archive.by_name import check_name
from orchard.archive.errors import NotAZipError
from orchard.diagnose.gather import RunFacts
from orchard.notices.notice import compose, describe, message
from orchard.notices.wording import WIDTH
from orchard.pipeline.input import GivenArchive
from orchard.pipeline.state import Failure, PlannedRun, RunState
from tests.support.states import DONE


def known_by(bucket: str) -> RunState:
    return RunState("r", plan=PlannedRun(run_uri=f"s3://{bucket}/runs/r"))


@pytest.mark.parametrize(
    ("state", "typed"),
    [
        (known_by("orchard-results-123456789012-eu-west-1"), "orchard report r"),
        (known_by("apples-and-pears-results-123456789012-eu-west-1"), "orchard --stack apples-and-pears report r"),
        (known_by("named-by-hand"), "orchard report r"),
        (RunState("r", GivenArchive("s-input-123456789012-eu-west-1")), "orchard --stack s report r"),
    ],
)
def test_commands_name_the_stack_where_it_is_another_than_usual(state: RunState, typed: str) -> None:
    assert f"Next\n{typed}\n" in describe(state, RunFacts()).message
    badly = describe(replace(state, failure=Failure()), RunFacts())
    assert f"Next\n{typed.replace('report', 'diagnose')}\n" in badly.message


@pytest.mark.parametrize(
    "key", ["fruits and vegetables 2.tar.gz", "fruits and vegetables.7z", "fruits, all of them.rar"]
)
def test_the_commands_that_make_a_zip_are_whole_in_the_mail(key: str) -> None:
    with pytest.raises(NotAZipError) as raised:
        check_name(f"s3://in/{key}")
    mend = raised.value.next_command
    assert len(mend) > WIDTH
    state = replace(DONE, failure=Failure("ArchiveRefused", f"{key} is not a zip"), plan=PlannedRun(next=mend))
    assert f"Next\n{mend}\nthen upload" in describe(state, RunFacts()).message


def test_addresses_are_never_broken() -> None:
    address = "arn:aws:s3:::" + "orchard-" * 20
    assert message(f"It is {address} that counts.", []).splitlines()[:3] == ["It is", address, "that counts."]


@pytest.mark.parametrize(
    ("minutes", "waited", "told"),
    [
        (0.2, 0, "Time\nunder a minute\n\n"),
        (1.2, 0, "Time\n1 minute\n\n"),
        (23.4, 0, "Time\n23 minutes\n\n"),
        (95.0, 4_800, "Time\n95 minutes\n80 minutes of it waiting for its turn\n\n"),
        (None, 4_800, ""),
    ],
)
def test_the_time_is_told_as_people_do_and_that_of_waiting_apart(
    minutes: float | None, waited: float, told: str
) -> None:
    message = describe(replace(DONE, waited=waited), RunFacts(minutes=minutes)).message
    assert told in message
    assert bool(told) == ("Time\n" in message)


HOSTILE = "a\x1b[2J\r\nBcc: all@example.com\u202e\ud800\x9b.zip"
OF_HOSTILE = replace(DONE, run_id=HOSTILE, archive=GivenArchive("in", HOSTILE))


@pytest.mark.parametrize(
    "failure", [None, Failure("ArchiveRefused", f"{HOSTILE} is no zip"), Failure("StepFailed", HOSTILE)]
)
def test_a_key_writes_no_line_of_a_mail_and_no_header(failure: Failure | None) -> None:
    state = replace(OF_HOSTILE, failure=failure)
    notice = compose(state, RunFacts())
    assert notice.subject.isascii()
    assert notice.subject.isprintable()
    assert len(notice.subject) <= 100
    told = describe(state, RunFacts())
    for text in (told.message, told.cause):
        text.encode()
        assert all(line.isprintable() for line in text.split("\n"))
    assert r"s3://in/a\x1b[2J\r\nBcc: all@example.com\u202e\ud800\x9b.zip" in told.message
