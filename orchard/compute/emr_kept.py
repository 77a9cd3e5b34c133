"""Further steps on a cluster that is kept after those of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchard.compute.kept import Submitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_emr import EMRClient
    from mypy_boto3_emr.type_defs import StepConfigTypeDef

    from orchard.compute.base import Access


class KeptCluster:
    """A cluster that is kept: see `orchard.compute.kept.Kept`."""

    def submit(self, access: Access, cluster: str, name: str, command: Sequence[str]) -> str:
        """Queue a step; one that fails leaves the cluster, and those behind it, as they are."""
        step: StepConfigTypeDef = {
            "Name": name,
            "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args": list(command)},
        }
        [step_id] = _emr(access).add_job_flow_steps(JobFlowId=cluster, Steps=[step])["StepIds"]
        return step_id

    def look(self, access: Access, cluster: str, step: str) -> Submitted:
        """How the step is; a cluster that ends cancels or interrupts it."""
        status = _emr(access).describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]
        details = status.get("FailureDetails", {})
        said = (details.get("Reason", ""), details.get("Message", ""), details.get("LogFile", ""))
        return Submitted(status["State"], "; ".join(filter(None, said)))


def _emr(access: Access) -> EMRClient:
    found: EMRClient = access.client("emr")
    return found
