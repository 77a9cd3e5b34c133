"""A report on images among those of an earlier run: what the known ones say, and how sure they are."""

import re
from dataclasses import replace
from math import inf

import pytest

from orchard.components.neighbours import NeighbourAccuracy
from orchard.report.data import Predictions, ReportData
from orchard.report.page import render
from tests.support.report_data import among_known, report_data
from tests.support.report_markup import payload, rows, section, text

DATA = among_known(report_data())
assert DATA.predictions is not None
SAID: Predictions = DATA.predictions
assert SAID.accuracy is not None
ACCURACY: NeighbourAccuracy = SAID.accuracy


@pytest.fixture(scope="module")
def page() -> str:
    return render(DATA)


def changed(**changes: object) -> str:
    return render(replace(DATA, predictions=replace(SAID, **changes)))


def test_it_says_among_which_images_these_are_and_how_many_are_recognised(page: str) -> None:
    head = text(page.split("<header>")[1].split("</header>")[0])
    assert f"They were placed among {SAID.known:,} known images of the run earlier-0123456789ab" in head
    said = text(section(page, "predictions"))
    assert f"The 3 nearest of {SAID.known:,} known images vote" in said
    assert f"{ACCURACY.correct:,} of {ACCURACY.total:,} images are recognised" in said
    assert "1 of the" in said
    assert "looks like nothing known: the nearest known image is farther away than 8." in said
    assert 'id="neighbours"' not in page
    assert "--fit-split" not in page


def test_confusions_and_classes_are_those_of_the_prediction(page: str) -> None:
    worst = ACCURACY.confusions[0]
    assert rows(section(page, "predictions"))[0][:3] == [worst.label, worst.predicted, str(worst.count)]
    right = {one.label: one.accuracy for one in ACCURACY.per_label}
    assert {row[0] for row in rows(section(page, "classes"))} == right.keys()
    assert "images that are predicted to be of it" in section(page, "classes")


def test_each_image_has_its_prediction_how_sure_it_is_its_distance_and_the_nearest_known_one(page: str) -> None:
    table = section(page, "predictions").split('<table class="predictions">')[1]
    unlike, like = rows(table)[:2]
    first, second = SAID.shown[:2]
    assert unlike == [
        f"{first.picture.label} {first.picture.path}",
        f"{first.label} another class",
        "2 of 5",
        "9.5 like nothing known",
        first.nearest.label,
    ]
    assert like == [f"{second.picture.label} {second.picture.path}", second.label, "5 of 5", "1.25", second.label]
    assert len(rows(table)) == len(SAID.shown) == table.count("<tr") - 1
    assert table.count('class="unlike"') == 1
    assert f"{len(SAID.shown)} of the {SAID.total:,} images: the farthest" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"voters": 1}, "to be of the class of the nearest of"),
        ({"unlike": 0}, "No image looks like nothing known: no nearest known image is farther away than 8."),
        ({"unlike": 0, "limit": inf}, "No image looks like nothing known."),
        ({"accuracy": None}, "None of the images is in a folder of a known class"),
        ({"total": len(SAID.shown)}, "Image by image"),
        ({"drawn": 100_000}, "Nearest known, of 100,000 drawn"),
        ({"total": ACCURACY.total + 1_000}, "the classes of the other 1,000 are not among the known"),
    ],
)
def test_it_says_what_is_so(changes: dict[str, object], words: str) -> None:
    assert words in text(section(changed(**changes), "predictions"))


@pytest.mark.parametrize(("copies", "words"), [(1, "1 of the images is a copy"), (300, "300 of the images are copies")])
def test_copies_of_known_images_are_told_beside_how_many_are_recognised(copies: int, words: str) -> None:
    head = text(changed(copies=copies).split("</header>")[0])
    assert f"are recognised. {words} of known ones, about which being right says little." in head
    assert "of known ones" not in text(changed().split("</header>")[0])


def test_the_map_has_known_pictures_after_all_splits(page: str) -> None:
    told = payload(page)
    assert told["splits"] == ["Test", "known"]
    assert told["known"] == 1
    assert told["points"]["split"] == [int(point.known) for point in DATA.points]
    new = sum(not point.known for point in DATA.points)
    assert f"around them are the {SAID.known:,} known ones" in text(section(page, "map"))
    sample = changed(known=SAID.known + 1_000)
    assert f"{len(DATA.points) - new:,} of the {SAID.known + 1_000:,} known ones" in text(section(sample, "map"))
    label = told["labels"].index(DATA.points[0].label)
    assert told["counts"][label] == SAID.labels[DATA.points[0].label] + sum(
        one.count for one in DATA.counts if one.label == DATA.points[0].label
    )


def test_a_class_of_known_images_alone_is_in_the_legend_and_not_among_this_runs_classes() -> None:
    gone = DATA.points[0].label
    data: ReportData = replace(DATA, counts=tuple(one for one in DATA.counts if one.label != gone),
                               points=tuple(one for one in DATA.points if one.known or one.label != gone))  # fmt: skip
    page = render(data)
    assert gone in payload(page)["labels"]
    assert gone not in {row[0] for row in rows(section(page, "classes"))}


def test_any_other_report_says_nothing_of_it() -> None:
    page = render(report_data())
    assert payload(page)["known"] is None
    assert not re.search(r'id="predictions"|#predictions|known', page.split("<main>")[1].split("<script")[0])
