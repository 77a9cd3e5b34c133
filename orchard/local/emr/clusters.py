"""EMR clusters that live.

Written for moto 5.2.5, where a cluster waits as soon as it is asked for, the first step runs forever and the others
wait for it, and CancelSteps, AutoTerminationPolicy and the reasons of states are unknown. In `moto.emr.models`,
replaced are `Cluster.run_bootstrap_actions`, `add_steps`, `terminate` and `status`, and `Step.status`; in
`moto.emr.responses`, `ElasticMapReduceResponse.run_job_flow` is wrapped to read what moto leaves unread, and
`cancel_steps` is new.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from orchard.local.emr.cluster import ALIVE, LiveCluster
from orchard.local.iam.roles import node_key
from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchard.local.emr.nodes import Machine


@contextmanager
def living_clusters(machine: Machine) -> Iterator[None]:
    """Have moto's clusters live on a machine; at the end, they end."""
    from moto.core.responses import ActionResult
    from moto.emr import models
    from moto.emr.exceptions import ValidationException
    from moto.emr.responses import ElasticMapReduceResponse

    living: dict[str, LiveCluster] = {}

    def add_steps(self: Any, steps: list[dict[str, Any]]) -> list[Any]:
        if getattr(self, "state", "STARTING") not in ALIVE:
            raise ValidationException("A job flow that is shutting down, terminated, or finished may not be modified.")
        added = [models.Step(state="PENDING", **step) for step in steps]
        self.steps.extend(added)
        if self.id in living:  # one that does not live yet finds them when it does
            living[self.id].steps_added()
        return added

    def terminate(self: Any) -> None:
        living[self.id].terminate()

    original_run_job_flow = ElasticMapReduceResponse.run_job_flow

    def run_job_flow(self: Any) -> Any:
        answer = original_run_job_flow(self)
        cluster = self.backend.clusters[cast("dict[str, str]", answer.result)["JobFlowId"]]
        for step in cluster.steps:
            step.start_date_time = None  # moto has started the first one
        policy = self._get_param("AutoTerminationPolicy") or {}
        configurations = [_plain(one) for one in self._get_param("Configurations", [])]
        node = machine.acting_as(node_key(cluster.job_flow_role, cluster.emr_backend.account_id))
        living[cluster.id] = live = LiveCluster(cluster, node, node.s3(), configurations, policy.get("IdleTimeout"))
        live.start()
        return answer

    def cancel_steps(self: Any) -> Any:
        cluster = self.backend.describe_cluster(self._get_param("ClusterId"))
        steps = {step.id: step for step in cluster.steps}
        infos = []
        for step_id in self._get_param("StepIds", []):
            refused = (
                living[cluster.id].cancel(steps[step_id]) if step_id in steps else f"Step id '{step_id}' is not valid."
            )
            info = {"StepId": step_id, "Status": "SUBMITTED" if refused is None else "FAILED", "Reason": refused}
            infos.append({name: value for name, value in info.items() if value is not None})
        return ActionResult({"CancelStepsInfoList": infos})

    with (
        replaced(
            models.Cluster,
            run_bootstrap_actions=lambda self: None,  # it will, on a thread of its own
            add_steps=add_steps,
            terminate=terminate,
            status=property(_cluster_status),
        ),
        replaced(models.Step, status=property(_step_status)),
        replaced(models.ElasticMapReduceBackend, add_job_flow_steps=_add_job_flow_steps, describe_step=_describe_step),
        replaced(ElasticMapReduceResponse, run_job_flow=run_job_flow, cancel_steps=cancel_steps),
    ):
        try:
            yield
        finally:
            for live in living.values():
                live.terminate()
            for live in living.values():
                live.join()


def _add_job_flow_steps(self: Any, job_flow_id: str, steps: list[dict[str, Any]]) -> list[Any]:
    added: list[Any] = self.describe_cluster(job_flow_id).add_steps(steps)
    return added


def _describe_step(self: Any, cluster_id: str, step_id: str) -> Any:
    from moto.emr.exceptions import InvalidRequestException

    for step in self.describe_cluster(cluster_id).steps:
        if step.id == step_id:
            return step
    raise InvalidRequestException(f"Step id '{step_id}' is not valid.")


def _cluster_status(cluster: Any) -> dict[str, Any]:
    timeline = {
        "CreationDateTime": cluster.creation_datetime,
        "ReadyDateTime": cluster.ready_datetime,
        "EndDateTime": cluster.end_datetime,
    }
    return {
        "State": cluster.state,
        "StateChangeReason": getattr(cluster, "state_change_reason", {}),
        "Timeline": _known(timeline),
    }


def _step_status(step: Any) -> dict[str, Any]:
    timeline = {
        "CreationDateTime": step.creation_date_time,
        "StartDateTime": step.start_date_time,
        "EndDateTime": step.end_date_time,
    }
    status = {"State": step.state, "StateChangeReason": {}, "Timeline": _known(timeline)}
    if hasattr(step, "failure_details"):
        status["FailureDetails"] = step.failure_details
    return status


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    """Moto's parsed parameters, as they were sent: it keeps them under other names beside their own."""
    if hasattr(value, "original_dict"):
        return {name: _plain(inner) for name, inner in value.original_dict().items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value
