"""summary.json is made of the records of the three stages and of the plan."""

from dataclasses import replace
from typing import Any

import pyspark
import pytest

from orchard.jobs.stages import StageRecord
from orchard.jobs.summary import summarise
from orchard.layout import RunFiles
from orchard.pipeline.origin import Origin

RUN = RunFiles("s3://b/runs/fruits-0123456789ab/")
PLAN = {"estimate": {"total_usd": 0.471, "price_date": "2026-11"}, "charged": False, "release": "cafe"}


def record(stage: str, seconds: float, counts: dict[str, int], **facts: object) -> StageRecord:
    return StageRecord(stage, {}, "2026-11-20T12:00:00", seconds, counts, {}, facts)


ARCHIVE, IGNORED = {"uri": "s3://in/fruits.zip"}, {"not an image: .csv": 2}
RECORDS = [
    record(
        "unzip",
        11.0,
        {"entries": 130, "images": 120},
        archive={"uri": "s3://in/fruits.zip"},
        classes=7,
        ignored={"not an image: .csv": 2},
        duplicates={"copies": 4},
    ),
    record("featurize", 48.0, {"features": 115, "rejected_in_featurize": 5}, engine="onnxruntime", model={"id": "m"}),
    record("pca", 20.0, {"projected": 115}, parameters={"kept": 3}),
]


def summary(plan: dict[str, Any] | None = PLAN, records: list[StageRecord] = RECORDS) -> dict[str, Any]:
    return summarise(RUN, records, plan)


def test_every_part_comes_from_the_stage_that_knows_it() -> None:
    found = summary()
    assert found["run_id"] == "fruits-0123456789ab"
    assert found["archive"] == {"uri": "s3://in/fruits.zip"}
    assert found["ignored"] == {"not an image: .csv": 2}
    assert found["duplicates"] == {"copies": 4}
    assert found["counts"] == {
        "entries": 130,
        "images": 120,
        "features": 115,
        "rejected_in_featurize": 5,
        "projected": 115,
        "classes": 7,
    }
    assert (found["engine"], found["model"], found["parameters"]) == ("onnxruntime", {"id": "m"}, {"kept": 3})


def test_the_speed_is_that_of_featurize_over_all_images_that_it_read() -> None:
    assert summary()["stages"] == {
        "unzip": {"seconds": 11.0},
        "featurize": {"seconds": 48.0, "images_per_second": 2.5},
        "pca": {"seconds": 20.0},
    }


def test_a_stage_too_short_to_be_measured_has_no_speed() -> None:
    records = [RECORDS[0], record("featurize", 0.0, {}, engine="e", model={}), RECORDS[2]]
    assert summary(records=records)["stages"]["featurize"]["images_per_second"] == 0.0


@pytest.mark.parametrize(
    ("plan", "cost"),
    [
        (PLAN, {"total_usd": 0.471, "price_date": "2026-11", "charged": False}),
        ({"estimate": {"total_usd": 0.471}}, {"total_usd": 0.471, "charged": True}),
        ({}, None),
        (None, None),
    ],
)
def test_the_cost_is_the_plans_estimate_and_whether_anybody_pays(plan: dict[str, Any] | None, cost: object) -> None:
    assert summary(plan)["cost"] == cost


def test_the_versions_are_those_of_what_ran_and_of_the_release_that_was_deployed() -> None:
    assert summary()["versions"]["spark"] == pyspark.__version__
    assert summary()["versions"]["release"] == "cafe"
    assert "release" not in summary(None)["versions"]


def test_a_run_that_began_with_another_s_results_names_it_and_has_its_books_but_not_its_time() -> None:
    found = summarise(RUN, RECORDS, PLAN, Origin(features="s3://b/runs/first", images="s3://b/runs/zeroth"))
    assert found["origin"] == {"features": "first", "images": "zeroth"}
    assert found["stages"] == {"pca": {"seconds": 20.0}}
    assert {**found, "origin": {}, "stages": {}} == {**summary(), "stages": {}, "created": found["created"]}
    assert summary()["origin"] == {}


def test_what_an_earlier_run_knows_is_named_and_counts_for_no_speed() -> None:
    known = {"run": "s3://b/runs/fruits-last", "completed": "2026-11-19", "features": 90, "rejected": 6}
    unzip, featurize, pca = RECORDS
    copied = replace(featurize, facts={**featurize.facts, "known": known})
    found = summarise(RUN, [unzip, copied, pca], {**PLAN, "saved": {"minutes": 9, "usd": 0.2}})
    assert (found["origin"], found["known"]) == ({"known": "fruits-last"}, 90)
    assert found["saved"] == {"minutes": 9, "usd": 0.2}
    assert found["stages"]["featurize"]["images_per_second"] == round(24 / 48, 1)
    refit = summarise(RUN, [unzip, copied, pca], None, Origin(features="s3://b/runs/first"))
    assert (refit["origin"], refit["known"], refit["saved"]) == ({"features": "first"}, 0, None)
