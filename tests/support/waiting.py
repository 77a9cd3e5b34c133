"""How tests wait for what happens elsewhere: in another thread, process or browser."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 900.0
"""Seconds after which something counts as hanging. No test asks how long anything takes: the machine may be busy."""

Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], what: str) -> Found:
    """Wait until there is something to see."""
    deadline, pause = time.monotonic() + PATIENCE, 0.01
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(pause)
        pause = min(1.5 * pause, 0.1)
    raise AssertionError(f"{what} did not happen")
