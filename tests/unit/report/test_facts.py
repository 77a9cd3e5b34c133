"""The facts about a run: as many as the summary holds, in words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.report.facts import Fact, duration, fact_groups, file_size, moment, percent, stage_times
from tests.support.report_data import SUMMARY


def facts_of(summary: dict[str, Any]) -> dict[str, str]:
    return {fact.name: fact.value for group in fact_groups(summary) for fact in group.facts}


def test_a_complete_summary_gives_all_facts() -> None:
    facts = facts_of(SUMMARY)
    assert facts["Address"] == "s3://orchard-input/fruits-360-10k.zip"
    assert facts["Size"] == "45.6 MB"
    assert facts["Made"] == "9 May 2026, 07:31 UTC"
    assert {name: facts[name] for name in ("Entries", "Directories", "Ignored", "Images", "Classes")} == {
        "Entries": "9,988",
        "Directories": "63",
        "Ignored": "4: 3 .heic, 1 macOS folder settings",
        "Images": "9,909",
        "Classes": "60",
    }
    assert (facts["Rejected while unpacking"], facts["Rejected while decoding"]) == ("12", "9")
    assert facts["Feature vectors"] == "9,900"
    assert (facts["Kept"], facts["Explained variance"]) == ("54", "90.1\u00a0%")
    assert facts["Weights"] == "imagenet"
    assert facts["Engine"] == "onnxruntime"
    assert facts["Speed"] == "118.3 images a second"
    assert facts["Asked for"] == "the fewest that explain 90\u00a0%"
    assert facts["Fitted on"] == "the Training split"
    assert facts["Estimate on AWS"] == "$0.42 for the whole run, at prices of 2026-04-30 in eu-west-1"
    assert facts["Actual on AWS"] == "orchard status fruits-360-10k-3f9a1c0be772"
    assert facts["spark"] == "3.5.6"


def test_digests_are_marked_to_be_shown_letter_by_letter() -> None:
    assert Fact("Model", "c0ffee123456", exact=True) in {fact for group in fact_groups(SUMMARY) for fact in group.facts}


def test_a_number_of_components_that_was_asked_for_is_told_as_such() -> None:
    facts = facts_of({"parameters": {"components": 50, "variance": None, "fit_split": None}})
    assert facts == {"Asked for": "50", "Fitted on": "all images"}


def test_of_components_that_are_another_runs_its_id_is_told() -> None:
    summary = {"origin": {"components": "old-0123456789ab"}, "parameters": {"fit_split": "Training"}}
    assert facts_of(summary) == {
        "Taken from": "old-0123456789ab",
        "Fitted on": "the Training split of old-0123456789ab",
    }
    assert facts_of({**summary, "parameters": {}})["Fitted on"] == "all images of old-0123456789ab"


def test_what_was_not_taken_as_it_is_and_what_is_missing_are_told() -> None:
    facts = facts_of({"counts": {"reduced": 0, "incomplete": 1200}, "parameters": {"kept": 2, "shortfall": "Only 3."}})
    assert facts == {
        "Cut short, with grey for the rest": "1,200",
        "Kept": "2",
        "Not more": "Only 3.",
        "Fitted on": "all images",
    }


def test_nothing_known_is_nothing_told() -> None:
    assert fact_groups({}) == []
    assert stage_times({}) == []
    assert fact_groups({"cost": None, "counts": {"images": None}, "model": "?", "versions": []}) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10**9) | st.floats(0, 1e6) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["seconds", "unzip", "size", "variance", "images"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(SUMMARY)), json_values))
def test_no_summary_is_too_odd_to_be_told(summary: dict[str, Any]) -> None:
    for group in fact_groups(summary):
        assert all(fact.value for fact in group.facts)
    stage_times(summary)


def test_stage_times_are_shares_of_the_whole() -> None:
    times = stage_times({"stages": {"pca": {"seconds": 25}, "unzip": {"seconds": 75.0}, "featurize": {}}})
    assert [(time.stage, time.percent, time.text) for time in times] == [
        ("unzip", 75, "1 min 15 s"),
        ("pca", 25, "25.0 s"),
    ]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.9, "90 %"), (0.90125, "90.1 %"), (0.00412, "0.4 %"), (1.0, "100 %"), (0.99999, "> 99.9 %"), (0, "0 %")],
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text.replace(" ", "\u00a0")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (3599.7, "1 h 0 min"), (7384, "2 h 3 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(999, "999 bytes"), (45_561_337, "45.6 MB"), (2_500_000_000_000, "2500.0 GB")]
)
def test_file_size(count: int, text: str) -> None:
    assert file_size(count) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("2026-05-09T07:31:22Z", "9 May 2026, 07:31 UTC"), ("2026-05-09T07:31", "9 May 2026, 07:31"), ("soon", "soon")],
)
def test_moment(text: str, shown: str) -> None:
    assert moment(text) == shown


def test_the_runs_whose_files_a_run_uses_are_named_but_where_that_is_nonsense() -> None:
    def uses(origin: object) -> list[str]:
        groups = fact_groups({"run_id": "r", "origin": origin})
        return [fact.value for group in groups for fact in group.facts if fact.name == "Uses"]

    assert uses({"images": "a-1", "known": "b-1"}) == ["the images of a-1", "those features that b-1 has"]
    assert uses({}) == uses(None) == uses({"colour": "c-1"}) == uses("x") == []
    [archive] = fact_groups({"run_id": "r", "known": 12, "saved": {"minutes": 3, "usd": 0.5}})
    said = [fact.value for fact in archive.facts if fact.name == "Earlier runs"]
    assert said == ["12 images are known", "saves about 3 minutes and $0.50, by the estimates"]
