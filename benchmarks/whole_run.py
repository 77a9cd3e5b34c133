"""One whole local run, `orchard run ZIP --local`, and where its time went, as it can be seen from outside.

Three things tell: the command's own lines, each at the moment at which it came; the step runner's logs, which the local
cloud leaves in its folder; and the records of the stages, among the results. Nothing is added to what is measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.data import FOLDER
from benchmarks.isolated import ROOT, MeasurementFailedError
from orchard.cache import local_dir
from orchard.layout import STAGES, RunFiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.data import Data

SET_UP = "set-up: network, wheels"
SEND = "set-up: cloud, release and zip sent"
ORCHESTRATION = "orchestration, no cluster up"
BOOT = "the cluster's start"
IDLE = "idle: the cluster is up, no step runs"
NOTICE = "the run's start and end noticed"
COPY = "results copied, cloud ended"
SPARK_START = "{}: Spark's start"
WORK = "{}: the stage itself"
SPARK_END = {stage: f"{stage}: Spark's end" for stage in STAGES} | {"pca": "pca: report, Spark's end"}
OF_STAGES = tuple(
    part for stage in STAGES for part in (SPARK_START.format(stage), WORK.format(stage), SPARK_END[stage])
)
PARTS = (SET_UP, SEND, ORCHESTRATION, BOOT, *OF_STAGES, IDLE, NOTICE, COPY)
"""The parts of a run, in about their order; together they are the run."""

_STARTING, _UPLOADED, _COPYING = "starting the local cloud", "uploaded ", "copying the results"


@dataclass(frozen=True, order=True)
class Span:
    """When a command of the cluster ran.

    Attributes:
        began: Seconds since the epoch.
        ended: Likewise.
    """

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long."""
        return self.ended - self.began


@dataclass(frozen=True)
class Seen:
    """What was seen of a run.

    Attributes:
        said: The lines of the command, each with the seconds since its start.
        seconds: How long the command took.
        execution: How long the execution took, in seconds.
        boot: The bootstrap action.
        steps: The steps, in order.
        cluster_ended: When the cluster ended, in seconds since the epoch.
        records: `_stages/*.json`, in the order of the steps.
    """

    said: Sequence[tuple[float, str]]
    seconds: float
    execution: float
    boot: Span
    steps: Sequence[Span]
    cluster_ended: float
    records: Sequence[Mapping[str, Any]]


def run(data: Data, images: int) -> dict[str, float]:
    """Run the pipeline once.

    The clock starts with the command and stops when it has ended. Inside: everything but what the account's cache
    holds once a run has been made here, which is the exported network, the wheels, the jars and the node environment.

    Args:
        data: What to run on.
        images: How many images.

    Returns:
        `seconds`, and those of each of `PARTS`.

    Raises:
        MeasurementFailedError: The run failed.
    """
    archive = data.pictures(images)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        out = Path(folder) / "out"
        command = [str(Path(sys.executable).with_name("orchard")), "run", str(archive), "--local", "--json"]
        command += ["--weights", data.weights, "--out", str(out)]
        with (Path(folder) / "result.json").open("w+", encoding="utf-8") as result:
            began = time.monotonic()
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=result, stderr=subprocess.PIPE, encoding="utf-8", errors="replace"
            )
            said = [(time.monotonic() - began, line.strip()) for line in process.stderr or ()]
            code, seconds = process.wait(), time.monotonic() - began
            if code:
                raise MeasurementFailedError("\n".join([f"the run ended with {code}:", *(line for _, line in said)]))
            result.seek(0)
            execution = float(json.load(result)["seconds"])
        files = RunFiles(str(out))
        records = [json.loads(Path(files.stage(stage)).read_text("utf-8")) for stage in STAGES]
        boot, steps, cluster_ended = _cluster(process.pid)
    return split(Seen(said, seconds, execution, boot, steps, cluster_ended, records))


def split(seen: Seen) -> dict[str, float]:
    """Say where the time went.

    Args:
        seen: What was seen of the run.

    Returns:
        `seconds`, and those of each of `PARTS`, which add up to them.

    Raises:
        MeasurementFailedError: A line is missing by which the parts are told from each other.
    """
    starting, uploaded, copying = (_said(seen.said, line) for line in (_STARTING, _UPLOADED, _COPYING))
    of_stages: list[float] = []
    for step, record in zip(seen.steps, seen.records, strict=True):
        done = datetime.fromisoformat(record["completed"]).timestamp()
        of_stages += [done - record["seconds"] - step.began, record["seconds"], step.ended - done]
    idle = seen.cluster_ended - seen.boot.ended - sum(step.seconds for step in seen.steps)
    orchestration = seen.execution - (seen.cluster_ended - seen.boot.began)
    noticed = copying - uploaded - seen.execution
    parts = (starting, uploaded - starting, orchestration, seen.boot.seconds, *of_stages, idle, noticed)
    return {**dict(zip(PARTS, (*parts, seen.seconds - copying), strict=True)), "seconds": seen.seconds}


def span(controller: str) -> Span:
    """When a command ran, by the log of its step runner: its first line and its last begin with the time."""
    first, *_, last = controller.strip().splitlines()
    return Span(*(datetime.fromisoformat(line.split()[0]).astimezone(UTC).timestamp() for line in (first, last)))


def _said(lines: Sequence[tuple[float, str]], begins: str) -> float:
    for when, line in lines:
        if line.startswith(begins):
            return when
    raise MeasurementFailedError("\n".join([f"no line begins with {begins!r}:", *(line for _, line in lines)]))


def _cluster(process: int) -> tuple[Span, list[Span], float]:
    """The bootstrap action, the steps and the end of the one cluster of a run that has just ended.

    A cluster removes its scratch folder when it ends, which is the last change of its own folder.
    """
    pids = local_dir().glob("cloud-*/pid")  # another one's may be about to begin or to go
    cloud = max(pid.parent for pid in pids if pid.read_text("utf-8") == str(process))  # pids come again
    [cluster] = (cloud / "clusters").glob("j-*")
    [boot] = cluster.glob("logs/node/*/bootstrap-actions/*/controller")
    steps = sorted(span(log.read_text("utf-8")) for log in cluster.glob("logs/steps/*/controller"))
    return span(boot.read_text("utf-8")), steps, cluster.stat().st_mtime
