"""Every number on the page is that of the run, on data in which no two of them are alike."""

import re
from dataclasses import replace

import pytest

from orchard.components.neighbours import Confusion, LabelAccuracy, NeighbourAccuracy
from orchard.report.data import Copied, LabelCount, Likeness, Picture, Point, Rejection, Rejections, ReportData
from orchard.report.page import render
from tests.support.report_markup import per_cent, rows, section, text

COUNTS = {("Training", "apple"): 1040, ("Test", "apple"): 210, ("Training", "fig"): 430, ("Test", "fig"): 107}
COUNTS |= {("Training", "kiwi"): 323, ("Test", "kiwi"): 56}
ACCURACY = NeighbourAccuracy(
    correct=313,
    total=373,
    per_label=(LabelAccuracy("apple", 199, 210), LabelAccuracy("fig", 85, 107), LabelAccuracy("kiwi", 29, 56)),
    confusions=(Confusion("kiwi", "fig", 27), Confusion("fig", "apple", 22), Confusion("apple", "kiwi", 11)),
)
SPECTRUM = [0.41, 0.22, 0.13, 0.08, 0.06, 0.05, 0.03, 0.02, 0.0]
DUPLICATES = {"copies": 1202, "contents": 14, "between_splits": 1100, "between_labels": 31, "test_in_training": 217}
COPIED = (
    Copied(
        1050,
        (LabelCount("Training", "kiwi", 1049), LabelCount("Test", "fig", 1)),
        (Picture("x/kiwi/9.jpg", "Training", "kiwi", b"nine"), Picture("fig/3.jpg", "Test", "fig", b"same")),
    ),
    Copied(2, (LabelCount("", "", 2),), (Picture("8.jpg", "", "", b""),)),
)
DATA = ReportData(
    summary={
        "duplicates": DUPLICATES,
        "stages": {"unzip": {"seconds": 12}, "featurize": {"seconds": 48}, "pca": {"seconds": 20}},
    },
    spectrum=SPECTRUM,
    kept=3,
    counts=tuple(LabelCount(split, label, count) for (split, label), count in COUNTS.items()),
    rejections=Rejections.of(
        [Rejection(f"a/{n}.jpg", "unzip", "bad CRC") for n in range(14)]
        + [Rejection(f"b/{n}.jpg", "featurize", "not an image") for n in range(5)]
    ),
    points=tuple(Point(f"fig/{n}.jpg", "Test", "fig", (float(n), 1.0), b"") for n in range(9)),
    accuracy=ACCURACY,
    copied=COPIED,
    likenesses=(
        Likeness(
            Picture("x/fig/1.jpg", "Test", "fig", b"one"),
            (Picture("x/fig/2.jpg", "Test", "fig", b"two"), Picture("x/kiwi/3.jpg", "Training", "kiwi", b"three")),
        ),
    ),
)


@pytest.fixture(scope="module")
def page() -> str:
    return render(DATA)


def test_the_opening(page: str) -> None:
    opening = text(page.split('<p class="lede">')[1].split("</p>")[0])
    assert opening.startswith(
        "2,166 images of 3 classes became 3 principal components, which keep 76 % of the variance."
    )
    assert f"For {per_cent(313 / 373)} of the Test images" in opening


def test_the_classes_and_how_often_each_is_recognised(page: str) -> None:
    assert rows(section(page, "classes")) == [
        [label, f"{COUNTS['Training', label]:,}", f"{COUNTS['Test', label]:,}", per_cent(entry.accuracy)]
        for label, entry in zip(("apple", "fig", "kiwi"), ACCURACY.per_label, strict=True)
    ]


def test_what_the_table_of_classes_is_sorted_by(page: str) -> None:
    keys = re.findall(r'<t[hd][^>]*data-sort="([^"]+)"', section(page, "classes"))
    expected = [
        (n, COUNTS["Training", entry.label], COUNTS["Test", entry.label], entry.accuracy)
        for n, entry in enumerate(ACCURACY.per_label)
    ]
    assert [float(key) for key in keys] == pytest.approx([key for row in expected for key in row])


def test_the_bars_are_as_long_as_the_counts_beside_the_largest_class(page: str) -> None:
    widths = re.findall(r'<i class="s(\d)" style="width:([\d.]+)%">', section(page, "classes"))
    expected = [
        (str(n), f"{100 * COUNTS[split, label] / 1250:.2f}")
        for label in ("apple", "fig", "kiwi")
        for n, split in enumerate(("Training", "Test"))
    ]
    assert widths == expected


