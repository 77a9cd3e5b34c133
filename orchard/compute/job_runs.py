"""What works by job runs, one for each stage, told in the words that EMR has for steps.

Job runs are found by their names and their tags: whoever asks need not know an id, so that those of an execution that
ended before it knew them are found too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from orchard.compute.base import Alive, Compute, Seen
from orchard.compute.emr_plan import cluster_size
from orchard.compute.sizing import UNLESS_ALLOWED, Ceiling
from orchard.compute.workers import LONGEST_JOB_MINUTES, Workers
from orchard.errors import OrchardError
from orchard.layout import RUN_ID_TAG, STACK_TAG, STAGES
from orchard.options import AS_PLANNED, NodeChoice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from orchard.compute.base import Access, Need
    from orchard.compute.emr_plan import ClusterSize
    from orchard.compute.work import Work
    from orchard.pipeline.state import RunState

_AROUND = timedelta(minutes=5)  # the clocks of Step Functions and EMR need not agree

SizeT = TypeVar("SizeT", bound=Workers)


@dataclass(frozen=True)
class Listed:
    """A job run as a list has it."""

    id: str
    name: str
    created: datetime


@dataclass(frozen=True)
class JobRun:
    """A job run as it is told.

    Attributes:
        state: That of a step that is as far.
        message: What its service says of a failure.
        started: When it began to be paid for.
    """

    id: str
    state: str
    tags: Mapping[str, str]
    created: datetime
    started: datetime | None
    ended: datetime | None
    message: str

    def as_step(self, stage: str) -> Mapping[str, Any]:
        """The same as ListSteps would give it."""
        times = {"CreationDateTime": self.created, "StartDateTime": self.started, "EndDateTime": self.ended}
        timeline = {name: time for name, time in times.items() if time is not None}
        status: dict[str, Any] = {"State": self.state, "Timeline": timeline}
        if self.state == "FAILED" and self.message:
            status["FailureDetails"] = {"Message": self.message}
        return {"Id": self.id, "Name": stage, "Status": status}


class JobRuns(Compute, ABC, Generic[SizeT]):
    """Job runs of a place that the stack has or knows: see `orchard.compute.base.Compute`.

    Attributes:
        places: What the place's id is called, as an output of the stack and as a variable of a function.
    """

    name: str
    places: tuple[str, str]
    sized_in = "Workers"
    worker = "job run"
    ended = "cancelled"
    paid_for = "job runs"
    works_by = "Job runs"
    packs_environments = True
    kept = None

    @abstractmethod
    def sized(self, cluster: ClusterSize) -> SizeT:
        """The workers that do what a cluster would do."""

    @abstractmethod
    def job_name(self, run_id: str, stage: str) -> str:
        """The name of a job run."""

    @abstractmethod
    def going_on(self, access: Access, place: str) -> Iterator[Listed]:
        """The job runs of a place that go on, and cost money once they run, until they end or somebody cancels them."""

    @abstractmethod
    def since(self, access: Access, place: str, begin: datetime) -> Iterator[Listed]:
        """All job runs of a place that were made after a moment."""

    @abstractmethod
    def told(self, access: Access, place: str, job_run: str) -> JobRun:
        """One job run."""

    @abstractmethod
    def cancel(self, access: Access, place: str, job_run: str) -> None:
        """End one; returns at once."""

    def place(self, given: Mapping[str, str]) -> str:
        """Where the stack's job runs are; "" for a stack that has no such place."""
        return next((given[name] for name in self.places if name in given), "")

    def size(
        self,
        work: Work,
        engine: str,
        *,
        region: str,
        choice: NodeChoice = AS_PLANNED,
        ceiling: Ceiling = UNLESS_ALLOWED,
    ) -> SizeT:
        """The workers."""
        return self.sized(cluster_size(work, engine, region=region, choice=choice, ceiling=ceiling))

    def alive(self, access: Access) -> Iterator[Alive]:
        """The job runs of the stack's place: all of them, on however many pages they are listed."""
        place = self.place(access.given)
        if place:
            for listed in self.going_on(access, place):
                tags = self.told(access, place, listed.id).tags
                if RUN_ID_TAG in tags:
                    yield Alive(listed.id, tags[RUN_ID_TAG], tags.get(STACK_TAG, ""), listed.created, self)

    def end_work(self, access: Access, ids: Sequence[str]) -> None:
        """Cancel job runs."""
        for one in ids:
            self.cancel(access, self.place(access.given), one)

    def look(self, access: Access, state: RunState, since: datetime, now: datetime, *, steps: bool = True) -> Seen:
        """The latest job run of each stage, whatever is known of their ids; without a place there is none."""
        place = self.place(access.given)
        if not place:
            return Seen()
        names = {self.job_name(state.run_id, stage): stage for stage in STAGES}
        listed = [one for one in self.since(access, place, since - _AROUND) if one.name in names]
        latest = {one.name: one.id for one in sorted(listed, key=lambda one: one.created)}
        jobs = {stage: self.told(access, place, latest[name]) for name, stage in names.items() if name in latest}
        found = {stage: job.as_step(stage) for stage, job in jobs.items()}
        return Seen(steps=found, paid_seconds=_seconds(jobs.values(), now))

    def needs(self) -> Mapping[str, Callable[[Access], Need]]:
        """Nothing, unless it says so."""
        return {}

    def find_cluster(self, access: Access, run: str, started: datetime, ended: datetime) -> str:
        """Nothing has to be known: job runs are found by their names."""
        return ""

    def left_over(self, state: RunState) -> str:
        """A job run that could not be cancelled."""
        how = f"could not be cancelled; it ends by itself after {LONGEST_JOB_MINUTES} minutes."
        return f"The job run {state.job_run or 'of this run'} {how}"


def still_going_on(names: Sequence[str], why: str) -> OrchardError:
    """Why what job runs work on cannot be left."""
    return OrchardError("Job runs are still going on", f"{', '.join(names)}: {why}", "orchard runs --running")


def _seconds(jobs: Iterable[JobRun], now: datetime) -> float | None:
    """How long job runs took together; None if none has started."""
    took = [(job.ended or now) - job.started for job in jobs if job.started is not None]
    return max(0.0, sum(took, timedelta()).total_seconds()) if took else None
