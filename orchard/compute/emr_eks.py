"""Runs on EMR on EKS: job runs of a virtual cluster that the user has, in a namespace of an EKS cluster of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchard.compute.base import Access, Image, Need, Requests, StepLogs
from orchard.compute.emr_eks_plan import as_pods, job_name, job_requests
from orchard.compute.images import RELEASE_LABEL
from orchard.compute.job_runs import JobRun, JobRuns, Listed, still_going_on
from orchard.compute.sizing import AT_MOST
from orchard.layout import STACK_TAG, STAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from orchard.compute.emr_eks_plan import EksSize
    from orchard.compute.emr_plan import ClusterSize
    from orchard.compute.jobs import Jobs
    from orchard.compute.sizing import Ceiling
    from orchard.options import NodeChoice

ALIVE = ("PENDING", "SUBMITTED", "RUNNING")
"""The states of job runs that go on, and cost money once they run, until they end or somebody cancels them."""

_AS_STEPS = {"SUBMITTED": "PENDING"}
"""A job run's state → the state of a step that is as far, where that has another name (JobRunState, API model)."""

_BEFORE_IT_RUNS = ("PENDING", "SUBMITTED")

_RELEASE, _ROLE = "EksReleaseLabel", "PodRoleName"
"""Outputs of the stack."""

_POD_IDENTITY = "pods.eks.amazonaws.com"


