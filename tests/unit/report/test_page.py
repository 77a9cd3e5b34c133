"""The page as text: complete, self-contained, and safe whatever the archive's names are."""

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from plotly.offline import get_plotlyjs

import orchard
from orchard.components.neighbours import Confusion, LabelAccuracy, NeighbourAccuracy
from orchard.report.data import (
    Copied,
    LabelCount,
    Likeness,
    Picture,
    Point,
    Rejection,
    Rejections,
    ReportData,
)
from orchard.report.page import render
from orchard.report.pool import MOST_COORDINATES
from orchard.report.sample import MAX_THUMBNAIL_BYTES
from orchard.report.view import MOST_REASONS
from tests.support.report_data import report_data

PACKAGE = Path(orchard.__file__).parent
NASTY = '" onerror="</script><script>alert(\'&"\')</script><!-- \u2028'
NOTHING = ReportData({}, [], 0, (), Rejections.of([]), (), None)


def test_a_sample_is_said_to_be_one() -> None:
    whole, sample = (render(replace(report_data(), compared=number)) for number in (None, 100_123))
    assert "100,123 images, Training and Test, are drawn from all by a hash of their paths" in sample
    assert "are drawn from all" not in whole


class Parsed(HTMLParser):
    """Elements, attributes and texts of a page, as a browser would cut it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.elements[-1][0] if self.elements else "", data))

    def text(self) -> str:
        """What a reader sees, in single spaces."""
        return " ".join(" ".join(data for tag, data in self.texts if tag not in ("script", "style")).split())

    def payload(self) -> dict[str, Any]:
        """What the page's script reads."""
        return next(json.loads(data) for tag, data in self.texts if tag == "script" and data.startswith("{"))


@pytest.fixture(scope="module")
def page() -> str:
    return render(report_data(24, 240, banner="Random weights: these numbers mean nothing"))


def own(page: str) -> str:
    """The page without plotly.js."""
    assert page.count(get_plotlyjs()) == 1
    return page.replace(get_plotlyjs(), "")


def test_the_page_tells_the_run(page: str) -> None:
    text = Parsed(page).text()
    for words in (
        "fruits-360-10k.zip",
        "fruits-360-10k-3f9a1c0be772",
        "54 principal component",
        "imagenet",
        "MobileNetV2",
        "1 min 57 s of work",
        "$0.42",
        "3.5.6",
        "the CRC does not match unzip 12",
        "21 files of the archive have no features",
        "guessing among 24 classes would get 4.2 %",
    ):
        assert words in text, words


@pytest.mark.parametrize(("split", "told"), [(None, True), ("Training", False)])
def test_beside_the_share_of_recognised_images_stands_whether_the_components_have_seen_them(
    split: str | None, told: bool
) -> None:
    data = report_data(5, 50)
    data = replace(data, summary=data.summary | {"parameters": {"fit_split": split}})
    lede = Parsed(render(data).split('<p class="lede">')[1].split("</p>")[0]).text()
    assert "of the Test images, the most similar Training image is of the same class" in lede
    assert ("The components were fitted on the Test images too" in lede) is told
    assert ("orchard run ZIP --fit-split Training" in lede) is told


def test_the_page_refers_to_nothing_outside_itself(page: str) -> None:
    text = own(page)
    assert "http:" not in text
    assert "https:" not in text
    assert "//cdn" not in text
    for tag, attributes in Parsed(page).elements:
        for name in ("src", "href", "action", "srcset"):
            address = attributes.get(name)
            assert address is None or address.startswith(("#", "data:")), (tag, address)
    assert "@import" not in text
    assert "@font-face" not in text


