"""Runs on clusters of EMR, one a run."""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from orchard.compute.base import Access, Alive, Need, Requests, Seen, StepLogs, Submitted
from orchard.compute.emr_plan import Cluster, cluster_size
from orchard.compute.emr_request import IDLE_SECONDS, cluster_name, run_job_flow, step_requests
from orchard.compute.sizing import AT_MOST
from orchard.layout import RUN_ID_TAG, STACK_TAG, STAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_emr import EMRClient
    from mypy_boto3_emr.literals import ClusterStateType
    from mypy_boto3_emr.type_defs import StepConfigTypeDef

    from orchard.compute.emr_plan import ClusterSize
    from orchard.compute.jobs import Jobs
    from orchard.compute.sizing import Ceiling
    from orchard.options import NodeChoice
    from orchard.pipeline.state import RunState

ALIVE: tuple[ClusterStateType, ...] = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")
"""The cluster states that go on costing money until somebody terminates the cluster."""

_MAX_IDS = 10  # TerminateJobFlows (API model)
_MOST_PAGES = 20
_AROUND = timedelta(minutes=5)  # the clocks of Step Functions and EMR need not agree


class KeptCluster:
    """A cluster that is kept: see `orchard.compute.base.Kept`."""

    def submit(self, access: Access, cluster: str, name: str, command: Sequence[str]) -> str:
        """Queue a step; one that fails leaves the cluster, and those behind it, as they are."""
        step: StepConfigTypeDef = {
            "Name": name,
            "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args": list(command)},
        }
        [step_id] = _emr(access).add_job_flow_steps(JobFlowId=cluster, Steps=[step])["StepIds"]
        return step_id

    def step_state(self, access: Access, cluster: str, step: str) -> Submitted:
        """How the step is; a cluster that ends cancels or interrupts it."""
        status = _emr(access).describe_step(ClusterId=cluster, StepId=step)["Step"]["Status"]
        details = status.get("FailureDetails", {})
        said = (details.get("Reason", ""), details.get("Message", ""), details.get("LogFile", ""))
        return Submitted(status["State"], "; ".join(filter(None, said)))


