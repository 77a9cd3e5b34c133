"""Stands for a Spark session: its tasks run one after the other, here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any


class Tasks:
    """A session of two cores."""

    def __init__(self) -> None:
        self.sparkContext = SimpleNamespace(
            defaultParallelism=2,
            parallelize=lambda given, _: Given(given),
            broadcast=lambda value: SimpleNamespace(value=value),
        )


class Given:
    """An RDD."""

    def __init__(self, given: Iterable[Any]) -> None:
        self._given = list(given)

    def map(self, work: Callable[[Any], Any]) -> Given:
        """Apply a function to all of it."""
        return Given([work(one) for one in self._given])

    def collect(self) -> list[Any]:
        """All of it."""
        return self._given
