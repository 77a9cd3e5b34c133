"""What a whole run costs beside other ways: computed, and the page shows what is computed."""

import pytest

from benchmarks.costs import compared, measure, ways
from benchmarks.data import Data
from benchmarks.page import fill
from orchard.compute.prices import EU_WEST_1, Price, read_prices
from tests.support.paths import ROOT


def test_the_page_has_the_tables_that_the_code_makes_today() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    tables = measure(Data(None, "random"), quick=False)
    made = fill(page, "costs", "\n\n".join(table.to_markdown() for table in tables))
    assert made == page, "python -m benchmarks costs writes them anew"


def test_habits_cost_what_they_add_to_the_plan() -> None:
    ours, objects, average, worst, idle, night, published, told = ways()
    hourly = (worst.usd - ours.usd) / (worst.idle / 60)
    assert ours.idle == ours.requests_usd == 0
    assert objects.total_usd - ours.total_usd == pytest.approx((67_692 + 68) * 5e-6 + 67_692 * 4e-7)
    assert worst.idle == 2 * average.idle == 1 + 1 + 5 + 1  # the features take more than ten minutes
    assert worst.minutes == ours.minutes + worst.idle
    assert idle.usd - ours.usd == pytest.approx(hourly)
    assert night.usd - ours.usd == pytest.approx(12 * hourly)
    assert published.usd == pytest.approx(83 / 60 * 3 * (0.428 + 0.096))
    assert (told.minutes, told.total_usd) == (83, 1.74)


def test_prices_of_ones_own_go_through_all_of_it() -> None:
    own = read_prices("s3_write = 0.05\nec2.'m5.2xlarge' = 1.0", "mine.toml")
    assert EU_WEST_1.s3_write == Price(0.005, EU_WEST_1.s3_write.unit, EU_WEST_1.s3_write.certainty)
    dear = {way.name: way for way in ways(own)}
    for way in ways():
        assert (dear[way.name].requests_usd > way.requests_usd) == (way.requests_usd > 0)
    assert compared(ways(own)).rows[-2][3] == f"{83 / 60 * 3 * 1.096:.2f}"
