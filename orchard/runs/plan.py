"""What a run is going to do, decided before anything is created: the one thing that `plan` prints and a run follows."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from orchard.archive.too_many import check_rejected
from orchard.compute.emr_plan import plan_cluster
from orchard.compute.emr_request import run_job_flow
from orchard.compute.emr_steps import job_arguments, step_arguments, step_requests
from orchard.compute.estimate import estimate
from orchard.compute.serverless_jobs import job_requests
from orchard.compute.serverless_plan import EC2, SERVERLESS, ServerlessPlan, as_serverless
from orchard.errors import OptionsError, command_line
from orchard.layout import ObjectAddress, ReleaseFiles, log_prefix, model_uri, run_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchard.archive.checks import Inventory
    from orchard.archive.rejection import Rejection
    from orchard.compute.emr_plan import ClusterPlan
    from orchard.compute.emr_request import StackParts
    from orchard.compute.estimate import Estimate
    from orchard.options import RunOptions
    from orchard.pipeline.input import ArchiveVersion


@dataclass(frozen=True)
class ArchiveCounts:
    """What the archive holds, as its central directory says.

    Attributes:
        entries: All entries; the sum of the next four.
        directories: Of them directories.
        ignored: Of them noise and files that are no images.
        rejected: Of them members that cannot be read safely.
        images: Of them images.
        image_bytes: The images' total size out of the archive, bytes.
        classes: Number of distinct labels.
        splits: Split → number of images; the empty split is that of images in none.
    """

    entries: int
    directories: int
    ignored: int
    rejected: int
    images: int
    image_bytes: int
    classes: int
    splits: dict[str, int]

    @classmethod
    def of(cls, inventory: Inventory) -> ArchiveCounts:
        """Count what was found."""
        splits: Counter[str] = Counter()
        for (split, _), count in inventory.counts.items():
            splits[split] += count
        return cls(
            entries=inventory.entries,
            directories=inventory.directories,
            ignored=inventory.ignored,
            rejected=len(inventory.rejected),
            images=len(inventory.images),
            image_bytes=inventory.uncompressed_bytes,
            classes=len({label for _, label in inventory.counts}),
            splits=dict(sorted(splits.items())),
        )


@dataclass(frozen=True)
class RunPlan:
    """What a run is going to do.

    Attributes:
        run_id: Its id.
        archive: The object version that it is about.
        options: The user's.
        release: The release whose jobs run.
        model: The model that computes the features.
        run_uri: The folder of its files.
        log_uri: Where EMR writes its logs, with a final slash.
        counts: What the archive holds.
        compute: What it works on, one of `orchard.compute.serverless_plan.COMPUTES`.
        cluster: The cluster, or the workers on EMR Serverless.
        request: What RunJobFlow is called with; empty on EMR Serverless.
        steps: Stage → arguments of its step.
        jobs: On EMR Serverless the jobs, as StartJobRun takes them; else none.
        estimate: What it will take and cost on AWS.
        charged: Whether anybody pays that.
    """

    run_id: str
    archive: ArchiveVersion
    options: RunOptions
    release: str
    model: str
    run_uri: str
    log_uri: str
    counts: ArchiveCounts
    compute: str
    cluster: ClusterPlan | ServerlessPlan
    request: dict[str, Any]
    steps: dict[str, list[str]]
    jobs: list[dict[str, Any]]
    estimate: Estimate
    charged: bool

    def to_execution(self) -> dict[str, Any]:
        """What the state machine needs, and a few facts for people: a few kilobytes whatever the archive holds."""
        return {
            "accepted": True,
            "run_uri": self.run_uri,
            "log_uri": self.log_uri,
            "compute": self.compute,
            **self._work(),
            "options": asdict(self.options),
            "release": self.release,
            "model": self.model,
            "counts": asdict(self.counts),
            "size": {"nodes": str(self.cluster), "reason": self.cluster.reason},
            "estimate": self.estimate.to_json(),
            "charged": self.charged,
        }

    def _work(self) -> dict[str, Any]:
        """What the state machine asks EMR for, or EMR Serverless."""
        if isinstance(self.cluster, ServerlessPlan):
            return {"jobs": self.jobs}
        return {"cluster": self.request, "steps": step_requests(self.steps)}

    def to_json(self) -> dict[str, Any]:
        """All of it, for `plan.json`."""
        return {
            "run_id": self.run_id,
            "archive": {**asdict(self.archive), "uri": self.archive.uri},
            "options": asdict(self.options),
            "release": self.release,
            "model": self.model,
            "run_uri": self.run_uri,
            "log_uri": self.log_uri,
            "counts": asdict(self.counts),
            "compute": self.compute,
            "cluster": self.cluster.to_json(),
            "steps": self.steps,
            "estimate": self.estimate.to_json(),
            "charged": self.charged,
        }


def plan_run(
    *,
    run_id: str,
    archive: ArchiveVersion,
    options: RunOptions,
    inventory: Inventory,
    release: ReleaseFiles,
    model: str,
    results_bucket: str,
    node_root: str,
    stack: StackParts,
    compute: str = EC2,
    charged: bool = True,
) -> RunPlan:
    """Decide what a run is going to do; no clock, no network: the same arguments give the same plan.

    Args:
        run_id: Its id.
        archive: The object version that it is about.
        options: The user's.
        inventory: What the archive holds.
        release: The release whose jobs run, in the artefacts bucket.
        model: The id of the model, in the same bucket.
        results_bucket: Where the run's files and logs go.
        node_root: The folder of the nodes in which the Python environment is made.
        stack: What the stack gives every cluster.
        compute: What the stack's runs work on, one of `orchard.compute.serverless_plan.COMPUTES`.
        charged: Whether anybody pays for what the run uses.

    Returns:
        The plan.

    Raises:
        OptionsError: The options ask for a split that the archive does not have.
        TooManyRejectedError: The directory alone tells that too many of its images are rejected.
    """
    counts = ArchiveCounts.of(inventory)
    check_directory(inventory.rejected, counts.images, options.max_rejected, archive.uri.rsplit("/", 1)[-1])
    options = replace(options, fit_split=canonical_split(options.fit_split, counts.splits))
    run_uri = run_files(results_bucket, run_id).base
    log_uri = ObjectAddress(results_bucket, log_prefix(run_id)).uri
    cluster = plan_cluster(
        counts.images,
        counts.image_bytes,
        options.engine,
        release=release,
        node_root=node_root,
        region=stack.region,
        choice=options.nodes,
    )
    work: dict[str, Any] = {
        "archive": archive,
        "run_uri": run_uri,
        "model_uri": model_uri(release.bucket, model),
        "options": options,
    }
    workers, jobs = None, []
    if compute == SERVERLESS:
        workers, arguments = as_serverless(cluster, release), job_arguments(**work)
        jobs = job_requests(workers, release=release, arguments=arguments, run_id=run_id, log_uri=log_uri)
    return RunPlan(
        run_id=run_id,
        archive=archive,
        options=options,
        release=release.release,
        model=model,
        run_uri=run_uri,
        log_uri=log_uri,
        counts=counts,
        compute=compute,
        cluster=workers or cluster,
        request={} if workers else run_job_flow(cluster, run_id, log_uri, stack),
        steps=step_arguments(release=release, **work),
        jobs=jobs,
        estimate=estimate(workers or cluster, counts.images, counts.image_bytes),
        charged=charged,
    )


def check_directory(rejected: Sequence[Rejection], images: int, limit: float, archive: str) -> None:
    """Refuse an archive of which too much is rejected by its directory alone.

    Args:
        rejected: What is.
        images: How many images are not.
        limit: Which share may be, `RunOptions.max_rejected`.
        archive: The archive, as the user types it.

    Raises:
        TooManyRejectedError: More is.
    """
    check_rejected(
        len(rejected),
        images,
        limit,
        archive=archive,
        listed=f"{command_line(['orchard', 'plan', archive, '--json'])} lists them all",
        rejections=lambda: rejected,
    )


def canonical_split(wanted: str | None, splits: dict[str, int]) -> str | None:
    """The split in the archive's spelling; `training` means `Training`, since folders may be in any case too.

    Args:
        wanted: What the user calls it; None for no split.
        splits: Split → number of images.

    Raises:
        OptionsError: The archive has no such split.
    """
    if wanted is None:
        return None
    named = [split for split in splits if split]
    for split in named:
        if split.casefold() == wanted.casefold():
            return split
    there = f"it has {', '.join(named)}" if named else "its images are in no split"
    raise OptionsError(f"The archive has no split {wanted!r}", there, "orchard plan ZIP")
