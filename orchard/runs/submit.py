"""Another step on the cluster that a run has kept: other components of its features, as results of their own."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from orchard.compute.jobs import Jobs
from orchard.errors import RunFailedError, UsageError, command_line
from orchard.layout import ObjectAddress, ReleaseFiles, log_prefix, model_uri, run_files
from orchard.layout import run_id as id_of
from orchard.runs.plan import canonical_split
from orchard.runs.upload import refit_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from orchard.compute.base import Access, Kept
    from orchard.options import RunOptions
    from orchard.runs.earlier import EarlierRun
    from orchard.runs.progress import Progress

STAGE = "pca"
"""The stage that can be done once more beside those of a run: what is before it has files, which are used."""

_PAUSE = 3.0


@dataclass(frozen=True)
class KeptBy:
    """The cluster that a run keeps.

    Attributes:
        run: The run, whose features are used.
        progress: How it goes.
        artefacts_bucket: Where its release is.
    """

    run: str
    progress: Progress
    kept: Kept
    access: Access
    artefacts_bucket: str

    @classmethod
    def of(cls, run: str, progress: Progress, access: Access, artefacts_bucket: str) -> KeptBy:
        """The cluster of a run.

        Raises:
            UsageError: It is not kept.
        """
        kept = progress.compute.kept
        if progress.kept and kept is not None:
            return cls(run, progress, kept, access, artefacts_bucket)
        cause = (
            "its steps are not done, or its cluster is ending" if progress.known.plan.keep else "--keep was not given"
        )
        cause = f"it has ended: {progress.status}" if progress.ended else cause
        after = "refit" if progress.ended else "watch"
        raise UsageError(f"The run {run} keeps no cluster now", cause, command_line(["orchard", after, run]))

    def submit(self, s3: S3Client, earlier: EarlierRun, options: RunOptions) -> Submission:
        """Put a step on it, with the release of its other steps.

        What it makes is as complete as a run, and is read like one; its `plan.json` says what it begins with.

        Args:
            earlier: The run as it has left its files.
            options: Which components.

        Raises:
            OptionsError: The run has no such split.
        """
        found, bucket = earlier.for_refit(), ObjectAddress.parse(earlier.files.base).bucket
        split = canonical_split(options.fit_split, found.counts, found.shown_by)
        name = id_of(bucket, refit_key(self.run), version_id=secrets.token_hex())
        jobs = Jobs(
            run_id=name,
            archive=self.progress.known.archive.version(),
            sources="",
            options=replace(options, engine=earlier.engine, fit_split=split),
            release=ReleaseFiles(self.artefacts_bucket, self.progress.known.plan.release),
            model_uri=model_uri(self.artefacts_bucket, found.model),
            run_uri=run_files(bucket, name).base,
            log_uri=ObjectAddress(bucket, log_prefix(self.run)).uri,
            origin=found.origin,
        )
        plan = {
            "run_id": name,
            "origin": dict(found.origin.named),
            "options": asdict(jobs.options),
            "release": jobs.release.release,
            "model": found.model,
            "run_uri": jobs.run_uri,
            "log_uri": jobs.log_uri,
            "steps": jobs.commands,
        }
        address = ObjectAddress.parse(run_files(bucket, name).plan)
        body = json.dumps(plan, indent=2).encode()
        s3.put_object(Bucket=address.bucket, Key=address.key, Body=body, ContentType="application/json")
        cluster = self.progress.known.cluster
        step = self.kept.submit(self.access, cluster, f"{STAGE} of {name}", jobs.commands[STAGE])
        return Submission(name, cluster, step)

    def await_end(self, submission: Submission, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Wait until a step is done.

        Raises:
            RunFailedError: It failed, or its cluster ended before it was done.
        """
        while not (found := self.kept.step_state(self.access, submission.cluster, submission.step)).ended:
            sleep(_PAUSE)
        if found.state != "COMPLETED":
            said = found.reason or "its cluster has ended, or somebody has cancelled it"
            raise RunFailedError(
                f"The step {submission.step} is {found.state}", said, command_line(["orchard", "refit", self.run])
            )


@dataclass(frozen=True)
class Submission:
    """A step on a kept cluster.

    Attributes:
        run_id: What its results are called, which lie beside those of runs.
        cluster: The id of the cluster.
        step: The id of the step.
    """

    run_id: str
    cluster: str
    step: str
