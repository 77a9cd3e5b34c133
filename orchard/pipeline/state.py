"""What is known of a run: the data of its execution, read once, whatever they look like.

docs/statemachine.md says where each part comes from. What is not there, or is of another kind, is empty: a run that
failed has to be described all the more when its data are odd.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from orchard.errors import command_line
from orchard.layout import ObjectAddress
from orchard.pipeline.duplicates import Duplicates
from orchard.pipeline.input import GivenArchive
from orchard.pipeline.kinds import Kind, kind_of
from orchard.pipeline.origin import NO_ORIGIN, Origin
from orchard.pipeline.predictions import Predicted
from orchard.pipeline.values import Parsed, parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REFUSED = "ArchiveRefused"
"""The error of a run whose archive was refused: a contract with statemachine/pipeline.asl.json."""


@dataclass(frozen=True)
class PlannedCost(Parsed):
    """What a plan expects of the cost, US dollars: see `orchard.compute.estimate.Estimate`."""

    total_usd: float | None = None
    usd_per_hour: float | None = None
    price_date: str = ""
    region: str = ""


@dataclass(frozen=True)
class PlannedRun(Parsed):
    """The part of a run's plan that people see: see `orchard.runs.plan.RunPlan.to_execution`.

    Attributes:
        run_uri: The folder of the run's files.
        log_uri: Where its logs are written.
        compute: What the run works on, one of `orchard.compute.registry.COMPUTES`.
        engine: What computes the features.
        sources: What it reads, in a few words: the first source, and how many more.
        origin: The earlier runs whose files it uses.
        known: Of how many images features are copied.
        saved_minutes: What the run would take longer without them.
        saved_usd: What it would cost more, US dollars.
        images: How many images the archive holds; None before that is known.
        classes: Of how many classes.
        splits: Split → number of images.
        estimate: What it will cost.
        charged: Whether anybody pays that.
        keep: For how many seconds after the last step its cluster is kept.
        release: The release whose jobs run.
        next: Of a refusal what the user can do, if that is known.
    """

    run_uri: str = ""
    log_uri: str = ""
    compute: str = ""
    engine: Annotated[str, "options.engine"] = ""
    sources: str = ""
    origin: Origin = NO_ORIGIN
    known: int = 0
    saved_minutes: Annotated[float | None, "saved.minutes"] = None
    saved_usd: Annotated[float | None, "saved.usd"] = None
    images: Annotated[int | None, "counts.images"] = None
    classes: Annotated[int, "counts.classes"] = 0
    splits: Annotated[dict[str, int], "counts.splits"] = field(default_factory=dict)
    estimate: PlannedCost = PlannedCost()
    charged: bool = True
    keep: int = 0
    release: str = ""
    next: str = ""


@dataclass(frozen=True)
class Place(Parsed):
    """Where a run stands in the order of runs.

    Attributes:
        may_go: Whether its turn has come.
        ahead: How many runs that started before it go on; None if that is not known.
        wait_seconds: Seconds until it should be asked again; 0 if its turn has come.
    """

    may_go: bool = True
    ahead: int | None = None
    wait_seconds: int = 0

    def __str__(self) -> str:
        if self.ahead is None:
            return "waits for its turn"
        return f"waits for its turn, behind {self.ahead:,} run{'' if self.ahead == 1 else 's'}"

    def to_json(self) -> dict[str, Any]:
        """The place as the state machine takes it."""
        return asdict(self)


@dataclass(frozen=True)
class ErrorDetail(Parsed):
    """One of `Cluster.Status.ErrorDetails`."""

    code: Annotated[str, "ErrorCode"] = ""
    message: Annotated[str, "ErrorMessage"] = ""
    data: Annotated[tuple[dict[str, object], ...], "ErrorData"] = ()


@dataclass(frozen=True)
class ClusterStatus(Parsed):
    """What EMR says about the end of a cluster, in `Cluster.Status`: the reason of its last change, and errors."""

    code: Annotated[str, "StateChangeReason.Code"] = ""
    message: Annotated[str, "StateChangeReason.Message"] = ""
    errors: Annotated[tuple[ErrorDetail, ...], "ErrorDetails"] = ()


@dataclass(frozen=True)
class Failure(Parsed):
    """What stopped the state machine, or kept it from ending what works for a run, as Step Functions writes errors."""

    error: Annotated[str, "Error"] = ""
    cause: Annotated[str, "Cause"] = ""

    @property
    def message(self) -> str:
        """The cause without its wrapping: a Lambda's error arrives as JSON (errorMessage, errorType, stackTrace)."""
        return _LambdaError.from_text(self.cause).message or self.cause


@dataclass(frozen=True)
class _LambdaError(Parsed):
    message: Annotated[str, "errorMessage"] = ""