def test_the_confusions_name_the_true_class_first_with_its_share(page: str) -> None:
    markup = section(page, "neighbours")
    assert rows(markup) == [
        ["kiwi", "fig", "27", per_cent(27 / 56)],
        ["fig", "apple", "22", per_cent(22 / 107)],
        ["apple", "kiwi", "11", per_cent(11 / 210)],
    ]
    assert re.findall(r'data-label="(\d)"', markup) == ["2", "1", "1", "0", "0", "2"], "the pictures beside them"
    assert "313 of 373 are of the same class" in text(markup)
    assert "guessing among 3 classes would get 33.3 %" in text(markup)


def test_what_the_components_explain(page: str) -> None:
    told = text(section(page, "variance"))
    assert "The first 3 components explain 76 % of the variance of all features; the other 6 were left out." in told
    assert 'aria-label="Curve: the share of the variance that the first components explain together. 3 explain 76' in (
        section(page, "variance")
    )


def test_what_is_there_more_than_once(page: str) -> None:
    markup = section(page, "copies")
    told = text(markup)
    for sentence in (
        "1,202 images are copies of each other, with 14 different contents.",
        "1,100 of them have a copy in another split.",
        "217 Test images are in Training too, so figures of Test are too good.",
        "31 of them have a copy under another label.",
        "The worst 2 of 14 contents",
    ):
        assert sentence in told
    assert [row[1:] for row in rows(markup)] == [
        ["kiwi Training × 1,049 fig Test", "1,050"],
        ["no folder × 2", "2"],
    ]
    assert re.findall(r'title="([^"]+)"', markup) == ["x/kiwi/9.jpg", "fig/3.jpg", "8.jpg"]
    assert re.findall(r'data-point="(\d+)"', markup) == ["3"], "what is on the map leads to what is near to it"


def test_that_test_images_are_in_training_too_stands_beside_the_share_that_it_spoils(page: str) -> None:
    opening = text(page.split('<p class="lede">')[1].split("</p>")[0])
    assert "of the same class. That is too good: 217 Test images are in Training too ." in opening
    assert "This is too good: 217 Test images are in Training too" in text(section(page, "neighbours"))
    clean = render(replace(DATA, summary={"duplicates": DUPLICATES | {"test_in_training": 0}}))
    assert "too good:" not in clean
    one = render(replace(DATA, summary={"duplicates": DUPLICATES | {"test_in_training": 1}}))
    assert "1 Test image is in Training too, with the same content, and is nearest to itself." in text(one)


@pytest.mark.parametrize(
    ("found", "told"), [({}, "no two images have the same content"), (None, None), (DUPLICATES, "1,202 images")]
)
def test_whether_anything_is_there_more_than_once_is_said_where_it_is_known(
    found: dict[str, int] | None, told: str | None
) -> None:
    page = render(replace(DATA, summary={"duplicates": found}))
    assert ('href="#copies">Copies' in page) is (told is not None)
    assert told is None or told in text(section(page, "copies"))


def test_what_was_rejected(page: str) -> None:
    markup = section(page, "rejected")
    assert "19 files of the archive have no features" in text(markup)
    assert rows(markup) == [["bad CRC", "unzip", "14"], ["not an image", "featurize", "5"]]
    assert len(re.findall(r'<td class="path">', markup)) == 19


def test_how_many_of_the_images_are_dots(page: str) -> None:
    assert "9 of the 2,166 images, spread evenly" in text(section(page, "map"))


def test_the_times_of_the_stages(page: str) -> None:
    markup = section(page, "run")
    assert "1 min 20 s of work" in text(markup)
    assert re.findall(r'style="width:([\d.]+)%"', markup) == ["15.0", "60.0", "25.0"]
    assert "unzip 12.0 s featurize 48.0 s pca 20.0 s" in text(markup)


def test_a_picture_and_what_is_near_to_it(page: str) -> None:
    markup = section(page, "alike")
    assert text(markup.split("<li>")[1]).startswith("fig Test")
    shown = re.findall(r'<img src="data:image/webp;base64,([^"]+)" alt="([^"]+)" title="([^"]+)"', markup)
    assert shown == [
        ("b25l", "fig", "x/fig/1.jpg"),
        ("dHdv", "fig", "x/fig/2.jpg"),
        ("dGhyZWU=", "kiwi (another class)", "x/kiwi/3.jpg"),
    ]
