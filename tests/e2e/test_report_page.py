"""The report in a real browser: offline, on a phone, in the dark."""

import base64
import itertools
from dataclasses import replace

import pytest

from orchard.report.data import LabelCount, Point, Rejections, ReportData
from tests.support.opened_report import PHONE, Opener, in_a_browser, report

pytestmark = in_a_browser


@pytest.mark.parametrize("classes", [24, 500])
def test_loads_from_a_file_without_complaint_or_request(open_report: Opener, classes: int) -> None:
    opened = open_report(report(classes))
    opened.page.wait_for_load_state("networkidle")
    assert opened.page.locator("#scatter path.point").count() == len(report(classes).points)
    assert opened.page.locator("#scree path").count() > 50
    assert opened.page.locator("#cumulative .annotation-text").text_content().startswith("54 kept")
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [opened.page.url]


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
    assert left_out == [list(range(data.kept, shown + 1)), pytest.approx(sums[data.kept - 1 : shown], rel=1e-3)]
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


@pytest.mark.parametrize("settings", [{}, {"color_scheme": "dark"}, PHONE], ids=["light", "dark", "phone"])
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
        more=(),
        confused={},
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
