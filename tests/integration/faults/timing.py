"""Time in these tests: pauses are short, and a cluster starts when a real one could be ready at the earliest."""

# ruff: noqa: ANN401 (what is moto's has moto's types, or none)

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from orchard.layout import STAGES
from orchard.local.emr.cluster import ALIVE, LiveCluster
from orchard.local.moto.patching import replaced
from tests.support.cloud.mini import Json
from tests.support.waiting import eventually

PAUSE = 0.05
LONGEST_START = 1.0
"""Seconds that a pause lasts at most, for the sake of a cluster that starts."""


@contextmanager
def quick_pauses() -> Iterator[None]:
    """Have the interpreter wait shortly where it would wait long. Written for moto 5.2.5."""
    from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction

    def wait(_self: WaitFunction, env: Any, wait_seconds: int) -> None:
        # a look that falls into the moment in which a cluster starts is for the tests that mean it
        latest = time.monotonic() + LONGEST_START
        while not env.program_state_event.wait(min(wait_seconds, PAUSE)) and _starting() and time.monotonic() < latest:
            pass

    with ExitStack() as patches:
        patches.enter_context(patch.object(WaitFunction, "_wait_interval", wait))
        patches.enter_context(patch.object(retrier_decl, "time", SimpleNamespace(sleep=lambda _: time.sleep(0.01))))
        patches.enter_context(patch("orchard.local.lambda_.functions.RETRY_AFTER", (PAUSE, PAUSE)))
        yield


def _starting() -> bool:
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.emr.models import emr_backends

    regions = emr_backends[DEFAULT_ACCOUNT_ID].values()
    return any(one.state in ("STARTING", "BOOTSTRAPPING") for region in regions for one in region.clusters.values())


def soon_idle(definition: Json) -> None:
    """Have clusters end themselves after a second without work."""
    create = definition["States"]["CreateCluster"]
    assert create["Arguments"] == "{% $run.inspected.plan.cluster %}"
    create["Arguments"] = "{% $merge([$run.inspected.plan.cluster, {'AutoTerminationPolicy': {'IdleTimeout': 1}}]) %}"


@contextmanager
def unhurried_starts() -> Iterator[None]:
    """Have clusters start once all their steps are queued: at EMR, starting takes minutes."""
    start = LiveCluster.start

    def wait(self: LiveCluster) -> None:
        cluster = self._cluster
        eventually(lambda: _last_is_queued(cluster) or cluster.state not in ALIVE, "the queueing of steps")
        start(self)

    def start_later(self: LiveCluster) -> None:
        threading.Thread(target=wait, args=(self,), name=f"cluster {self._cluster.id} to come", daemon=True).start()

    with replaced(LiveCluster, start=start_later):
        yield


def _last_is_queued(cluster: Any) -> bool:
    """Whether the last stage is there, which every run has, also one that begins with another's results."""
    return STAGES[-1] in {step.name for step in cluster.steps}