@dataclass(frozen=True)
class RunState(Parsed):
    """What is known of a run.

    Attributes:
        run_id: Its id.
        archive: The zip that it was started for.
        plan: What was decided about it.
        waited: For how long it waited for its turn, seconds.
        place: Its place among those that wait, as it was last known.
        launch: Which launch of a cluster this is: 1, 2 or 3; 0 before the first.
        cluster: The cluster of the present launch; "" before there is one.
        steps: Stage → id of its step; after a launch that failed these are those of the cluster before.
        cluster_status: How the cluster was before its end was requested.
        job_run: The present job run, or the last.
        failure: Why it failed or was refused; None if it did not.
        termination_failure: Why something may live on; None if nothing does.
    """

    run_id: str = ""
    archive: Annotated[GivenArchive, "input"] = field(default_factory=GivenArchive)
    plan: Annotated[PlannedRun, "inspected.plan"] = PlannedRun()
    waited: Annotated[float, "turn.waited"] = 0
    place: Annotated[Place, "queue.place"] = Place()
    launch: Annotated[int, "launch.attempt"] = 0
    cluster: Annotated[str, "cluster.id"] = ""
    steps: dict[str, Annotated[str, "id"]] = field(default_factory=dict)
    cluster_status: ClusterStatus = ClusterStatus()
    job_run: Annotated[str, "job_run.id"] = ""
    failure: Failure | None = None
    termination_failure: Failure | None = None

    @classmethod
    def parse(cls, data: object) -> RunState:
        """Read the state machine's variable `run`, whatever it looks like. Never raises."""
        return cls.from_data(data)

    @classmethod
    def of_history(cls, events: Iterable[Mapping[str, Any]], given: str = "") -> RunState:
        """What the state machine knew of a run at last.

        Args:
            events: Those of GetExecutionHistory, newest first; no more are taken than are needed.
            given: The execution's input, for a run whose events say nothing yet.
        """
        for event in events:
            left = event.get("stateExitedEventDetails", {})
            known = parsed(left.get("assignedVariables", {}).get("run", ""))
            if isinstance(known, dict):
                return cls.parse({"input": parsed(given), **known})
        return cls.parse({"input": parsed(given)})

    @property
    def name(self) -> str:
        """Its id, for people."""
        return self.run_id or "without a name"

    @property
    def refused(self) -> bool:
        """Whether its archive was refused."""
        return self.failure is not None and self.failure.error == REFUSED

    @property
    def remedy(self) -> str:
        """What to type after a refusal."""
        archive = self.archive.key.rpartition("/")[2] if kind_of(self.archive.key) is Kind.ZIP else ""
        return self.plan.next or command_line(["orchard", "plan", archive or "SOURCES"])

    @property
    def reads(self) -> str:
        """What the run reads, in a few words: until that is known what it was started for; "" if nothing is known."""
        return self.plan.sources or self.archive.uri

    @property
    def awaits(self) -> Place | None:
        """Its place, if it waits for its turn."""
        return None if self.place.may_go else self.place

    @property
    def bucket(self) -> str:
        """A bucket of the stack that it belongs to; "" if none is known."""
        try:
            return ObjectAddress.parse(self.plan.run_uri).bucket
        except ValueError:
            return self.archive.bucket


@dataclass(frozen=True)
class RunSummary(Parsed):
    """What a run's `summary.json` says, as far as a notice tells it.

    Attributes:
        images: How many images were unpacked.
        vectors: How many feature vectors there are.
        rejected_in_unzip: How many images were not unpacked.
        rejected_in_featurize: Of how many there are no features.
        engine: What computed the features.
        network: By which network.
        weights: With which weights.
        kept: How many components there are.
        cumulative: Which share of the variance they explain.
        shortfall: Why there are fewer than were asked for.
        reduced: How many images were decoded at a fraction of their size.
        incomplete: How many were cut short, and have grey for the rest.
        ignored: How many entries are no images of the user's.
        ignored_reasons: The commonest reasons, and of how many.
        skipped: How many images the user did not want.
        duplicates: How many are there more than once.
        components_of: The run whose components these are; "" if they are its own.
        predicted: What that run's images say of this one's.
    """

    images: Annotated[int | None, "counts.images"] = None
    vectors: Annotated[int | None, "counts.features"] = None
    rejected_in_unzip: Annotated[int, "counts.rejected_in_unzip"] = 0
    rejected_in_featurize: Annotated[int, "counts.rejected_in_featurize"] = 0
    engine: str = ""
    network: Annotated[str, "model.name"] = ""
    weights: Annotated[str, "model.weights"] = ""
    kept: Annotated[int | None, "parameters.kept"] = None
    cumulative: Annotated[float | None, "parameters.cumulative"] = None
    shortfall: Annotated[str, "parameters.shortfall"] = ""
    reduced: Annotated[int, "counts.reduced"] = 0
    incomplete: Annotated[int, "counts.incomplete"] = 0
    ignored: Annotated[int, "counts.ignored"] = 0
    ignored_reasons: Annotated[dict[str, int], "ignored"] = field(default_factory=dict)
    skipped: Annotated[int, "counts.skipped"] = 0
    duplicates: Duplicates = field(default_factory=Duplicates)
    components_of: Annotated[str, "origin.components"] = ""
    predicted: Annotated[Predicted, "predictions"] = field(default_factory=Predicted)
