"""The classes beside the map in a real browser: found, chosen and counted."""

from collections import Counter
from dataclasses import replace

from orchard.report.data import LabelCount, Point
from tests.support.opened_report import Opened, Opener, in_a_browser, report

pytestmark = in_a_browser


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
    page.keyboard.press("ArrowDown")
    assert page.evaluate(FOCUSED).startswith(labels[-1]), "there is nothing below the last"
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
    assert opened.complaints == []


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
    assert opened.page.evaluate(stops) <= 32


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
    data = replace(report(24), counts=(LabelCount("Test", "fig", 2640),), points=points, more=(), confused={})
    [entry] = open_report(data).page.locator("#legend li").all()
    assert entry.get_attribute("role") == "option"
    assert entry.get_attribute("aria-label") == "fig: 2,640 pictures, 33 shown"
    assert entry.inner_text().split("\n")[-1] == "33 of 2,640"
