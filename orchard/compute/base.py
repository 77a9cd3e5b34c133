"""`Compute`: what works for a run. One protocol, with an implementation a kind.

`orchard.compute.registry` has them all. Whoever plans, watches, ends, describes or charges a run asks it, and nobody
outside this folder asks which kind it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from orchard.compute.jobs import Jobs
    from orchard.compute.prices import PriceTable
    from orchard.compute.sizing import Ceiling
    from orchard.compute.spark import SparkSize
    from orchard.compute.work import Work
    from orchard.options import NodeChoice
    from orchard.pipeline.state import RunState


@dataclass(frozen=True)
class Access:
    """How the computes of a stack are reached.

    Attributes:
        client: Makes the client of a service, by boto3's name for it.
        given: What the stack says of itself: its outputs, or the variables that it gives a function. Each compute
            knows what of it is its own.
    """

    client: Callable[[str], Any]
    given: Mapping[str, str]


@dataclass(frozen=True)
class Alive:
    """What works for a run, and costs money until it has ended: a cluster, or a job run."""

    id: str
    run_id: str
    stack: str
    created: datetime
    compute: Compute

    def __str__(self) -> str:
        return f"{self.compute.worker} {self.id}"


@dataclass(frozen=True)
class StepLogs:
    """Where the logs of one step, or job run, are.

    Attributes:
        stdout: Python's words, of its driver.
        stderr: Spark's, likewise.
        executors: The folders of those of its executors, given the names of applications of YARN's.
        service: What the service itself says of it; "" where it writes nothing.
    """

    stdout: str
    stderr: str
    executors: Callable[[Sequence[str]], list[str]]
    service: str = ""


@dataclass(frozen=True)
class Seen:
    """What works, or worked, for a run.

    Attributes:
        status: `Cluster.Status` as DescribeCluster gives it; empty without a cluster, or when EMR has forgotten it.
        steps: Stage → step as ListSteps gives it, or job run in the same words; empty for stages that have none.
        paid_seconds: How long it has been paid for, seconds; None if that is nothing yet.
    """

    status: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    paid_seconds: float | None = None


@dataclass(frozen=True)
class Charges:
    """What a run takes and costs beside its work.

    Attributes:
        start_minutes: Until the first task, in all jobs together.
        stop_minutes: From the last job to the end of what is paid for.
        transitions_per_poll: Of the state machine, from one look at it to the next.
        rates: What is charged by time → US dollars an hour.
        starts_free: Whether nothing is paid for while it starts.
        beside: What has to be paid beside all this and is not known here, in words; "" for nothing.
    """

    start_minutes: float
    stop_minutes: float
    transitions_per_poll: int
    rates: Mapping[str, float]
    starts_free: bool = False
    beside: str = ""


class Size(ABC):
    """How large the compute of one run is, and so what it takes and costs. As text, its nodes or workers.

    Attributes:
        engine: What computes the features; also the name of the Python environment.
        feature_seconds: How long the features should take, seconds; 0 where there are none to compute.
        reason: Why this size, one sentence.
    """

    engine: str
    region: str
    spark: SparkSize
    feature_seconds: float
    reason: str

    @property
    def worker_vcpus(self) -> int:
        """How many tasks run at a time."""
        return self.spark.executors * self.spark.cores

    @abstractmethod
    def charges(self, prices: PriceTable, jobs: int) -> Charges:
        """What it takes and costs beside its work, given how many jobs there are."""


@dataclass(frozen=True)
class Quota:
    """How many vCPUs an account may have at a time, by Service Quotas.

    Attributes:
        service: The service's code.
        code: The quota's.
        least: What the smallest run needs.
        most: What the largest run needs where nobody chose its nodes or allowed money for it.
        allowed: What the largest run needs that money is allowed for.
    """

    service: str
    code: str
    least: int
    most: int
    allowed: int


@dataclass(frozen=True)
class Image:
    """An image that jobs run in.

    Attributes:
        release: The label of its release.
        uri: Where it is; "" for EMR's own of that release.
        fix: The command that gives another release.
    """

    release: str
    uri: str
    fix: str


@dataclass(frozen=True)
class Need:
    """Something that runs need, and that no stack makes, as it was found.

    Attributes:
        finding: What was found.
        fix: The command that mends it; "" if nothing is wrong.
    """

    finding: str
    fix: str = ""


@dataclass(frozen=True)
class Requests:
    """What a run asks for.

    Attributes:
        execution: What the state machine asks AWS for, by the names under which it finds it.
        cluster: The size, and where its software is, for `plan.json`.
    """

    execution: dict[str, Any]
    cluster: dict[str, Any]


@dataclass(frozen=True)
class Submitted:
    """How a step is that was put on a kept cluster.

    Attributes:
        state: In the words of EMR: PENDING, RUNNING, COMPLETED, CANCELLED, FAILED, INTERRUPTED, …
        reason: Why it failed, and where its log is, as far as that is known.
    """

    state: str
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state not in ("PENDING", "RUNNING", "CANCEL_PENDING")


class Kept(Protocol):
    """What can be asked of a cluster that is kept after the steps of its run."""

    def submit(self, access: Access, cluster: str, name: str, command: Sequence[str]) -> str:
        """Put another step on it.

        Args:
            cluster: Its id.
            name: The step's, which must not be that of a stage: those are the run's own.
            command: The whole command line, as command-runner.jar takes it.

        Returns:
            The id of the step.
        """

    def step_state(self, access: Access, cluster: str, step: str) -> Submitted:
        """How a step is that was put on it."""


class Compute(Protocol):
    """One kind of what works for runs.

    Attributes:
        name: The template's word for it, and that of a plan: `emr-ec2` say.
        sized_in: What its size is made of, as a title: `Cluster` or `Workers`.
        worker: What is found and ended, for people: `cluster` or `job run`.
        ended: What becomes of one that is ended: `terminated` or `cancelled`.
        paid_for: What its cost is for: `cluster` or `job runs`.
        works_by: What a stage is there, as a title: `Steps` or `Job runs`.
        packs_environments: Whether it takes the Python environment of an engine as one archive.
    """

    name: str
    sized_in: str
    worker: str
    ended: str
    paid_for: str
    works_by: str
    packs_environments: bool

    def ceiling(self, choice: NodeChoice, given: Mapping[str, str]) -> Ceiling:
        """How large a run may be where money is no bound.

        Args:
            given: The variables that the stack gives `inspect_archive`; empty where nobody has asked it.
        """

    def size(self, work: Work, engine: str, *, region: str, choice: NodeChoice, ceiling: Ceiling) -> Size:
        """Decide how large it is for one run: the same arguments give the same size.

        Args:
            engine: One of `orchard.options.ENGINES`.
            region: One of `orchard.compute.offered.OFFERED`.
            ceiling: How many core nodes, or as large workers, there may be that the user has not chosen.
        """

    def requests(self, size: Any, jobs: Jobs, given: Mapping[str, str]) -> Requests:  # noqa: ANN401 (its own Size)
        """What the state machine asks for; `given` are the variables that the stack gives `inspect_archive`."""

    def alive(self, access: Access) -> Iterator[Alive]:
        """Find everything of Orchard that costs money until somebody ends it, by its tag, of all stacks."""

    def end_work(self, access: Access, ids: Sequence[str]) -> None:
        """End what works, however much it is; returns at once."""

    def look(self, access: Access, state: RunState, since: datetime, now: datetime, *, steps: bool = True) -> Seen:
        """Look at what works, or worked, for one run.

        Args:
            since: When the execution started.
            now: The present, to which is paid for what has not ended.
            steps: Whether a cluster's steps are asked for.
        """

    def find_cluster(self, access: Access, run: str, started: datetime, ended: datetime) -> str:
        """The cluster of a run whose execution, from `started` to `ended`, does not know it; "" where there is none."""

    def logs(self, access: Access, log_uri: str, cluster: str, step: str) -> StepLogs:
        """Where the logs of a step, or job run, are: below the folder `log_uri` of the run's logs."""

    def left_over(self, state: RunState) -> str:
        """What may live on, and for how long, after it could not be ended: a sentence."""

    def leave(self, access: Access, after: Mapping[str, str]) -> str:
        """Prepare for the deletion of what the stack has for it.

        Args:
            access: How to reach it; its `given` is what the stack has so far.
            after: What the stack will have.

        Returns:
            What can be deleted now; "" if there is nothing, or it is kept.

        Raises:
            OrchardError: Something goes on there, or does not stop.
        """

    def quota(self, region: str) -> Quota | None:
        """What AWS lets an account have of it in a region; None if that is no quota of its own."""

    def needs(self) -> Mapping[str, Callable[[Access], Need]]:
        """What runs on it need beside the stack: a title → what finds out how it is."""

    @property
    def kept(self) -> Kept | None:
        """How more is asked of what is kept after a run's steps; None where nothing can be kept."""

    @property
    def image(self) -> Callable[[Access], Image] | None:
        """Finds the image that the jobs run in, whose Python they use; None where each node installs its own."""
