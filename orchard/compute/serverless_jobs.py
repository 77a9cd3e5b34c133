"""The three jobs of a run as EMR Serverless takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchard.layout import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchard.compute.serverless_plan import ServerlessPlan
    from orchard.layout import ReleaseFiles

EXECUTION_TIMEOUT_MINUTES = 250
"""After which EMR Serverless itself cancels a job run: the net below the state machine's patience, which the template
allows to be 240 minutes and which tells why."""


def job_name(run_id: str, stage: str) -> str:
    """The name of a job run, by which the job runs of a run are found."""
    return f"{run_id} {stage}"


def job_requests(
    plan: ServerlessPlan, *, release: ReleaseFiles, arguments: Mapping[str, Sequence[str]], run_id: str, log_uri: str
) -> list[dict[str, Any]]:
    """The jobs of a run as StartJobRun takes them, but for what the stack knows: application, role, tags, token.

    Args:
        plan: The workers.
        release: Where the jobs are.
        arguments: Stage → the job's own arguments.
        run_id: The run.
        log_uri: Where EMR Serverless writes its logs. Nobody else keeps a copy of them.

    Returns:
        The requests in the order of `STAGES`.
    """
    # joined by spaces and not quoted: no value has one, and how EMR Serverless reads quotes is not documented
    settings = [word for name, value in plan.spark_settings().items() for word in ("--conf", f"{name}={value}")]
    logs = {
        "S3MonitoringConfiguration": {"LogUri": log_uri},
        "ManagedPersistenceMonitoringConfiguration": {"Enabled": False},
    }
    return [
        {
            "Name": job_name(run_id, stage),
            "JobDriver": {
                "SparkSubmit": {
                    "EntryPoint": release.job(stage),
                    "EntryPointArguments": list(arguments[stage]),
                    "SparkSubmitParameters": " ".join(["--py-files", release.package, *settings]),
                }
            },
            "ConfigurationOverrides": {"MonitoringConfiguration": logs},
            "ExecutionTimeoutMinutes": EXECUTION_TIMEOUT_MINUTES,
        }
        for stage in STAGES
    ]