class Emr:
    """Clusters of EMR on EC2: see `orchard.compute.base.Compute`."""

    name = "emr-ec2"
    sized_in = "Cluster"
    worker = "cluster"
    ended = "terminated"
    paid_for = "cluster"
    works_by = "Steps"
    packs_environments = False
    image = None
    kept = KeptCluster()
    size = staticmethod(cluster_size)

    def ceiling(self, choice: NodeChoice, given: Mapping[str, str]) -> Ceiling:
        """As many core nodes as anybody may choose."""
        return AT_MOST

    def requests(self, size: ClusterSize, jobs: Jobs, given: Mapping[str, str]) -> Requests:
        """RunJobFlow's request, and `Steps` of AddJobFlowSteps."""
        cluster = Cluster.of(size, jobs.release, given["NODE_ROOT"])
        keep = jobs.options.keep or 0
        request = run_job_flow(cluster, jobs.run_id, jobs.log_uri, given, keep)
        return Requests({"cluster": request, "steps": step_requests(jobs), "keep": keep}, cluster.to_json())

    def alive(self, access: Access) -> Iterator[Alive]:
        """The clusters: all of them, on however many pages they are listed."""
        emr = _emr(access)
        for page in emr.get_paginator("list_clusters").paginate(ClusterStates=list(ALIVE)):
            for listed in page.get("Clusters", []):
                cluster: Any = emr.describe_cluster(ClusterId=listed["Id"])["Cluster"]
                tags = {tag.get("Key"): tag.get("Value", "") for tag in cluster.get("Tags", [])}
                if RUN_ID_TAG in tags:
                    created = cluster["Status"]["Timeline"]["CreationDateTime"]
                    yield Alive(listed["Id"], tags[RUN_ID_TAG], tags.get(STACK_TAG, ""), created, self)

    def end_work(self, access: Access, ids: Sequence[str]) -> None:
        """Terminate clusters."""
        for start in range(0, len(ids), _MAX_IDS):
            _emr(access).terminate_job_flows(JobFlowIds=list(ids[start : start + _MAX_IDS]))

    def look(self, access: Access, state: RunState, since: datetime, now: datetime, *, steps: bool = True) -> Seen:
        """The cluster that the run knows, and its steps.

        By their names, since after a launch that failed the state still has the ids of another cluster's. EMR forgets a
        cluster after two months, a month before Step Functions forgets the execution.
        """
        if not state.cluster:
            return Seen()
        from botocore.exceptions import ClientError  # only here: who names a compute need not wait for botocore

        from orchard.aws.errors import is_absent

        emr = _emr(access)
        try:
            status: Mapping[str, Any] = emr.describe_cluster(ClusterId=state.cluster)["Cluster"]["Status"]
        except ClientError as error:
            if not is_absent(error):
                raise
            return Seen()
        listed = emr.get_paginator("list_steps").paginate(ClusterId=state.cluster) if steps else ()  # the latest first
        every = [step for page in listed for step in page["Steps"]]
        found = {step["Name"]: step for step in reversed(every) if step["Name"] in STAGES}
        return Seen(status, found, _seconds(status, now))

    def find_cluster(self, access: Access, run: str, started: datetime, ended: datetime) -> str:
        """The last cluster with the run's name and tag."""
        emr = _emr(access)
        pages = emr.get_paginator("list_clusters").paginate(
            CreatedAfter=started - _AROUND, CreatedBefore=ended + _AROUND
        )
        for page in islice(pages, _MOST_PAGES):
            for listed in page.get("Clusters", []):
                if listed.get("Name") == cluster_name(run):
                    tags = emr.describe_cluster(ClusterId=listed["Id"])["Cluster"].get("Tags", [])
                    if {"Key": RUN_ID_TAG, "Value": run} in tags:
                        return listed["Id"]
        return ""

    def logs(self, access: Access, log_uri: str, cluster: str, step: str) -> StepLogs:
        """What EMR writes three to ten minutes late while the cluster lives."""
        folder = f"{log_uri.rstrip('/')}/{cluster}"
        own = f"{folder}/steps/{step}"

        def executors(applications: Sequence[str]) -> list[str]:
            return [f"{folder}/containers/{application}" for application in applications]

        return StepLogs(f"{own}/stdout.gz", f"{own}/stderr.gz", executors, f"{own}/controller.gz")

    def left_over(self, state: RunState) -> str:
        """A cluster that was not terminated, or has not ended in time."""
        late = state.termination_failure is not None and state.termination_failure.error == "ClusterLeftOver"
        how = "has not ended in time" if late else "could not be terminated"
        minutes = math.ceil((IDLE_SECONDS + state.plan.keep) / 60)
        return f"The cluster {state.cluster or 'of this run'} {how}; it ends by itself after {minutes} idle minutes."

    def leave(self, access: Access, after: Mapping[str, str]) -> str:
        """A stack has nothing for clusters that could not be deleted as it is."""
        return ""

    def quota(self, region: str) -> None:
        """That of EC2's instances, which is an account's, whatever is deployed."""

    def needs(self) -> Mapping[str, Callable[[Access], Need]]:
        """Nothing."""
        return {}


def _emr(access: Access) -> EMRClient:
    client: EMRClient = access.client("emr")
    return client


def _seconds(status: Mapping[str, Any], now: datetime) -> float | None:
    """How long a cluster has existed; None if its status does not say when it was created."""
    timeline = status.get("Timeline", {})
    if "CreationDateTime" not in timeline:
        return None
    existed: timedelta = timeline.get("EndDateTime", now) - timeline["CreationDateTime"]
    return max(0.0, existed.total_seconds())
