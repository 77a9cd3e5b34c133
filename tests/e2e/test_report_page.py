"""The report in a real browser: offline, with pointer, finger and keyboard, on a phone, in the dark."""

from __future__ import annotations

import base64
import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchard.report.data import LabelCount, Point, Rejections, ReportData
from orchard.report.page import render
from tests.report_data import report_data
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine: apt-get install chromium"),
]

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# The place on the screen, and the index, of the outermost dot: no other lies so close that it could be meant.
OUTERMOST = """() => {
    const plot = document.getElementById("scatter");
    const dots = [...plot.querySelectorAll(".trace")].at(-1).querySelectorAll("path.point");
    const boxes = [...dots].map((dot) => dot.getBoundingClientRect());
    const best = boxes.reduce((least, box, i) => (box.x < boxes[least].x ? i : least), 0);
    const { x, y, width, height } = boxes[best];
    return { x: x + width / 2, y: y + height / 2, point: plot.data[1].customdata[best] };
}"""


@cache
def report(classes: int) -> ReportData:
    return report_data(classes, {24: 1920, 500: 25_000}[classes], banner="Random weights: the numbers mean nothing")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, timeout=PATIENCE * 1000)
        yield launched
        launched.close()


class Opened:
    """A page in the browser, with everything that it complained about or asked for."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri())

    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("JSON.parse(document.getElementById('data').textContent)")
        return found

    def drawn(self) -> None:
        """Wait until the browser has drawn what it was told, however busy it is."""
        self.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")

    def outermost(self) -> dict[str, Any]:
        self.page.locator("#scatter-frame").scroll_into_view_if_needed()
        self.drawn()  # the browser scrolls between two frames
        found: dict[str, Any] = self.page.evaluate(OUTERMOST)
        return found

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        found: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return found


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    contexts = []

    def opened(data: ReportData, **settings: object) -> Opened:
        path = tmp_path / "report.html"
        path.write_text(render(data), encoding="utf-8")
        contexts.append(browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | settings)))
        contexts[-1].set_default_timeout(PATIENCE * 1000)
        return Opened(contexts[-1].new_page(), path)

    yield opened
    for context in contexts:
        context.close()


Opener = Callable[..., Opened]

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


@pytest.mark.parametrize("classes", [24, 500])
def test_loads_from_a_file_without_complaint_or_request(open_report: Opener, classes: int) -> None:
    opened = open_report(report(classes))
    opened.page.wait_for_load_state("networkidle")
    assert opened.page.locator("#scatter path.point").count() == len(report(classes).points)
    assert opened.page.locator("#scree path").count() > 50
    assert opened.page.locator("#cumulative .annotation-text").text_content().startswith("54 kept")
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [opened.page.url]


def test_pointing_at_a_dot_shows_its_picture(open_report: Opener) -> None:
    opened = open_report(report(24))
    dot = opened.outermost()
    point = report(24).points[dot["point"]]
    card = opened.page.locator("#card")
    assert card.is_hidden()
    opened.page.mouse.move(dot["x"], dot["y"])
    card.wait_for(state="visible")
    assert opened.page.locator("#card-label").inner_text() == point.label
    assert opened.page.locator("#card-split").inner_text() == point.split
    assert opened.page.locator("#card-path").inner_text() == point.path
    picture = "document.getElementById('card-picture')"
    assert opened.page.evaluate(f"{picture}.decode().then(() => {picture}.naturalWidth)") == 64
    shown = opened.page.locator("#card-picture").get_attribute("src")
    assert base64.b64decode(shown.removeprefix("data:image/webp;base64,")) == point.thumbnail
    opened.page.mouse.move(5, 5)
    card.wait_for(state="hidden")


def test_a_tap_shows_the_picture_and_keeps_it(open_report: Opener) -> None:
    opened = open_report(report(24), **PHONE)
    dot = opened.outermost()
    opened.page.touchscreen.tap(dot["x"], dot["y"])
    opened.page.wait_for_timeout(500)  # the browser repeats the tap as a click
    assert opened.page.locator("#card").is_visible()
    assert opened.page.locator("#card-path").inner_text() == report(24).points[dot["point"]].path
    assert opened.overflow() <= 0


@pytest.mark.parametrize(
    ("key", "direction"), [("Left", (-1, 0)), ("Right", (1, 0)), ("Up", (0, -1)), ("Down", (0, 1))]
)
def test_the_arrow_keys_move_from_picture_to_picture(open_report: Opener, key: str, direction: tuple[int, int]) -> None:
    opened = open_report(report(24))
    page = opened.page
    page.locator("#scatter-frame").focus()
    where = "(({ left, top }) => [parseFloat(left), parseFloat(top)])(document.getElementById('ring').style)"
    page.keyboard.press(f"Arrow{key}")
    assert page.locator("#card").is_visible()
    before, spoken = page.evaluate(where), page.locator("#spoken").inner_text()
    page.keyboard.press(f"Arrow{key}")
    after = page.evaluate(where)
    across, down = after[0] - before[0], after[1] - before[1]
    along = across * direction[0] + down * direction[1]
    assert along > 0
    assert abs(across * direction[1]) + abs(down * direction[0]) <= along, "no farther aside than along"
    assert page.locator("#spoken").inner_text() != spoken
    label, split, path = page.locator("#spoken").inner_text().split(", ")
    assert Point(path, split, label, (), b"") in [
        replace(point, components=(), thumbnail=b"") for point in report(24).points
    ]
    page.keyboard.press("Escape")
    assert page.locator("#card").is_hidden()


def test_the_curves_are_the_shares_and_their_sums(open_report: Opener) -> None:
    data = report(24)
    page = open_report(data).page
    bars = page.evaluate(
        "(({ x, y, marker }) => ({ x, y, colours: marker.color }))(document.getElementById('scree').data[0])"
    )
    shown = 2 * data.kept
    assert bars["x"] == list(range(1, shown + 1))
    assert bars["y"] == pytest.approx(data.spectrum[:shown], rel=1e-3)
    kept, *others = dict.fromkeys(bars["colours"])
    assert bars["colours"] == [kept] * data.kept + others * data.kept, "the kept ones are told apart"
    left_out, curve, point = page.evaluate("document.getElementById('cumulative').data.map(({ x, y }) => [x, y])")
    sums = list(itertools.accumulate(data.spectrum))
    assert curve == [list(range(1, data.kept + 1)), pytest.approx(sums[: data.kept], rel=1e-3)]
    assert left_out == [
        list(range(data.kept, shown + 1)),
        pytest.approx(sums[data.kept - 1 : shown], rel=1e-3),
    ]
    assert point == [[data.kept], pytest.approx([sums[data.kept - 1]], rel=1e-3)]
    text = page.locator("#cumulative .annotation-text").text_content()
    assert text == f"{data.kept} kept: {100 * sums[data.kept - 1]:.1f} %"
    wanted = data.summary["parameters"]["variance"]
    lines = page.evaluate("document.getElementById('cumulative').layout.shapes.map(({ y0, y1 }) => [y0, y1])")
    assert [wanted, wanted] in lines, "the share that was asked for is drawn"


def test_beside_a_class_stands_a_picture_of_it(open_report: Opener) -> None:
    data = report(24)
    opened = open_report(data)
    labels = opened.payload()["labels"]
    places = opened.page.locator(".pictured").evaluate_all(
        "places => places.map(p => [Number(p.dataset.label), p.querySelector('img')?.src])"
    )
    assert len(places) > len(labels), "those of the confusions are among them"
    pictures = {(point.label, point.thumbnail) for point in data.points}
    for label, source in places:
        assert (labels[label], base64.b64decode(source.removeprefix("data:image/webp;base64,"))) in pictures


def test_colours_are_those_of_the_legend_and_shapes_those_of_the_splits(open_report: Opener) -> None:
    data = report(24)
    opened = open_report(data)
    dots = opened.page.evaluate(
        "(({ customdata, marker }) => ({ points: customdata, colours: marker.color, shapes: marker.symbol }))"
        "(document.getElementById('scatter').data[1])"
    )
    legend = opened.page.locator("#legend li").evaluate_all(
        "items => Object.fromEntries(items.map(i => [i.children[1].innerText, i.firstChild.style.background]))"
    )
    assert len(set(legend.values())) == 24
    for point, colour, shape in zip(dots["points"], dots["colours"], dots["shapes"], strict=True):
        assert legend[data.points[point].label].replace(" ", "") == colour
        assert shape == {"Training": "circle", "Test": "diamond"}[data.points[point].split]


def test_finding_a_class_dims_the_others(open_report: Opener) -> None:
    opened = open_report(report(500))
    wanted = {label for label in opened.payload()["labels"] if "Kiwi" in label or ("Apple" in label and "Red" in label)}
    opened.page.fill("#find-class", "kiwi, red APPLE")
    bright = opened.page.evaluate("document.getElementById('scatter').data[1].customdata")
    assert {report(500).points[i].label for i in bright} == wanted
    assert opened.page.locator("#legend li:visible").count() == len(wanted)
    assert opened.page.locator("#legend-count").inner_text() == f"{len(wanted)} of 500 classes"
    opened.page.click("#clear-classes")
    assert opened.page.evaluate("document.getElementById('scatter').data[1].x.length") == len(report(500).points)


def bright(opened: Opened) -> set[str]:
    """The classes of the dots in colour."""
    points = opened.page.evaluate("document.getElementById('scatter').data[1].customdata")
    return {report(24).points[i].label for i in points}


FOCUSED = "document.activeElement.textContent"


def test_the_legend_is_one_stop_of_the_keyboard_and_the_arrow_keys_move_in_it(open_report: Opener) -> None:
    opened = open_report(report(24))
    page, labels = opened.page, opened.payload()["labels"]
    page.locator("#find-class").focus()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED).startswith(labels[0])
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "where the keyboard is can be seen"
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    assert page.evaluate(FOCUSED).startswith(labels[3])
    assert bright(opened) == {labels[3]}
    page.keyboard.press("End")
    page.keyboard.press(" ")
    assert bright(opened) == {labels[3], labels[-1]}
    chosen = page.locator('#legend [aria-selected="true"]').evaluate_all("items => items.map(i => i.dataset.label)")
    assert chosen == ["3", str(len(labels) - 1)]
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    assert page.evaluate(FOCUSED).startswith(labels[0])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#legend')") is None, "one Tab leads out of it"
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(FOCUSED).startswith(labels[0]), "and back to where one was"


def test_what_the_search_hides_is_no_stop(open_report: Opener) -> None:
    opened = open_report(report(24))
    opened.page.fill("#find-class", "kiwi")
    opened.page.keyboard.press("Tab")  # to the button that shows all again
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate(FOCUSED).startswith("Kiwi")
    opened.page.keyboard.press("End")
    assert opened.page.evaluate(FOCUSED).startswith("Kiwi")


def test_a_click_chooses_a_class_and_another_lets_it_go(open_report: Opener) -> None:
    opened = open_report(report(24))
    entry, labels = opened.page.locator("#legend li").nth(3), opened.payload()["labels"]
    entry.click()
    assert bright(opened) == {labels[3]}
    assert opened.page.locator("#legend-count").inner_text() == "1 of 24 classes"
    entry.click()
    assert bright(opened) == set(labels)


def test_the_page_has_few_stops_of_the_keyboard_however_many_classes(open_report: Opener) -> None:
    opened = open_report(report(500))
    stops = """[...document.querySelectorAll("a[href], button, input, select, summary, [tabindex]")]
        .filter((one) => one.tabIndex >= 0 && !one.disabled && one.offsetParent !== null).length"""
    assert opened.page.evaluate(stops) <= 30


def test_the_legend_counts_what_is_shown_and_what_the_class_has(open_report: Opener) -> None:
    data = report(24)
    opened = open_report(data)
    texts = "items => items.map(i => [i.querySelector('span').innerText, i.querySelector('small').innerText])"
    entries = opened.page.locator("#legend li")

    def expected(splits: set[str]) -> list[list[str]]:
        all_of, shown = Counter[str](), Counter[str]()
        for row in data.counts:
            all_of[row.label] += row.count
        for point in data.points:
            shown[point.label] += point.split in splits
        return [
            [label, f"{all_of[label]:,}" if shown[label] == all_of[label] else f"{shown[label]:,} of {all_of[label]:,}"]
            for label in opened.payload()["labels"]
        ]

    assert any(" of " in text for _, text in expected({"Training", "Test"}))
    assert entries.evaluate_all(texts) == expected({"Training", "Test"})
    opened.page.get_by_label("Training", exact=True).uncheck()
    assert entries.evaluate_all(texts) == expected({"Test"})


def test_an_entry_of_the_legend_says_in_words_what_it_counts(open_report: Opener) -> None:
    points = tuple(Point(f"fig/{n}.jpg", "Test", "fig", (float(n), 1.0), b"") for n in range(33))
    data = replace(report(24), counts=(LabelCount("Test", "fig", 2640),), points=points)
    [entry] = open_report(data).page.locator("#legend li").all()
    assert entry.get_attribute("role") == "option"
    assert entry.get_attribute("aria-label") == "fig: 2,640 pictures, 33 shown"
    assert entry.inner_text().split("\n")[-1] == "33 of 2,640"


VIEW = """(() => {
    const { xaxis, yaxis } = document.getElementById("scatter")._fullLayout;
    return [xaxis.range, yaxis.range];
})()"""


def test_one_component_is_never_shown_against_itself(open_report: Opener) -> None:
    opened = open_report(report(24))
    page = opened.page
    page.select_option("#axis-x", "1")
    assert [page.locator(f"#axis-{axis}").input_value() for axis in "xy"] == ["1", "0"]
    assert page.locator("#scatter .xtitle").text_content() == "component 2"
    assert page.locator("#scatter .ytitle").text_content() == "component 1"
    page.select_option("#axis-y", "4")
    assert [page.locator(f"#axis-{axis}").input_value() for axis in "xy"] == ["1", "4"]
    shown = page.evaluate(
        "(({ x, y, customdata }) => ({ x, y, customdata }))(document.getElementById('scatter').data[1])"
    )
    points = [report(24).points[i] for i in shown["customdata"]]
    assert shown["x"] == pytest.approx([point.components[1] for point in points], rel=1e-3)
    assert shown["y"] == pytest.approx([point.components[4] for point in points], rel=1e-3)


def widths(view: list[list[float]]) -> list[float]:
    return [to - since for since, to in view]


def test_buttons_enlarge_the_middle_and_give_the_whole_back(open_report: Opener) -> None:
    opened = open_report(report(24))
    page = opened.page
    whole = page.evaluate(VIEW)
    page.get_by_role("button", name="Zoom in").click()
    near = page.evaluate(VIEW)
    assert widths(near) == pytest.approx([width / 1.5 for width in widths(whole)])
    assert [sum(axis) for axis in near] == pytest.approx([sum(axis) for axis in whole])
    for _ in ("chosen", "let go"):
        page.locator("#legend li").nth(3).click()
        assert page.evaluate(VIEW) == near, "choosing a class leaves the view alone"
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom out").click()
    assert widths(page.evaluate(VIEW)) == pytest.approx(widths(near))
    page.get_by_role("button", name="Zoom out").click()
    assert page.evaluate(VIEW) == whole
    page.get_by_role("button", name="Zoom out").click()
    assert page.evaluate(VIEW) == whole, "there is nothing to see around the whole"


def test_a_drag_enlarges_an_area_a_double_click_shows_the_whole_and_no_tip_covers_it(open_report: Opener) -> None:
    opened = open_report(report(24))
    page = opened.page
    whole = page.evaluate(VIEW)
    opened.outermost()
    box = page.locator("#scatter .nsewdrag").bounding_box()
    left, top = box["x"] + box["width"] / 4, box["y"] + box["height"] / 4
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + box["width"] / 2, top + box["height"] / 2, steps=4)
    page.mouse.up()
    assert widths(page.evaluate(VIEW)) == pytest.approx([width / 2 for width in widths(whole)], rel=0.02)
    assert page.locator(".plotly-notifier .notifier-note").count() == 0
    page.select_option("#axis-x", "3")
    assert page.evaluate(VIEW)[1] == whole[1], "other components are shown whole"
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + box["width"] / 2, top + box["height"] / 2, steps=4)
    page.mouse.up()
    page.wait_for_timeout(400)  # or the double click counts as the third and fourth
    page.mouse.dblclick(box["x"] + box["width"] - 3, box["y"] + 3)
    assert page.evaluate(VIEW)[1] == pytest.approx(whole[1])
    assert page.locator(".plotly-notifier .notifier-note").count() == 0
    assert "Drag over an area to enlarge it" in page.locator("#map .note").inner_text()


def fingers(opened: Opened, *places: list[tuple[float, float]]) -> None:
    """Put two fingers on the page at the first places, move them over the others, and lift them."""
    session = opened.page.context.new_cdp_session(opened.page)

    def send(kind: str, points: list[tuple[float, float]]) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    send("touchStart", places[0])
    for points in places[1:]:
        send("touchMove", points)
        opened.page.wait_for_timeout(100)  # it is drawn with the next frame
    send("touchEnd", [])


def test_two_fingers_enlarge_and_move_the_map(open_report: Opener) -> None:
    opened = open_report(report(24), **PHONE)
    page = opened.page
    opened.outermost()
    whole = page.evaluate(VIEW)
    box = page.locator("#scatter .nsewdrag").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fingers(opened, [(x - 30, y), (x + 30, y)], [(x - 45, y), (x + 45, y)], [(x - 60, y), (x + 60, y)])
    near = page.evaluate(VIEW)
    assert widths(near) == pytest.approx([width / 2 for width in widths(whole)], rel=0.02)
    assert [sum(axis) for axis in near] == pytest.approx([sum(axis) for axis in whole], abs=widths(whole)[0] / 50)
    fingers(opened, [(x - 30, y), (x + 30, y)], [(x + 10, y + 20), (x + 70, y + 20)])
    moved = page.evaluate(VIEW)
    assert widths(moved) == pytest.approx(widths(near))
    assert moved[0][0] - near[0][0] == pytest.approx(-40 / box["width"] * widths(near)[0], rel=0.05)
    assert moved[1][0] - near[1][0] == pytest.approx(20 / box["height"] * widths(near)[1], rel=0.05)
    fingers(opened, [(x - 60, y), (x + 60, y)], [(x - 10, y), (x + 10, y)])
    assert page.evaluate(VIEW) == whole
    assert page.evaluate("visualViewport.scale") == 1, "the page itself stays as large as it was"
    assert opened.complaints == []
    assert "Two fingers enlarge and move the map." in page.locator("#map .note").inner_text()


def test_one_finger_scrolls_the_page_also_over_the_map(open_report: Opener) -> None:
    opened = open_report(report(24), **PHONE)
    opened.outermost()
    whole, before = opened.page.evaluate(VIEW), opened.page.evaluate("scrollY")
    fingers(opened, [(150, 400)], [(150, 350)], [(150, 300)], [(150, 250)])
    opened.page.wait_for_timeout(300)
    assert opened.page.evaluate("scrollY") > before + 50
    assert opened.page.evaluate(VIEW) == whole


def test_any_two_components_can_be_shown_and_a_split_left_out(open_report: Opener) -> None:
    opened = open_report(report(24))
    opened.page.select_option("#axis-x", "4")
    opened.page.get_by_label("Test", exact=True).uncheck()
    shown = opened.page.evaluate(
        "(({ x, customdata }) => ({ x, customdata }))(document.getElementById('scatter').data[1])"
    )
    points = [report(24).points[i] for i in shown["customdata"]]
    assert {point.split for point in points} == {"Training"}
    assert shown["x"] == pytest.approx([point.components[4] for point in points], rel=1e-3)
    assert opened.page.locator("#scatter .xtitle").text_content() == "component 5"


def test_the_table_of_classes_is_searched_and_sorted(open_report: Opener) -> None:
    opened = open_report(report(500))
    rows = opened.page.locator("#class-table tbody tr:visible")
    assert rows.count() == 500
    opened.page.get_by_role("button", name="Training", exact=True).click()
    counts = [
        int(text.replace(",", ""))
        for text in opened.page.locator("#class-table tbody tr td:nth-child(2)").all_inner_texts()
    ]
    assert counts == sorted(counts, reverse=True)
    opened.page.fill("#find-row", "kiwi golden")
    assert opened.page.locator("#row-count").inner_text() == f"{rows.count()} of 500"
    assert all(text.startswith("Kiwi Golden") for text in rows.locator("th").all_inner_texts())


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_the_axes_are_named_in_full(open_report: Opener, width: int) -> None:
    """A select cuts its text off without a trace: one without a width of its own shows how much room it takes."""
    settings = PHONE | {"viewport": {"width": width, "height": 740}} if width < 500 else {}
    opened = open_report(replace(report(24), spectrum=[0.113, 0.107, *report(24).spectrum[2:]]), **settings)
    room = """(id) => {
        const select = document.getElementById(id);
        const copy = select.cloneNode(true);
        copy.style.cssText = "position: absolute; width: auto; max-width: none; flex: none";
        select.parentNode.append(copy);
        const needed = copy.offsetWidth;
        copy.remove();
        return select.offsetWidth - needed;
    }"""
    assert [opened.page.evaluate(room, f"axis-{axis}") >= 0 for axis in "xy"] == [True, True]


@pytest.mark.parametrize("classes", [24, 500])
@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_never_scrolls_sideways(open_report: Opener, classes: int, width: int) -> None:
    opened = open_report(report(classes), **PHONE | {"viewport": {"width": width, "height": 740}})
    opened.page.locator("details summary").click()
    assert opened.overflow() <= 0


def test_long_names_do_not_widen_a_phones_page(open_report: Opener) -> None:
    data = report(24)
    name = "x" * 200
    long = replace(
        data,
        counts=(*data.counts, LabelCount("Test", name, 7)),
        points=(*data.points, Point(name, "Test", name, (0.0,) * 10, b"")),
        banner=name,
    )
    assert open_report(long, **PHONE).overflow() <= 0


def test_the_page_and_its_plots_follow_the_colour_scheme(open_report: Opener) -> None:
    opened = open_report(report(24), color_scheme="light")
    looks = """() => [
        getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.querySelector("#scatter .xtick text")).fill,
        getComputedStyle(document.querySelector("#scree .xtick text")).fill,
    ]"""
    light = opened.page.evaluate(looks)
    opened.page.emulate_media(color_scheme="dark")
    for plot in ("scatter", "scree"):
        fill = f"getComputedStyle(document.querySelector('#{plot} .xtick text')).fill"
        opened.page.wait_for_function(f"(light) => {fill} !== light", arg=light[1])
    dark = opened.page.evaluate(looks)
    assert light[0] == "rgb(252, 251, 248)"
    assert dark[0] == "rgb(23, 23, 20)"
    assert light[1] == light[2]
    assert dark[1] == dark[2] != light[1]
    assert opened.complaints == []


@pytest.mark.parametrize(
    "settings",
    [{}, {"color_scheme": "dark"}, PHONE],
    ids=["light", "dark", "phone"],
)
def test_the_page_passes_the_rules_of_axe(open_report: Opener, settings: dict[str, object]) -> None:
    from axe_playwright_python.sync_playwright import Axe

    opened = open_report(report(24), **settings)
    opened.page.locator("#scatter .trace").first.wait_for()
    found = Axe().run(opened.page)
    assert found.violations_count == 0, found.generate_report()


def test_pictures_stand_beside_those_nearest_to_them(open_report: Opener) -> None:
    data = report(24)
    rows = open_report(data).page.locator("#alike .likenesses > li")
    assert rows.count() == len(data.likenesses) == 12
    for number, likeness in enumerate(data.likenesses):
        titles = [image.get_attribute("title") for image in rows.nth(number).locator("img").all()]
        assert titles == [picture.path for picture in (likeness.picture, *likeness.nearest)]


def test_the_banner_is_in_sight_at_the_end_of_the_page(open_report: Opener) -> None:
    opened = open_report(report(24))
    opened.page.evaluate("scrollTo({ top: document.body.scrollHeight, behavior: 'instant' })")
    assert opened.page.locator(".banner").bounding_box()["y"] == 0


def test_a_label_that_is_a_script_is_only_shown(open_report: Opener) -> None:
    name = "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>"
    data = replace(
        report(24),
        counts=(LabelCount("Test", name, 3),),
        points=(Point(name, name, name, (1.0, 2.0), b""),),
        banner=name,
    )
    opened = open_report(data)
    opened.page.locator("#scatter-frame").focus()
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.evaluate("window.pwned") is None
    assert name in opened.page.locator("#class-table").inner_text()
    assert name in opened.page.locator("#legend").inner_text()
    assert opened.complaints == []


@pytest.mark.parametrize(
    "data",
    [
        ReportData({}, [], 0, (), Rejections.of([]), (), None),
        ReportData(
            {},
            [1.0],
            1,
            (LabelCount("", "fig", 1),),
            Rejections.of([]),
            (Point("fig/1.jpg", "", "fig", (3.0,), b""),),
            None,
        ),
    ],
    ids=["nothing", "one image, one component"],
)
def test_very_little_is_shown_without_complaint(open_report: Opener, data: ReportData) -> None:
    opened = open_report(data)
    assert opened.page.locator("#scatter path.point").count() == len(data.points)
    assert opened.complaints == []
