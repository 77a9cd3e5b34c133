"""What the page is given: sorted, counted, rounded."""

import math
from dataclasses import replace
from typing import Any

import pytest

from orchard.components.neighbours import Confusion, LabelAccuracy, NeighbourAccuracy
from orchard.pipeline.duplicates import Duplicates
from orchard.report.data import FIRST_REJECTIONS, LabelCount, Point, ReasonCount, Rejection, Rejections, ReportData
from orchard.report.view import WORST_CONFUSIONS, reading_order, view_of

NOTHING = ReportData({}, [], 0, (), Rejections.of([]), (), None)

COUNTS = (
    LabelCount("Test", "Apple 10", 4),
    LabelCount("Training", "Apple 10", 8),
    LabelCount("", "Apple 9", 1),
    LabelCount("Validation", "fig", 2),
)


def test_an_empty_report_has_a_view() -> None:
    view = view_of(NOTHING)
    assert (view.title, view.images, view.rows, view.splits, view.largest) == ("Orchard run", 0, (), (), 1)


def test_the_title_is_the_archives_file_name_else_the_run() -> None:
    assert (
        view_of(replace(NOTHING, summary={"archive": {"uri": "s3://b/a/my fruits.zip"}, "run_id": "r"})).title
        == "my fruits.zip"
    )
    assert view_of(replace(NOTHING, summary={"run_id": "fruits-1"})).title == "fruits-1"


def test_labels_are_in_reading_order_and_splits_in_the_order_of_their_use() -> None:
    view = view_of(replace(NOTHING, counts=COUNTS))
    assert view.splits == ("Training", "Validation", "Test", "")
    assert [(row.label, row.counts) for row in view.rows] == [
        ("Apple 9", (0, 0, 0, 1)),
        ("Apple 10", (8, 0, 4, 0)),
        ("fig", (0, 2, 0, 0)),
    ]
    assert (view.images, view.largest) == (15, 12)


def test_reading_order_minds_numbers_and_not_capitals() -> None:
    names = ["b", "A 10", "a 2", "A 2", "10", "", "2"]
    assert sorted(names, key=reading_order) == ["", "2", "10", "A 2", "a 2", "A 10", "b"]


def test_points_refer_to_labels_and_splits_by_position_and_are_rounded_for_the_screen() -> None:
    points = (
        Point("x/fig/1.jpg", "Test", "fig", (1.234567, -0.000123456), b"WEBP"),
        Point("x/quince/1.jpg", "Test", "quince", (math.nan, 12345.6), b""),
    )
    payload = view_of(replace(NOTHING, counts=COUNTS, points=points)).payload
    assert payload["labels"] == ["Apple 9", "Apple 10", "fig", "quince"]
    assert payload["counts"] == [1, 12, 2, 0]
    assert payload["points"] == {
        "path": ["x/fig/1.jpg", "x/quince/1.jpg"],
        "label": [2, 3],
        "split": [2, 2],
        "values": [[1.235, None], [-0.0001235, 12350.0]],
        "picture": ["V0VCUA==", ""],
    }


def test_the_cut_is_at_the_kept_components() -> None:
    view = view_of(replace(NOTHING, spectrum=[0.5, 0.3, 0.2], kept=2, summary={"parameters": {"variance": 0.75}}))
    assert view.cumulative == 0.8
    assert (view.payload["kept"], view.payload["target"], view.payload["spectrum"]) == (2, 0.75, [0.5, 0.3, 0.2])


def test_only_the_worst_confusions_are_listed_each_as_a_share_of_its_class() -> None:
    accuracy = NeighbourAccuracy(
        10,
        80,
        (LabelAccuracy("fig", 10, 50), LabelAccuracy("quince", 0, 30)),
        tuple(Confusion("fig", f"other {n}", 20 - n) for n in range(WORST_CONFUSIONS + 3)),
    )
    points = tuple(Point(f"x/{n}.jpg", "Test", "fig", (1.0,), b"") for n in range(3))
    confused = {("fig", "other 0"): (("x/1.jpg", "x/9.jpg"), ("x/2.jpg", "x/0.jpg"))}
    more = (Point("x/9.jpg", "Training", "other 0", (2.0,), b"WEBP"),)
    data = replace(NOTHING, counts=COUNTS, accuracy=accuracy, points=points, more=more, confused=confused)
    view = view_of(data)
    assert len(view.confusions) == WORST_CONFUSIONS == 12
    first = view.confusions[0]
    assert (first.label_index, first.predicted_index, first.share) == (2, 3, 40.0)
    assert view.confusions[1].predicted_index == -1
    assert [row.accuracy for row in view.rows] == [None, None, accuracy.per_label[0], None]
    assert (view.rows[3].label, view.rows[3].total) == ("other 0", 0)
    assert view.pool == {"x/0.jpg": 0, "x/1.jpg": 1, "x/2.jpg": 2, "x/9.jpg": 3}
    assert view.payload["confused"][:2] == [
        {"label": "fig", "predicted": "other 0", "count": 20, "pairs": ((1, 3), (2, 0))},
        {"label": "fig", "predicted": "other 1", "count": 19, "pairs": ()},
    ]
    assert view.payload["more"] == {"path": ["x/9.jpg"], "label": [3], "split": [0], "picture": ["V0VCUA=="]}


def test_what_is_there_more_than_once_is_known_or_not() -> None:
    assert view_of(NOTHING).duplicates is None
    assert view_of(replace(NOTHING, summary={"duplicates": {}})).duplicates == Duplicates()
    found = view_of(replace(NOTHING, summary={"duplicates": {"copies": 4, "contents": 2}})).duplicates
    assert found == Duplicates(copies=4, contents=2)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [({"fit_split": None}, True), ({"fit_split": "Test"}, True), ({"fit_split": "Training"}, False), ({}, False)],
)
def test_components_that_have_seen_the_test_images_are_known_as_such(parameters: dict[str, Any], told: bool) -> None:
    view = view_of(replace(NOTHING, summary={"parameters": parameters}))
    assert view.fitted_on_test is told


def test_rejections_are_counted_by_reason_and_the_first_are_kept() -> None:
    rows = [Rejection(f"a/{n:04}.jpg", "unzip", "bad CRC") for n in range(FIRST_REJECTIONS + 5)] + [
        Rejection("a", "featurize", "not an image")
    ]
    found = Rejections.of(reversed(rows))
    assert found.total == FIRST_REJECTIONS + 6
    assert found.reasons == (
        ReasonCount("unzip", "bad CRC", FIRST_REJECTIONS + 5),
        ReasonCount("featurize", "not an image", 1),
    )
    assert [row.path for row in found.first[:2]] == ["a", "a/0000.jpg"]
    assert len(found.first) == FIRST_REJECTIONS
