"""A report opened in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchard.report.data import ReportData
from tests.support.report_data import report_data

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

in_a_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine: apt-get install chromium"),
]

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}

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
    """A report of 24 or of 500 classes, made once."""
    return report_data(classes, {24: 1920, 500: 25_000}[classes], banner="Random weights: the numbers mean nothing")


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
        """What the page's script reads."""
        found: dict[str, Any] = self.page.evaluate("JSON.parse(document.getElementById('data').textContent)")
        return found

    def drawn(self) -> None:
        """Wait until the browser has drawn what it was told, however busy it is."""
        self.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")

    def outermost(self) -> dict[str, Any]:
        """Where the outermost dot is on the screen, and which it is."""
        self.page.locator("#scatter-frame").scroll_into_view_if_needed()
        self.drawn()  # the browser scrolls between two frames
        found: dict[str, Any] = self.page.evaluate(OUTERMOST)
        return found

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        found: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return found


Opener = Callable[..., Opened]
"""Opens a report: the data, and settings of Playwright's `new_context`."""