def test_the_browser_is_forbidden_to_fetch(page: str) -> None:
    policies = [a["content"] for _, a in Parsed(page).elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert policies[0] is not None
    assert policies[0].startswith("default-src 'none';")
    assert not re.search(r"https?|\*|'self'", policies[0])


def test_the_banner_stays_above_everything(page: str) -> None:
    assert (
        '<aside class="banner" aria-label="Warning"><strong>Random weights: these numbers mean nothing</strong></aside>'
        in page
    )
    assert page.index('class="banner"') < page.index("<header>")
    style = (PACKAGE / "report" / "page.css").read_text(encoding="utf-8")
    assert re.search(r"\.banner \{ position: sticky; top: 0;", style)
    assert 'class="banner"' not in render(NOTHING)


def test_no_name_breaks_out_of_its_place() -> None:
    picture = Picture(NASTY, NASTY, NASTY, b"picture")
    data = replace(
        NOTHING,
        summary={
            "run_id": NASTY,
            "archive": {"uri": NASTY},
            "created": NASTY,
            "engine": NASTY,
            "duplicates": {"copies": 2, "contents": 1},
            "versions": {NASTY: NASTY},
        },
        counts=(LabelCount(NASTY, NASTY, 1),),
        points=(Point(NASTY, NASTY, NASTY, (1.0, 2.0), b""),),
        rejections=Rejections.of([Rejection(NASTY, NASTY, NASTY)]),
        spectrum=[1.0],
        kept=1,
        banner=NASTY,
        accuracy=NeighbourAccuracy(0, 1, (LabelAccuracy(NASTY, 0, 1),), (Confusion(NASTY, NASTY, 1),)),
        likenesses=(Likeness(picture, (picture, replace(picture, thumbnail=b""))),),
        more=(Point(NASTY + "2", NASTY, NASTY, (1.0, 2.0), b""),),
        confused={(NASTY, NASTY): ((NASTY, NASTY + "2"),)},
        copied=(Copied(2, (LabelCount(NASTY, NASTY, 2),), (picture, replace(picture, thumbnail=b""))),),
        rejected_pictures={NASTY: b"picture"},
    )
    page = render(data)
    parsed = Parsed(page)
    assert sum(tag == "script" for tag, _ in parsed.elements) == 3
    assert "<script>alert" not in own(page)
    assert "<!--" not in own(page)
    assert parsed.payload()["labels"] == [NASTY]
    assert parsed.payload()["points"]["path"] == [NASTY]
    titles = [attributes["title"] for _, attributes in parsed.elements if "title" in attributes]
    assert titles == [NASTY] * 5, "and of no title is a part an attribute of its own"


def test_a_report_about_next_to_nothing_is_still_a_page() -> None:
    parsed = Parsed(render(NOTHING))
    assert "Nothing: every image of the archive has its features." in parsed.text()
    ids = {attributes.get("id") for _, attributes in parsed.elements}
    assert ids.isdisjoint({"map", "neighbours", "classes"})
    assert {"variance", "rejected", "run"} <= ids


def test_every_link_and_label_leads_somewhere(page: str) -> None:
    elements = Parsed(page).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in elements:
        for reference in (
            (attributes.get("href") or "#map").removeprefix("#"),
            attributes.get("aria-labelledby") or "map",
        ):
            assert reference in ids or reference.startswith("data:")


def test_many_reasons_are_summed_up() -> None:
    rejections = Rejections.of(Rejection(f"{n}.jpg", "featurize", f"reason {n}") for n in range(MOST_REASONS + 7))
    assert "and 7 other reasons" in Parsed(render(replace(NOTHING, rejections=rejections))).text()


def test_one_of_each_is_told_in_the_singular() -> None:
    data = replace(
        NOTHING,
        counts=(LabelCount("", "fig", 1),),
        spectrum=[1.0],
        kept=1,
        rejections=Rejections.of([Rejection("a", "unzip", "b")]),
    )
    text = Parsed(render(data)).text()
    assert "1 image of 1 class became 1 principal component, which keeps 100 % of the variance" in text
    assert "1 file of the archive has no features" in text


@pytest.mark.slow
def test_the_page_stays_small_at_155_000_images_of_500_classes() -> None:
    # The drawn fruits' thumbnails are as large as those of real ones; noise is bounded in test_sample.py.
    data = report_data(500, 155_000, components=MOST_COORDINATES + 100)
    assert (len(data.points), len(data.more), len(data.copied)) == (2000, 336, 12)
    assert all(point.thumbnail for point in data.points)
    size = len(render(data).encode())
    worst = size + sum(4 * (MAX_THUMBNAIL_BYTES - len(point.thumbnail)) // 3 for point in (*data.points, *data.more))
    assert size < 8_000_000
    assert worst < 9_200_000


def test_the_page_is_made_from_a_zipped_package_too(tmp_path: Path) -> None:
    # As `spark-submit --py-files orchard.zip` imports it.
    with zipfile.ZipFile(tmp_path / "orchard.zip", "w") as archive:
        for path in PACKAGE.rglob("*"):
            if path.suffix in {".py", ".j2", ".js", ".css"}:
                archive.write(path, path.relative_to(PACKAGE.parent))
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from orchard.report import page; from orchard.report.data import *;"
        "assert 'orchard.zip' in page.__file__;"
        "print(len(page.render(ReportData({}, [], 0, (), Rejections.of([]), (), None))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "orchard.zip")],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert int(done.stdout) > 4_000_000


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "paper", "least"),
    [
        *[(ink, paper, 4.5) for ink in ("ink", "muted", "accent") for paper in ("paper", "raised")],
        ("banner-ink", "banner", 4.5),
        ("s0", "paper", 3.0),
    ],
)
def test_text_is_readable(theme: int, ink: str, paper: str, least: float) -> None:
    blocks = re.findall(r":root \{(.*?)\}", (PACKAGE / "report" / "page.css").read_text(encoding="utf-8"), re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", blocks[theme]))
    one, other = sorted((luminance(colours[ink]), luminance(colours[paper])))
    assert (other + 0.05) / (one + 0.05) >= least


def test_a_neighbour_of_another_class_is_marked_for_eye_and_ear() -> None:
    kiwi, fig = Picture("a/Kiwi/1.jpg", "Test", "Kiwi", b"k"), Picture("a/Fig/2.jpg", "Training", "Fig", b"")
    html = render(replace(NOTHING, likenesses=(Likeness(kiwi, (replace(kiwi, path="a/Kiwi/3.jpg"), fig)),)))
    same, other = html.split("<ol>")[1].split("<li>")[1:3]
    assert 'alt="Kiwi"' in same
    assert 'class="other"' not in same
    assert '<span class="blank other" title="a/Fig/2.jpg">Fig</span>' in other


def test_what_can_be_seen_of_a_rejected_file_is_shown_beside_it() -> None:
    rejections = Rejections.of([Rejection(f"a/{name}.jpg", "featurize", "truncated") for name in ("half", "none")])
    html = render(replace(NOTHING, rejections=rejections, rejected_pictures={"a/half.jpg": b"picture"}))
    half, none = (
        next(line for line in html.splitlines() if f"a/{name}.jpg</bdi>" in line) for name in ("half", "none")
    )
    assert "data:image/webp;base64," in half
    assert "<img" not in none
