"""One browser for all tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchard.report.data import ReportData
from orchard.report.page import render
from tests.support.opened_report import CHROMIUM, Opened, Opener
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, timeout=PATIENCE * 1000)
        yield launched
        launched.close()


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
