"""Pages of a history that grows while it is read."""

from hypothesis import given
from hypothesis import strategies as st

from orchard.local.moto.history import page

sizes = st.integers(1, 7)


def read(events: list[int], *, newest_first: bool, size: int, grow: int = 0) -> list[int]:
    """Read all pages; `grow` events are added after each."""
    found: list[int] = []
    token = "0"
    while token:
        some, token = page(events, newest_first=newest_first, start=int(token), size=size)
        assert len(some) <= size
        found += some
        if newest_first:
            events = events + list(range(len(events), len(events) + grow))
    return found


@given(count=st.integers(0, 30), size=sizes)
def test_pages_from_the_beginning_give_every_event_once(count: int, size: int) -> None:
    assert read(list(range(count)), newest_first=False, size=size) == list(range(count))


@given(count=st.integers(0, 30), size=sizes, grow=st.integers(0, 3))
def test_pages_from_the_end_are_not_shifted_by_new_events(count: int, size: int, grow: int) -> None:
    assert read(list(range(count)), newest_first=True, size=size, grow=grow) == list(range(count))[::-1]
