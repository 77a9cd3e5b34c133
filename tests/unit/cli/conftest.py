"""A cloud that pretends, for every command."""

from collections.abc import Callable, Iterator

import pytest

from orchard.local.moto.history import paged_histories
from tests.support.cloud import awsfakes
from tests.support.cloud.fake import FakeCloud, use


@pytest.fixture
def make_cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FakeCloud]]:
    awsfakes.isolate(monkeypatch)
    monkeypatch.setattr("orchard.runs.follow.FIRST_PAUSE", 0.05)
    monkeypatch.setattr("orchard.runs.follow.LONGEST_PAUSE", 0.05)
    with paged_histories(), awsfakes.executing():
        yield lambda **script: use(monkeypatch, FakeCloud(**script))
