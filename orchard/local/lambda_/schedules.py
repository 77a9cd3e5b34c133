"""Rules of EventBridge that are due by the clock, with functions as their targets.

Written for moto 5.2.5, which keeps the schedule of a rule and never acts on it. Only `rate(…)` is known.
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orchard.local.lambda_.bridge_events import event_about, invoke_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchard.local.lambda_.functions import Functions

KIND = "Scheduled Event"
"""The `detail-type` of what a rule that is due sends (EventBridge user guide)."""

_LOOK_EVERY = 1.0
_UNITS = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}


@contextmanager
def scheduled_rules(functions: Functions) -> Iterator[None]:
    """Invoke the functions of rules when they are due."""
    clock, over = Clock(functions), threading.Event()

    def tick() -> None:
        while not over.wait(_LOOK_EVERY):
            clock.look(_rules())

    thread = threading.Thread(target=tick, name="schedules", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Clock:
    """Knows when each rule was due last.

    Args:
        now: Seconds, from any moment on.
    """

    def __init__(self, functions: Functions, now: Callable[[], float] = time.monotonic) -> None:
        self._functions = functions
        self._now = now
        self._due: dict[str, float] = {}

    def look(self, rules: list[Any]) -> None:
        """Act on the rules that are due; one that is new is due when its time has passed once."""
        for rule in rules:
            every = seconds_of(rule.scheduled_expression)
            if self._now() < self._due.setdefault(rule.arn, self._now() + every):
                continue
            self._due[rule.arn] = self._now() + every
            if rule.state == "ENABLED":
                for target in rule.targets:
                    invoke_target(self._functions, target, event_about(rule, rule.arn, "aws.events", KIND, {}))


def seconds_of(rate: str) -> float:
    """The seconds of `rate(15 minutes)`, say.

    Raises:
        ValueError: It is another kind of schedule.
    """
    found = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", rate)
    if found is None:
        raise ValueError(f"the local cloud knows no schedule {rate}")
    return int(found[1]) * _UNITS[found[2]]


def _rules() -> list[Any]:
    from moto.events.models import events_backends

    regions = [region for account in events_backends.values() for region in account.values()]
    rules = [rule for region in regions for rule in region.event_buses["default"].rules.values()]
    return [rule for rule in rules if rule.scheduled_expression]
