"""What is found and what is accepted have to be the same."""

import pytest

from security.findings import ACCEPTED, Finding, accepted, judge

TABLE = '[[accepted]]\nrules = ["R1", "R2"]\nsubjects = ["Bucket", "Queue"]\nreason = "because"\n'
FOUND = accepted(TABLE)


def test_every_rule_of_a_table_is_accepted_for_every_subject_of_it() -> None:
    assert {
        Finding("R1", "Bucket"), Finding("R1", "Queue"), Finding("R2", "Bucket"), Finding("R2", "Queue"),
    } == FOUND  # fmt: skip


def test_what_is_found_and_accepted_is_fine() -> None:
    assert judge(FOUND, FOUND) == []


def test_what_is_found_and_not_accepted_is_told() -> None:
    assert judge({*FOUND, Finding("R3", "Topic")}, FOUND) == ["R3: Topic"]


def test_what_is_accepted_and_no_longer_found_is_told() -> None:
    assert judge(FOUND - {Finding("R2", "Queue")}, FOUND) == ["R2: Queue is accepted, but no longer found"]


def test_a_scanner_is_not_asked_for_what_another_one_finds() -> None:
    assert judge({Finding("R1", "Bucket"), Finding("R1", "Queue")}, FOUND, of=("R1",)) == []


@pytest.mark.parametrize("reason", ["", 'reason = "  "\n'])
def test_nothing_is_accepted_without_a_reason(reason: str) -> None:
    with pytest.raises(ValueError, match="no reason"):
        accepted(TABLE.replace('reason = "because"\n', reason))


def test_nothing_is_accepted_twice() -> None:
    with pytest.raises(ValueError, match="accepted twice"):
        accepted(TABLE + TABLE)


def test_every_rule_that_is_accepted_belongs_to_a_scanner() -> None:
    known = ("CKV_", "AwsSolutions-", "E", "W", "I")
    assert not [one for one in accepted(ACCEPTED.read_text()) if not one.rule.startswith(known)]
