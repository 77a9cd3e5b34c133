"""Pictures and those nearest to them, and the pictures of a confusion: by pointer, finger and keyboard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from orchard.components.neighbours import Confusion, LabelAccuracy, NeighbourAccuracy
from orchard.report.data import Copied, LabelCount, Likeness, Picture, Point, ReportData
from tests.support.opened_report import PHONE, Opened, Opener, in_a_browser, report

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = in_a_browser

FOCUSED = "document.activeElement.id || document.activeElement.className"


def data() -> ReportData:
    """A report whose confusions have a picture that is not on the map."""
    found = report(24)
    first = next(point for point in found.points if point.split == "Training")
    beside = replace(first, path="beside the map.jpg", components=(9.0, *first.components[1:]))
    pairs = {one: (*some[:-1], (some[-1][0], beside.path)) for one, some in found.confused.items()}
    return replace(found, more=(*found.more, beside), confused=pairs)


def distances(data: ReportData, path: str) -> dict[str, float]:
    """How far away all others are, the nearest first."""
    pool = {point.path: np.array(point.components) for point in (*data.points, *data.more)}
    away = {other: float(np.linalg.norm(values - pool[path])) for other, values in pool.items() if other != path}
    return dict(sorted(away.items(), key=lambda one: one[1]))


def listed(page: Page) -> list[tuple[str, str]]:
    """What the dialog lists: path, and the line below the label."""
    found: list[list[str]] = page.locator("#looks-list .look").evaluate_all(
        "all => all.map(one => [one.title, one.querySelector('small').innerText])"
    )
    return [(path, line) for path, line in found]


def check_nearest(page: Page, data: ReportData, path: str) -> None:
    split = {point.path: point.split for point in (*data.points, *data.more)}
    found, away = listed(page), distances(data, path)
    assert len({other for other, _ in found}) == 20
    # two that are as far away but for a tenth of a per cent may change places
    assert [away[other] for other, _ in found] == pytest.approx(list(away.values())[:20], rel=1e-3)
    for other, line in found:
        where, distance = line.split(" · ")
        assert where == split[other]
        assert float(distance) == pytest.approx(away[other], rel=6e-3)


def is_open(opened: Opened) -> bool:
    found: bool = opened.page.evaluate("document.getElementById('looks').open")
    return found


@pytest.mark.parametrize("way", ["row", "Enter", "Space"])
def test_a_confusion_shows_its_pictures_each_beside_the_nearest(open_report: Opener, way: str) -> None:
    shown = data()
    opened = open_report(shown)
    page = opened.page
    assert shown.accuracy
    one = shown.accuracy.confusions[1]
    button = page.locator("[data-confusion]").nth(1)
    assert button.inner_text() == one.label
    if way == "row":
        page.locator(".confusions tbody tr").nth(1).locator("td").last.click()
    else:
        button.focus()
        page.keyboard.press(way)
    pairs = shown.confused[one.label, one.predicted]
    assert page.locator("#looks-title").inner_text() == f"{one.label} taken for {one.predicted}"
    assert [path for path, _ in listed(page)] == [path for pair in pairs for path in pair]
    assert {line for _, line in listed(page)} == {"Test", "Training"}
    left = one.count - len(pairs)
    note = page.locator("#looks-note").inner_text()
    number = "1 Test image," if one.count == 1 else f"{one.count} Test images, each"
    assert note.startswith(f"{number} beside the Training image nearest to it.")
    assert (f"{len(pairs)} are shown; {left} are not in this page." in note) is (left > 0)
    assert page.evaluate(FOCUSED) == "looks-title", "which is read out"
    page.keyboard.press("Escape")
    assert not is_open(opened)
    assert page.evaluate("document.activeElement.dataset.confusion") == "1", "one is where one was"
    assert opened.complaints == []


def test_how_many_pictures_of_a_confusion_are_not_in_the_page(open_report: Opener) -> None:
    points = tuple(Point(f"{n}.jpg", "Test" if n else "Training", "fig", (float(n), 1.0), b"") for n in range(4))
    accuracy = NeighbourAccuracy(0, 1_301, (LabelAccuracy("fig", 0, 1_301),), (Confusion("fig", "kiwi", 1_301),))
    pairs = (("1.jpg", "0.jpg"), ("2.jpg", "0.jpg"))
    shown = replace(report(24), points=points, accuracy=accuracy, confused={("fig", "kiwi"): pairs}, more=())
    page = open_report(shown).page
    page.locator("[data-confusion]").click()
    note = "1,301 Test images, each beside the Training image nearest to it. 2 are shown; 1,299 are not in this page."
    assert page.locator("#looks-note").inner_text() == note


def test_a_picture_leads_to_the_twenty_nearest_and_these_to_theirs_and_back(open_report: Opener) -> None:
    shown = data()
    opened = open_report(shown)
    page = opened.page
    picture = shown.likenesses[3].nearest[1]
    page.locator("#alike .likenesses > li").nth(3).locator(".look").nth(2).click()
    assert page.locator("#looks-title").inner_text() == f"Nearest to {picture.label}"
    assert page.locator("#looks-path").inner_text() == picture.path
    assert page.locator("#looks-split").inner_text() == picture.split
    total = len(shown.points) + len(shown.more)
    assert f"of the {total:,} in this page, and how far away each is on the first 10 of 54 components" in (
        page.locator("#looks-note").inner_text()
    )
    check_nearest(page, shown, picture.path)
    others = page.locator("#looks-list .other").evaluate_all("all => all.map(one => one.title)")
    labels = {point.path: point.label for point in (*shown.points, *shown.more)}
    assert others == [path for path, _ in listed(page) if labels[path] != picture.label]
    assert page.locator("#looks-back").is_hidden()
    second = listed(page)[4][0]
    page.locator("#looks-list .look").nth(4).click()
    assert page.locator("#looks-path").inner_text() == second
    check_nearest(page, shown, second)
    page.locator("#looks-back").click()
    check_nearest(page, shown, picture.path)
    assert page.locator("#looks-back").is_hidden()
    page.locator("#looks-close").click()
    assert not is_open(opened)
    assert page.evaluate("document.activeElement.title || document.activeElement.firstChild.title") == picture.path
    assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [page.url]
    assert opened.complaints == []


def test_pictures_beside_the_map_are_found_and_lead_on(open_report: Opener) -> None:
    shown = data()
    page = open_report(shown).page
    page.locator("[data-confusion]").first.click()
    page.locator('#looks-list .look[title="beside the map.jpg"]').click()
    assert page.locator("#looks-path").inner_text() == "beside the map.jpg"
    check_nearest(page, shown, "beside the map.jpg")


def test_a_click_on_a_dot_shows_what_is_near_to_it_and_escape_leads_back_to_the_map(open_report: Opener) -> None:
    shown = data()
    opened = open_report(shown)
    dot = opened.outermost()
    opened.page.mouse.click(dot["x"], dot["y"])
    opened.page.locator("#looks-list .look").first.wait_for()
    path = shown.points[dot["point"]].path
    assert opened.page.locator("#looks-path").inner_text() == path
    check_nearest(opened.page, shown, path)
    opened.page.keyboard.press("Escape")
    assert not is_open(opened)
    assert opened.page.evaluate(FOCUSED) == "scatter-frame"


def test_enter_shows_what_is_near_to_the_dot_that_the_arrows_have_led_to(open_report: Opener) -> None:
    shown = data()
    opened = open_report(shown)
    opened.page.locator("#scatter-frame").focus()
    opened.page.keyboard.press("Enter")
    assert not is_open(opened), "no dot is chosen yet"
    opened.page.keyboard.press("ArrowLeft")
    path = opened.page.locator("#card-path").inner_text()
    opened.page.keyboard.press("Enter")
    check_nearest(opened.page, shown, path)
    opened.page.keyboard.press("Escape")
    opened.page.keyboard.press("ArrowLeft")
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate(FOCUSED) == "card-nearest"
    path = opened.page.locator("#card-path").inner_text()
    opened.page.keyboard.press("Enter")
    check_nearest(opened.page, shown, path)


def test_on_touch_the_card_of_a_dot_has_a_button(open_report: Opener) -> None:
    shown = data()
    opened = open_report(shown, **PHONE)
    dot = opened.outermost()
    opened.page.touchscreen.tap(dot["x"], dot["y"])
    opened.page.locator("#card-nearest").tap()
    check_nearest(opened.page, shown, shown.points[dot["point"]].path)
    last = listed(opened.page)[-1][0]
    opened.page.locator("#looks-list .look").last.tap()
    check_nearest(opened.page, shown, last)
    opened.page.touchscreen.tap(2, 370)  # beside the dialog
    assert not is_open(opened)


def test_of_the_pictures_that_look_alike_one_is_a_stop_and_the_arrow_keys_move_among_them(open_report: Opener) -> None:
    page = open_report(data()).page
    for group in ("#alike .likenesses", "#copies table"):
        assert page.locator(f'{group} .look[tabindex="0"]').count() == 1
        page.locator(f'{group} .look[tabindex="0"]').focus()
        titles = page.locator(f"{group} .look").evaluate_all("all => all.map(one => one.firstChild.title)")
        at = 0
        for key, to in (("ArrowRight", 1), ("ArrowDown", 2), ("ArrowLeft", 1), ("End", -1), ("ArrowRight", -1)):
            page.keyboard.press(key)
            at = to % len(titles)
            assert page.evaluate("document.activeElement.firstChild.title") == titles[at], key
        assert page.locator(f'{group} .look[tabindex="0"]').count() == 1
        page.keyboard.press("Home")
        page.keyboard.press("Enter")
        assert page.locator("#looks-path").inner_text() == titles[0]
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.firstChild.title") == titles[0]


def test_of_the_confusions_one_is_a_stop_too(open_report: Opener) -> None:
    page = open_report(data()).page
    page.locator('[data-confusion][tabindex="0"]').focus()
    for key, to in (("ArrowDown", "1"), ("ArrowDown", "2"), ("ArrowUp", "1"), ("End", "2"), ("Home", "0")):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.dataset.confusion") == to
    assert page.locator('[data-confusion][tabindex="0"]').count() == 1


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_the_dialog_fits(open_report: Opener, width: int) -> None:
    opened = open_report(data(), **PHONE | {"viewport": {"width": width, "height": 740}})
    opened.page.locator("[data-confusion]").first.tap()
    for _ in range(2):
        box = opened.page.locator("#looks").bounding_box()
        assert box
        assert (box["x"] >= 0, box["x"] + box["width"] <= width, box["height"] <= 740) == (True, True, True)
        assert opened.page.evaluate("(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(looks)") <= 0
        opened.page.locator("#looks-list .look").first.tap()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dialog_passes_the_rules_of_axe(open_report: Opener, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    opened = open_report(data(), color_scheme=scheme)
    opened.page.locator("[data-confusion]").first.click()
    for _ in range(2):
        found = Axe().run(opened.page)
        assert found.violations_count == 0, found.generate_report()
        opened.page.locator("#looks-list .look").first.click()


TURNING = "evil \u202egnp.kiwi<b>"

NOT_ALONE = """(name) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let text; (text = texts.nextNode()); ) {
        if (!text.data.includes("\\u202e") || ["SCRIPT", "OPTION"].includes(text.parentNode.tagName)) continue;
        let around = text.parentNode;
        const own = () => getComputedStyle(around).unicodeBidi.startsWith("isolate");
        while (!own() && getComputedStyle(around).display === "inline") around = around.parentNode;
        found.push(around.textContent);
    }
    return found;
}"""


def test_a_name_that_turns_the_direction_of_writing_turns_nothing_beside_it(open_report: Opener) -> None:
    """Whatever has such a name in it is an isolate, or a block, and has nothing else in it."""
    points = tuple(Point(f"{TURNING}/{n}.jpg", "Test", TURNING, (float(n), 1.0), b"") for n in range(3))
    picture = Picture(points[0].path, "Test", TURNING, b"")
    shown = replace(
        report(24),
        summary={"archive": {"uri": TURNING}, "duplicates": {"copies": 2, "contents": 1}},
        counts=(LabelCount("Test", TURNING, 3),),
        points=points,
        more=(),
        accuracy=NeighbourAccuracy(0, 1, (LabelAccuracy(TURNING, 0, 1),), (Confusion(TURNING, TURNING, 1),)),
        confused={(TURNING, TURNING): ((points[0].path, points[1].path),)},
        likenesses=(Likeness(picture, (picture,)),),
        copied=(Copied(2, (LabelCount("Test", TURNING, 2),), (picture,)),),
    )
    opened = open_report(shown)
    page = opened.page
    page.locator("#scatter-frame").focus()
    page.keyboard.press("ArrowRight")
    paths = [point.path for point in points]
    allowed = {TURNING, *paths, *(f"{TURNING}, Test, {path}" for path in paths)}  # the last is for ears alone
    assert set(page.evaluate(NOT_ALONE)) <= allowed
    page.locator("[data-confusion]").click()
    assert set(page.evaluate(NOT_ALONE)) <= allowed
    page.locator("#looks-list .look").first.click()
    found = page.evaluate(NOT_ALONE)
    assert set(found) <= allowed
    assert len(found) > 12
    assert page.locator("#legend li").first.get_attribute("title") == f"\u2068{TURNING}\u2069: 3 pictures, 3 shown"
    assert opened.complaints == []
