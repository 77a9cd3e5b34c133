"""The map of the report in a real browser: with pointer, finger and keyboard."""

import base64
from dataclasses import replace

import pytest

from orchard.report.data import Point
from tests.support.opened_report import PHONE, Opened, Opener, in_a_browser, report

pytestmark = in_a_browser


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


VIEW = """(() => {
    const { xaxis, yaxis } = document.getElementById("scatter")._fullLayout;
    return [xaxis.range, yaxis.range];
})()"""


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
    for _ in range(20):
        page.get_by_role("button", name="Zoom in").click()
    closest = widths(whole)[0] / widths(page.evaluate(VIEW))[0]
    assert 100 < closest <= 200, "closer there is nothing to see either"
    page.get_by_role("button", name="Whole view").click()
    assert page.evaluate(VIEW) == whole


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
        opened.drawn()
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
    opened.page.wait_for_function(f"scrollY > {before} + 50")
    assert opened.page.evaluate(VIEW) == whole
