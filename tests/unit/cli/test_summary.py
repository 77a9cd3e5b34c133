"""A run ends with a table."""

from datetime import timedelta
from pathlib import Path

from orchard.cli.summary import summary_rows
from orchard.compute.cost import Cost
from orchard.pipeline.state import RunState
from orchard.runs.progress import Progress
from tests.support.cloud.fake import SUMMARY

OUT = Path("out/fruits")
DONE = Progress(
    "SUCCEEDED",
    (),
    "",
    RunState(cluster="j-1"),
    "TERMINATED",
    (),
    timedelta(seconds=125),
    cost=Cost(0.06, 0.04, "2026-11", "eu-west-1"),
)


def rows(progress: Progress = DONE, **changes: object) -> dict[str, str]:
    return dict(summary_rows(SUMMARY | changes, progress, OUT))


def test_what_came_out() -> None:
    assert rows() == {
        "Images": "1,920",
        "Classes": "24",
        "Ignored": "14 (5 .heic, 2 macOS folder settings and 7 others; see out/fruits/ignored)",
        "Rejected": "3 (2 in unzip, 1 in featurize; see out/fruits/rejected)",
        "Features": "1,919 by MobileNetV2, imagenet weights, onnxruntime",
        "Components": "57, which explain 90.1% of the variance",
        "Time": "2:05",
        "Actual on AWS": "$0.04 for the cluster, at prices of 2026-11 in eu-west-1",
        "Estimate on AWS": "$0.06 for the whole run, at prices of 2026-11 in eu-west-1",
        "Report": "out/fruits/report.html",
    }


def test_what_was_not_taken_as_it_is_and_what_is_missing_are_told() -> None:
    told = summary_rows(
        SUMMARY
        | {
            "counts": SUMMARY["counts"] | {"reduced": 12, "incomplete": 0},
            "parameters": SUMMARY["parameters"] | {"shortfall": "50 were asked for, but 3 images differ."},
        },
        DONE,
        OUT,
    )
    assert [text for title, text in told if not title] == [
        "12 decoded at a fraction of their size, since they are very large",
        "50 were asked for, but 3 images differ.",
    ]


def test_names_that_were_guessed_are_told_with_the_option_that_names_them() -> None:
    assert rows(archive={"guessed_names": 0}).keys() == rows().keys()
    told = rows(archive={"guessed_names": 1_800})["Names"]
    assert told == "1,800 are not UTF-8, and were read as cp437; --encoding names another"


def test_what_the_user_did_not_want_is_told() -> None:
    assert "Skipped" not in rows()
    told = rows(counts=SUMMARY["counts"] | {"skipped": 1_800})["Skipped"]
    assert told == "1,800, which --limit or --only-label left out"


def test_pictures_that_are_there_more_than_once_are_told() -> None:
    assert "Copies" not in rows(duplicates={"copies": 0})
    found = {"copies": 1_202, "contents": 1, "between_splits": 1_200, "test_in_training": 1, "between_labels": 2}
    told = [line for _, line in summary_rows(SUMMARY | {"duplicates": found}, DONE, OUT)]
    assert told[2:6] == [
        "1,202 images are copies of each other, with one content",
        "1,200 of them have a copy in another split",
        "2 of them have a copy under another label",
        "1 Test image is in Training too, so figures of Test are too good",
    ]
    assert rows(duplicates=found)["Copies"] == told[2]


def test_the_runs_whose_files_it_uses_are_named() -> None:
    saved = {"origin": {"images": "first-1", "features": "second-1"}, "saved": {"minutes": 14.0, "usd": 0.25}}
    rows = summary_rows(SUMMARY | saved, DONE, OUT)
    assert rows[:2] == [("Uses", "the images of first-1"), ("", "the features of second-1")]
    assert rows[2] == ("", "saves about 14 minutes and $0.25, by the estimates")


def test_what_known_pictures_say_of_new_ones_is_told() -> None:
    said = {"pictures": 2_400, "of_known_labels": 2_300, "right": 2_277, "unlike_any": 1, "copies": 40, "known": 7_500}
    changes = {"origin": {"components": "old-0123456789ab"}, "predictions": said}
    told = [line for _, line in summary_rows(SUMMARY | changes, DONE, OUT)]
    assert told[5:11] == [
        "57, which explain 90.1% of the variance of old-0123456789ab",
        "placed among 7,500 known images",
        "2,277 of 2,300 are recognised (99.0%)",
        "40 are copies of known images",
        "100 are of no known class",
        "1 looks like nothing known",
    ]
    said |= {"of_known_labels": 0, "right": 0, "unlike_any": 0, "copies": 1}
    assert [line for _, line in summary_rows(SUMMARY | changes, DONE, OUT)][7:10] == [
        "1 is a copy of known images",
        "2,400 are of no known class",
        "0 look like nothing known",
    ]


def test_nothing_ignored_needs_no_reasons() -> None:
    assert rows(counts=SUMMARY["counts"] | {"ignored": 0}, ignored={})["Ignored"] == "0"


def test_nothing_rejected_needs_no_reasons() -> None:
    counts = SUMMARY["counts"] | {"rejected_in_unzip": 0, "rejected_in_featurize": 0}
    assert rows(counts=counts)["Rejected"] == "0"
