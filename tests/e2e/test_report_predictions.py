"""New images among the known ones, in a real browser."""

from functools import cache

import pytest

from orchard.report.data import ReportData
from tests.support.opened_report import PHONE, Opener, in_a_browser, report
from tests.support.report_data import among_known

pytestmark = in_a_browser

OPACITIES = "document.getElementById('scatter').data.map((trace) => [trace.marker.opacity, trace.x.length])"


@cache
def data() -> ReportData:
    return among_known(report(24))


@pytest.mark.parametrize("settings", [{}, PHONE], ids=["desk", "phone"])
def test_new_pictures_stand_out_from_the_known_and_either_can_be_hidden(
    open_report: Opener, settings: dict[str, object]
) -> None:
    opened = open_report(data(), **settings)
    known = sum(point.known for point in data().points)
    new = len(data().points) - known
    assert opened.page.evaluate(OPACITIES) == [[0.45, 0], [0.4, known], [0.85, new]]
    switches = opened.page.locator("#split-toggles label")
    assert [one.strip() for one in switches.all_inner_texts()] == ["Test", "known"]
    switches.nth(1).click()
    assert opened.page.evaluate(OPACITIES) == [[0.45, 0], [0.4, 0], [0.85, new]]
    switches.nth(1).click()
    switches.nth(0).click()
    assert opened.page.evaluate(OPACITIES) == [[0.45, 0], [0.4, known], [0.85, 0]]
    assert opened.overflow() <= 0
    assert not opened.complaints


def test_a_dot_says_whether_it_is_known(open_report: Opener) -> None:
    opened = open_report(data())
    frame = opened.page.locator("#scatter-frame")
    opened.page.locator("#split-toggles label").nth(0).click()
    frame.focus()
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.locator("#card-split").inner_text() == "known"


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_a_row_of_the_table_has_few_lines(open_report: Opener, width: int) -> None:
    """Paths may break anywhere, and so would have a column of one letter, which leaves the room to others."""
    opened = open_report(data(), **PHONE | {"viewport": {"width": width, "height": 740}})
    for cell in opened.page.locator("table.predictions td:is(:nth-child(1), :nth-child(5))").all()[:6]:
        box = cell.bounding_box()
        assert box is not None
        assert box["width"] >= 60
        assert box["height"] <= 260
    assert opened.overflow() <= 0


def test_the_table_shows_what_is_like_nothing_known_first(open_report: Opener) -> None:
    opened = open_report(data())
    table = opened.page.locator("table.predictions tbody tr")
    said = data().predictions
    assert said is not None
    assert table.count() == len(said.shown)
    assert "like nothing known" in table.first.inner_text()
    pictures = opened.page.locator("table.predictions tbody img")
    assert pictures.count() == 2 * len(said.shown)
    assert pictures.first.evaluate("(one) => one.decode().then(() => one.naturalWidth)") == 64
    table.first.locator("button.look").click()
    assert opened.page.locator("dialog[open]").is_visible()
    assert not opened.complaints
