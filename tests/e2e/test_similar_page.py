"""The page of `orchard similar` in a real browser: it shows pictures, and what names say is text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.cloud.fake import orchard
from tests.support.opened_report import Opened, in_a_browser
from tests.support.pictures.drawn import CLASSES, draw_fruit
from tests.support.small_run import small_model, small_run

if TYPE_CHECKING:
    import pytest
    from playwright.sync_api import Browser

pytestmark = in_a_browser

HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}\u202e"


def test_it_shows_all_pictures_and_takes_no_name_for_more_than_a_name(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHARD_HOME", str(tmp_path / "home"))
    members = {
        f"{label}{HOSTILE}/{number}{HOSTILE}.jpg": draw_fruit(label, number) for label in CLASSES for number in range(6)
    }
    run = small_run(tmp_path / "run", members, small_model(tmp_path / "home" / "models" / "small"))
    mine = tmp_path / f"mine{HOSTILE.replace('/', '')}\udce9.jpg"  # a byte that is no UTF-8
    mine.write_bytes(draw_fruit("Kiwi", 77, side=200))
    (tmp_path / "no.jpg").write_text("<script>alert(2)</script>")
    page = tmp_path / "page.html"
    said = orchard("similar", run, mine, tmp_path / "no.jpg", "--local", "--html", page, "-k", 4)
    assert said.exit_code == 0, said.stderr

    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark")
    opened = Opened(context.new_page(), page)
    pictures = opened.page.locator("img").evaluate_all("all => all.map(one => [one.naturalWidth, one.naturalHeight])")
    assert pictures == [[128, 128]] + [[100, 100]] * 4
    assert [one.strip() for one in opened.page.locator("h2").all_inner_texts()] == [
        str(mine).replace("\udce9", r"\udce9"),
        str(tmp_path / "no.jpg"),
    ]
    assert opened.page.locator(".label").inner_text() == f"Kiwi{HOSTILE}"
    assert opened.page.locator("figcaption").first.inner_text().startswith(f"Kiwi{HOSTILE}\n")
    assert opened.page.locator(".warn").inner_text() == "It cannot be compared: not an image: HTML"
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith("data:")] == [page.as_uri()]
    assert opened.overflow() <= 0
    context.close()
