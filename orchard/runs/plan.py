"""What a run is going to do, decided before anything is created: `orchard plan` prints it, and a run follows it.

No clock and no network: the same arguments give the same plan.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchard.archive.addresses import as_arguments, told
from orchard.archive.too_many import check_rejected
from orchard.compute.jobs import Jobs
from orchard.compute.money import Offer, allowed_usd, choose
from orchard.compute.prices import EU_WEST_1
from orchard.compute.used import Saved, Used
from orchard.errors import OptionsError, command_line
from orchard.layout import ObjectAddress, log_prefix, model_uri, run_files
from orchard.pipeline.kinds import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchard.archive.collection import Collection
    from orchard.compute.base import Compute, Requests, Size
    from orchard.compute.estimate import Estimate
    from orchard.compute.prices import PriceTable
    from orchard.layout import ReleaseFiles
    from orchard.options import RunOptions
    from orchard.pipeline.input import ArchiveVersion
    from orchard.runs.found import ArchiveCounts, Found


@dataclass(frozen=True)
class Deployed:
    """What a deployment has made for runs to use.

    Attributes:
        release: The release whose jobs run, in the artefacts bucket.
        model: The model of runs that name none.
        engines: The engines whose wheels are published.
        given: All that the stack says of itself, by the names of a function's variables; `REGION` is where it is.
        charged: Whether anybody pays for what runs use.
        memory_bytes: What inspecting may take.
    """

    results_bucket: str
    release: ReleaseFiles
    model: str
    engines: tuple[str, ...]
    compute: Compute
    given: Mapping[str, str]
    charged: bool
    memory_bytes: int


@dataclass(frozen=True)
class Plan:
    """What a run of an archive would find, take and cost.

    Attributes:
        found: What the run is to work with.
        options: The user's, the split in the archive's spelling.
        sizes: A few sizes that it might have, this one among them, and what they would take and cost.
        saved: What a run would take and cost more that computes all of it; None where none of it is there.
    """

    found: Found
    options: RunOptions
    compute: Compute
    size: Size
    estimate: Estimate
    sizes: tuple[Offer, ...]
    saved: Saved | None

    @classmethod
    def of(
        cls,
        found: Found,
        options: RunOptions,
        compute: Compute,
        *,
        region: str,
        given: Mapping[str, str] = MappingProxyType({}),
        prices: PriceTable = EU_WEST_1,
    ) -> Plan:
        """Plan a run on a compute in a region, of what was found.

        Raises:
            OptionsError: The options ask for a split that the archive does not have, allow less money than any size
                costs, or keep a cluster where there is none.
        """
        if options.keep and compute.kept is None:
            cause = f"runs on {compute.name} have no cluster: their {compute.paid_for} end with the work"
            raise OptionsError("Nothing can be kept after the run", cause, "orchard run --help")
        options = replace(options, fit_split=canonical_split(options.fit_split, found.counts, found.shown_by))
        chosen, sizes = choose(
            compute, found.work, options, region=region, given=given, again=found.run_by, prices=prices
        )
        saved = None
        if found.work != found.whole:
            every = replace(options, max_usd=None)  # which need not be enough for all of it
            whole, _ = choose(compute, found.whole, every, region=region, given=given, again="", prices=prices)
            saved = Saved.of(whole.estimate, chosen.estimate)
        return cls(found, options, compute, chosen.size, chosen.estimate, sizes, saved)

    @property
    def counts(self) -> ArchiveCounts:
        """How many images there are, and what else."""
        return self.found.counts

    @property
    def used(self) -> Used:
        """What earlier runs have done of it, for people."""
        minutes, usd = (self.saved.minutes, self.saved.usd) if self.saved else (None, None)
        return Used(self.found.known, minutes, usd)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {
            "archive": self.found.archive,
            "origin": dict(self.found.origin.runs),
            "stages": list(self.found.origin.stages),
            "known": self.found.known,
            "saved": self.saved and asdict(self.saved),
            "counts": asdict(self.counts),
            **_in_detail(self.found.inventory),
            "engine": self.options.engine,
            "options": {name: value for name, value in asdict(self.options).items() if value is not None},
            "compute": self.compute.name,
            "cluster": {
                "nodes": str(self.size),
                "worker_vcpus": self.size.worker_vcpus,
                "reason": self.size.reason,
            },
            "estimate": self.estimate.to_json(),
            "sizes": [{**one.to_json(), "planned": one.size == self.size} for one in self.sizes],
        }


@dataclass(frozen=True)
class RunPlan(Plan):
    """The plan of one run, and what it asks for.

    Attributes:
        charged: Whether anybody pays for what the run uses.
    """

    jobs: Jobs
    model: str
    requests: Requests
    charged: bool

    def to_execution(self) -> dict[str, Any]:
        """What the state machine needs, and a few facts for people: a few kilobytes whatever the archive holds."""
        return {
            "accepted": True,
            "run_uri": self.jobs.run_uri,
            "log_uri": self.jobs.log_uri,
            "compute": self.compute.name,
            **self.requests.execution,
            "options": asdict(self.options),
            "release": self.jobs.release.release,
            "model": self.model,
            "origin": dict(self.found.origin.named),
            "known": self.found.known,
            "saved": self.saved and asdict(self.saved),
            "sources": told(self.found.uris),
            "counts": asdict(self.counts),
            "size": {"nodes": str(self.size), "reason": self.size.reason},
            "estimate": self.estimate.to_json(),
            "charged": self.charged,
        }

    def for_file(self) -> dict[str, Any]:
        """All of it, for `plan.json`."""
        jobs = self.jobs
        return {
            "run_id": jobs.run_id,
            "archive": {**asdict(jobs.archive), "uri": jobs.archive.uri},
            "sources": self.found.uris,
            "origin": dict(self.found.origin.named),
            "known": self.found.known,
            "saved": self.saved and asdict(self.saved),
            "content": self.found.archive.get("content", ""),
            "options": asdict(self.options),
            "release": jobs.release.release,
            "model": self.model,
            "run_uri": jobs.run_uri,
            "log_uri": jobs.log_uri,
            "counts": asdict(self.counts),
            "compute": self.compute.name,
            "cluster": self.requests.cluster,
            "steps": jobs.commands,
            "estimate": self.estimate.to_json(),
            "charged": self.charged,
        }


def plan_run(run_id: str, archive: ArchiveVersion, options: RunOptions, found: Found, deployed: Deployed) -> RunPlan:
    """Plan the run of an upload: a zip, or a request, for which this was found.

    Raises:
        OptionsError: As `Plan.of`, or the options allow more money than the stack.
        TooManyRejectedError: The directory alone tells that too many of its images are rejected.
    """
    reads_sources = kind_of(archive.key) is Kind.REQUEST and found.inventory is not None
    check_directory(found.inventory, options.max_rejected, as_arguments(found.uris))
    options = replace(options, max_usd=allowed_usd(options.max_usd, deployed.given))
    region = deployed.given["REGION"]
    plan = Plan.of(found, options, deployed.compute, region=region, given=deployed.given)
    run = run_files(deployed.results_bucket, run_id)
    model = found.model or options.model or deployed.model
    jobs = Jobs(
        run_id=run_id,
        archive=archive,
        sources=run.sources if reads_sources else "",
        options=plan.options,
        release=deployed.release,
        model_uri=model_uri(deployed.release.bucket, model),
        run_uri=run.base,
        log_uri=ObjectAddress(deployed.results_bucket, log_prefix(run_id)).uri,
        origin=found.origin,
    )
    requests = plan.compute.requests(plan.size, jobs, deployed.given)
    return RunPlan(**vars(plan), jobs=jobs, model=model, requests=requests, charged=deployed.charged)


def _in_detail(inventory: Collection | None) -> dict[str, Any]:
    if inventory is None:
        return {}
    duplicates = inventory.duplicates()
    return {
        "ignored": dict(inventory.ignored_reasons),
        "duplicates": duplicates and asdict(duplicates),
        "guessed_names": {"count": inventory.guessed, "example": inventory.guessed_example},
        "rejected": [{"path": one.path, "reason": one.reason} for one in inventory.rejections()],
    }


def check_directory(inventory: Collection | None, limit: float, archives: Sequence[str]) -> None:
    """Refuse an archive of which too much is rejected by its directory alone.

    Args:
        inventory: What it holds; None where no directory was read.
        limit: Which share may be, `RunOptions.max_rejected`.
        archives: The sources, as the user types them.

    Raises:
        TooManyRejectedError: More than this share is rejected.
    """
    if inventory is None:
        return
    check_rejected(
        inventory.rejected,
        inventory.images + inventory.skipped,
        limit,
        archives=archives,
        listed=f"{command_line(['orchard', 'plan', *archives, '--json'])} lists them all",
        rejections=inventory.rejections,
    )


def canonical_split(wanted: str | None, counts: ArchiveCounts, plan: str) -> str | None:
    """The split in the archive's spelling; `training` means `Training`, since folders may be in any case too.

    Args:
        wanted: What the user calls it; None for no split.
        plan: The command that shows which there are.

    Raises:
        OptionsError: The archive, or the subset chosen of it, has no such split.
    """
    if wanted is None:
        return None
    named = [split for split in counts.splits if split]
    for split in named:
        if split.casefold() == wanted.casefold():
            return split
    there = f"it has {', '.join(named)}" if named else "its images are in no split"
    whole = "chosen subset" if counts.skipped else "archive"
    raise OptionsError(f"The {whole} has no split {wanted!r}", there, plan)
