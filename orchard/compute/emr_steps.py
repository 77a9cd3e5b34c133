"""The three jobs of a run, and the steps that run them as command-runner.jar takes them.

Master, deploy mode and memory are not here: they are the cluster's (`ClusterPlan.configurations`), so the same
arguments run the same job on a laptop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchard.layout import STAGES
from orchard.options import REJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchard.layout import ReleaseFiles
    from orchard.options import RunOptions
    from orchard.pipeline.input import ArchiveVersion


def job_arguments(
    *, archive: ArchiveVersion, run_uri: str, model_uri: str, options: RunOptions
) -> dict[str, list[str]]:
    """The arguments of each job.

    Args:
        archive: What is unzipped, pinned to its version or ETag.
        run_uri: The folder of the run's files.
        model_uri: The folder of the model.
        options: The user's.

    Returns:
        Stage → arguments, in the order of `STAGES`.
    """
    keep = ["--components", str(options.components)] if options.components else ["--variance", str(options.variance)]
    fit = ["--fit-split", options.fit_split] if options.fit_split else []
    truncated = ["--truncated", options.truncated] if options.truncated != REJECT else []
    limit = ["--max-rejected", str(options.max_rejected)]
    return {
        "unzip": ["--archive", archive.uri, "--run", run_uri, *limit, archive.pin],
        "featurize": ["--run", run_uri, "--model", model_uri, "--engine", options.engine, *truncated, *limit],
        "pca": ["--run", run_uri, *keep, *fit],
    }


def step_arguments(
    *, release: ReleaseFiles, archive: ArchiveVersion, run_uri: str, model_uri: str, options: RunOptions
) -> dict[str, list[str]]:
    """The arguments of each step.

    Args:
        release: Where the jobs are.
        archive: As for `job_arguments`, like the others.
        run_uri: The folder of the run's files.
        model_uri: The folder of the model.
        options: The user's.

    Returns:
        Stage → arguments, in the order of `STAGES`.
    """
    own = job_arguments(archive=archive, run_uri=run_uri, model_uri=model_uri, options=options)
    return {stage: ["spark-submit", "--py-files", release.package, release.job(stage), *own[stage]] for stage in STAGES}


def step_requests(arguments: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    """The steps as `Steps` of AddJobFlowSteps takes them.

    One that fails cancels those behind it, and leaves the cluster to be asked.

    Args:
        arguments: Stage → arguments, in the order of the steps.
    """
    return [
        {
            "Name": stage,
            "ActionOnFailure": "CANCEL_AND_WAIT",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args": own},
        }
        for stage, own in arguments.items()
    ]
