"""From a zip on the disk to components and a report on the disk: the command beside a program without a framework.

Each is on the clock from the start of its process to its end. Ours sends the zip to a cloud on this machine, and its
stages run on a cluster there, as on AWS.
"""

from __future__ import annotations

import tempfile
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.data import FOLDER
from benchmarks.isolated import MeasurementFailedError, call
from benchmarks.page import Table, growth
from benchmarks.turns import SECONDS, Contender, take_turns
from benchmarks.whole_run import run

if TYPE_CHECKING:
    from benchmarks.data import Data

_OURS, _PEER = "orchard run --local", "a pool of processes, scikit-learn"
_SIZES = {1_000: 2, 9_900: 2}
_QUICK_SIZES = {300: 1}


def measure(data: Data, *, quick: bool) -> list[Table]:
    """Measure with few images and with many.

    Args:
        data: What to measure on.
        quick: With few only.
    """
    sizes = _QUICK_SIZES if quick else _SIZES
    run(data, min(sizes))  # fills the caches of the account
    found = {
        images: take_turns(
            [Contender(_OURS, partial(run, data, images)), Contender(_PEER, partial(peer, data, images))], rounds
        )
        for images, rounds in sizes.items()
    }
    return [growth("From the zip to components and report", found, _OURS)]


def peer(data: Data, images: int) -> dict[str, float]:
    """Let the other program work.

    Args:
        data: What to work on.
        images: How many images.

    Raises:
        MeasurementFailedError: It failed, or lost images.
    """
    archive, model = str(data.pictures(images)), str(data.model())
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as target:
        began = time.monotonic()
        measured = call("benchmarks.peers.pool_and_sklearn:run", archive=archive, model=model, target=target)
        seconds = time.monotonic() - began
    if measured["images"] != images:
        raise MeasurementFailedError(f"{_PEER} gave {measured['images']} images of {images}")
    return {SECONDS: seconds, **measured}