class EmrEks(JobRuns["EksSize"]):
    """Job runs of the stack's virtual cluster: see `orchard.compute.base.Compute`."""

    name = "emr-eks"
    places = ("VirtualClusterId", "VIRTUAL_CLUSTER_ID")

    def sized(self, cluster: ClusterSize) -> EksSize:
        """The pods."""
        return as_pods(cluster)

    def job_name(self, run_id: str, stage: str) -> str:
        """The name of a job run."""
        return job_name(run_id, stage)

    def ceiling(self, choice: NodeChoice, given: Mapping[str, str]) -> Ceiling:
        """As many executors as anybody may choose: how many nodes there are is the EKS cluster's matter."""
        return AT_MOST

    def requests(self, size: EksSize, jobs: Jobs, given: Mapping[str, str]) -> Requests:
        """Each job as StartJobRun takes it."""
        return Requests({"jobs": job_requests(size, jobs, given)}, size.to_json(jobs.release.environment(size.engine)))

    def going_on(self, access: Access, place: str) -> Iterator[Listed]:
        """Of a namespace that others may work in, too, those whose names are of ours."""
        listed = self._job_runs(access, place, states=list(ALIVE))
        return (one for one in listed if one.name.rpartition("/")[2] in STAGES)

    def since(self, access: Access, place: str, begin: datetime) -> Iterator[Listed]:
        """By their times."""
        return self._job_runs(access, place, createdAfter=begin)

    def _job_runs(self, access: Access, place: str, **which: Any) -> Iterator[Listed]:  # noqa: ANN401 (boto3's)
        for page in _client(access).get_paginator("list_job_runs").paginate(virtualClusterId=place, **which):
            for one in page["jobRuns"]:
                yield Listed(one["id"], one.get("name", ""), one["createdAt"])

    def told(self, access: Access, place: str, job_run: str) -> JobRun:
        """As DescribeJobRun tells it, which does not say when it began to run."""
        job = _described(access, place, job_run)
        said = ": ".join(job[part] for part in ("failureReason", "stateDetails") if job.get(part))
        return JobRun(
            id=job["id"],
            state=_AS_STEPS.get(job["state"], job["state"]),
            tags=job.get("tags") or {},
            created=job["createdAt"],
            started=None if job["state"] in _BEFORE_IT_RUNS else job["createdAt"],
            ended=job.get("finishedAt"),
            message=said,
        )

    def cancel(self, access: Access, place: str, job_run: str) -> None:
        """By CancelJobRun, which refuses one that has ended meanwhile."""
        client = _client(access)
        try:
            client.cancel_job_run(virtualClusterId=place, id=job_run)
        except client.exceptions.ValidationException:
            if _described(access, place, job_run)["state"] in ALIVE:
                raise

    def logs(self, access: Access, log_uri: str, cluster: str, step: str) -> StepLogs:
        """What EMR on EKS writes of each pod: the driver's, the executors', and the one that submits the job."""
        folder = f"{log_uri.rstrip('/')}/{self.place(access.given)}/jobs/{step}/containers"
        own = f"{folder}/spark-{step}/spark-{step}-driver"
        return StepLogs(f"{own}/stdout.gz", f"{own}/stderr.gz", lambda _: [folder])

    def leave(self, access: Access, after: Mapping[str, str]) -> str:
        """A stack that lets a virtual cluster go can neither see nor cancel the job runs on it any more.

        Raises:
            OrchardError: One of the stack's goes on there.
        """
        place = self.place(access.given)
        if place and place != self.place(after):
            own = (_described(access, place, one.id) for one in self.going_on(access, place))
            left = [one["name"] for one in own if (one.get("tags") or {}).get(STACK_TAG) == access.given["StackName"]]
            if left:
                raise still_going_on(left, f"the stack could not end them on the virtual cluster {place} any more")
        return ""

    def quota(self, region: str) -> None:
        """That of EC2's instances, or Fargate's, which is an account's."""

    def image(self, access: Access) -> Image:
        """That of the stack's release."""
        fix = f"sam deploy --parameter-overrides {_RELEASE}={RELEASE_LABEL}-latest"
        return Image(access.given.get(_RELEASE, ""), "", fix)

    def needs(self) -> Mapping[str, Callable[[Access], Need]]:
        """A virtual cluster, and that the pods of its namespace may take the role of the jobs."""
        return {"Virtual cluster": self._virtual_cluster, "Pod role": self._trust}

    def _virtual_cluster(self, access: Access) -> Need:
        found = self._found(access)
        if found is None or found["state"] != "RUNNING":
            state = found["state"] if found else "gone"
            new = "sam deploy --parameter-overrides VirtualClusterId=… (aws emr-containers list-virtual-clusters)"
            return Need(f"{self.place(access.given)} is {state}", new)
        provider = found["containerProvider"]
        return Need(f"{found['id']}: the namespace {_namespace(found)} of the EKS cluster {provider['id']}")

    def _trust(self, access: Access) -> Need:
        found, role = self._found(access), access.given[_ROLE]
        if found is None:
            return Need(f"who may take {role} depends on the virtual cluster, which is not there", "orchard doctor")
        document = access.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        namespace = _namespace(found)
        if trusts(document, namespace):
            return Need(f"{role}, for the pods of the namespace {namespace}")
        cluster = found["containerProvider"]["id"]
        which = f"--cluster-name {cluster} --namespace {namespace} --role-name {role}"
        fix = f"aws emr-containers update-role-trust-policy {which}"
        return Need(f"the pods of the namespace {namespace} may not take {role}", fix)

    def _found(self, access: Access) -> Mapping[str, Any] | None:
        """The virtual cluster; None if there is none of that id."""
        client = _client(access)
        try:
            found: Mapping[str, Any] = client.describe_virtual_cluster(id=self.place(access.given))["virtualCluster"]
        except client.exceptions.ResourceNotFoundException:
            return None
        return found


def trusts(document: Mapping[str, Any], namespace: str) -> bool:
    """Whether a role may be taken by service accounts of a namespace: by IRSA, or by EKS Pod Identity.

    Args:
        document: What may take the role, as `aws emr-containers update-role-trust-policy` extends it.
    """
    return any(_trusts(statement, namespace) for statement in document.get("Statement", ()))


def _trusts(statement: Mapping[str, Any], namespace: str) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    if statement.get("Principal") == {"Service": _POD_IDENTITY}:
        return True
    conditions = statement.get("Condition", {})
    subjects = [
        subject
        for operator in ("StringLike", "StringEquals")
        for key, value in conditions.get(operator, {}).items()
        if key.endswith(":sub")
        for subject in (value if isinstance(value, list) else [value])
    ]
    return any(subject.startswith(f"system:serviceaccount:{namespace}:") for subject in subjects)


def _namespace(virtual_cluster: Mapping[str, Any]) -> str:
    namespace: str = virtual_cluster["containerProvider"]["info"]["eksInfo"]["namespace"]
    return namespace


def _described(access: Access, place: str, job_run: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _client(access).describe_job_run(virtualClusterId=place, id=job_run)["jobRun"]
    return found


def _client(access: Access) -> Any:  # noqa: ANN401 (boto3's)
    return access.client("emr-containers")
