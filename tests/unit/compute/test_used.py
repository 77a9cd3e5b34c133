"""What earlier runs save is told in a few words, wherever it is told."""

from typing import Any

import pytest

from orchard.compute.used import Used


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ({}, []),
        ({"known": 0, "saved": None}, []),
        ({"known": 0, "saved": {"minutes": 0, "usd": 0}}, []),
        ({"saved": {"minutes": 12.4, "usd": 0.311}}, ["saves about 12 minutes and $0.31, by the estimates"]),
        (
            {"known": 1, "saved": {"minutes": 0.4, "usd": 0.0}},
            ["1 image is known", "saves less than a minute and under $0.01, by the estimates"],
        ),
        (
            {"known": 99_000, "saved": {"minutes": 1.2, "usd": 0.0}},
            ["99,000 images are known", "saves about 1 minute and under $0.01, by the estimates"],
        ),
    ],
)
def test_what_is_saved_is_told(data: dict[str, Any], lines: list[str]) -> None:
    assert Used.from_data(data).in_words() == lines
