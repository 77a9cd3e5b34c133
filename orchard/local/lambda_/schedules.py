"""Rules of EventBridge that are due by the clock, with functions as their targets.

Written for moto 5.2.5, which keeps the schedule of a rule and never acts on it. Only `rate(…)` is known.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchard.local.lambda_.functions import Functions

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
                    self._invoke(target, scheduled_event(rule))

    def _invoke(self, target: Any, event: dict[str, Any]) -> None:
        from moto.awslambda.utils import get_backend

        _, _, _, region, account, *_ = target["Arn"].split(":")
        function = get_backend(account, region).get_function(target["Arn"])
        self._functions.invoke_later(function, json.dumps(event).encode())


def seconds_of(rate: str) -> float:
    """The seconds of `rate(15 minutes)`, say.

    Raises:
        ValueError: It is another kind of schedule.
    """
    found = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", rate)
    if found is None:
        raise ValueError(f"the local cloud knows no schedule {rate}")
    return int(found[1]) * _UNITS[found[2]]


def scheduled_event(rule: Any) -> dict[str, Any]:
    """What EventBridge sends when a rule is due (EventBridge user guide, "Scheduled Event")."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": rule.account_id,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": rule.region_name,
        "resources": [rule.arn],
        "detail": {},
    }


def _rules() -> list[Any]:
    from moto.events.models import events_backends

    regions = [region for account in events_backends.values() for region in account.values()]
    rules = [rule for region in regions for rule in region.event_buses["default"].rules.values()]
    return [rule for rule in rules if rule.scheduled_expression]
