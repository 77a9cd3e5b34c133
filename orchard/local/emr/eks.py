"""Job runs of EMR on EKS that run, and what the owner of an EKS cluster has for them.

Written for moto 5.2.5, where a job run is RUNNING for ever, whenever it was asked for counts as midnight, and a
clientToken means nothing. In `moto.emrcontainers.models`, replaced are `EMRContainersBackend.start_job_run`,
`cancel_job_run` and `list_job_runs`.

A pod has no credentials but those of its service account: a token, and the role that it may be changed for at STS, as
the webhook of EKS puts them into each pod. moto gives keys of nobody's to whoever asks, so
`moto.sts.responses.TokenResponse.assume_role_with_web_identity` is wrapped: the role has to trust the token's service
account, and its own key is given. Spark's own connector to S3 is the exception: S3A of this machine asks the metadata
of an instance, since the SDK that it is built on has no way to another STS than AWS's.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from orchard.compute.emr_eks import trusts
from orchard.local.emr.job_run import LiveJobRun, Words, all_end, image_of, made_between
from orchard.local.iam.roles import SECRET, key_of
from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from boto3.session import Session

    from orchard.local.emr.nodes import Machine

NAMESPACE = "orchard"
"""Of the one virtual cluster."""

_EKS_CLUSTER = "orchard"
_PROVIDER = "oidc.eks.local/id/orchard"
_SUBJECT = f"system:serviceaccount:{NAMESPACE}:emr-containers-sa-spark-driver-local"

WORDS = Words(
    waiting=("PENDING", "SUBMITTED"),
    done="COMPLETED",
    cancelling="CANCEL_PENDING",
    ended_at="finished_at",
    driver="sparkSubmitJobDriver",
    driver_env="spark.kubernetes.driverEnv",
    folder=lambda job: f"{job.virtual_cluster_id}/jobs/{job.id}/containers/spark-{job.id}/spark-{job.id}-driver",
    failed=lambda code, message: f"JobRun failed. Main Spark container terminated with exit code {code}. {message}",
)


@contextmanager
def living_pods(machine: Machine, region: str) -> Iterator[None]:
    """Have moto's job runs of EMR on EKS live on a machine; at the end, they end."""
    from moto.config.exceptions import ValidationException
    from moto.emrcontainers.models import EMRContainersBackend
    from moto.sts.responses import TokenResponse

    start, assume = EMRContainersBackend.start_job_run, TokenResponse.assume_role_with_web_identity
    living: dict[str, LiveJobRun] = {}

    def start_job_run(self: Any, **asked: Any) -> Any:
        same = next((job for job in self.job_runs.values() if job.client_token == asked["client_token"]), None)
        if same is not None:
            return same
        job = start(self, **asked)
        worker = machine.acting_as(key_of(job.execution_role_arn))
        pod = _pod(machine, job, region)
        living[job.id] = live = LiveJobRun(job, WORDS, image_of(job.release_label), worker, pod)
        live.start()
        return job

    def cancel_job_run(self: Any, job_run_id: str, virtual_cluster_id: str) -> Any:
        job = self.describe_job_run(job_run_id, virtual_cluster_id)
        if job.state not in (*WORDS.waiting, "RUNNING"):
            raise ValidationException(f"Job run {job_run_id} is not in a cancellable state")
        living[job.id].cancel()
        return job

    def list_job_runs(
        self: Any, virtual_cluster_id: str, created_before: Any, created_after: Any, name: str, states: list[str] | None
    ) -> list[Any]:
        of_cluster = [job for job in self.job_runs.values() if job.virtual_cluster_id == virtual_cluster_id]
        return made_between(of_cluster, created_after, created_before, states or [])

    def assume_role_with_web_identity(self: Any) -> Any:
        role = self._get_param("RoleArn")
        _check_trust(self, role, self._get_param("WebIdentityToken") or "")
        answer = assume(self)
        credentials = cast("dict[str, Any]", answer.result)["Credentials"]
        credentials.access_key_id, credentials.secret_access_key = key_of(role), SECRET
        return answer

    with (
        replaced(
            EMRContainersBackend,
            start_job_run=start_job_run,
            cancel_job_run=cancel_job_run,
            list_job_runs=list_job_runs,
        ),
        replaced(TokenResponse, assume_role_with_web_identity=assume_role_with_web_identity),
        all_end(living),
    ):
        yield


def virtual_cluster(session: Session) -> str:
    """Make a virtual cluster, as the owner of an EKS cluster does; its id."""
    client: Any = session.client("emr-containers")
    provider = {"id": _EKS_CLUSTER, "type": "EKS", "info": {"eksInfo": {"namespace": NAMESPACE}}}
    made: str = client.create_virtual_cluster(name="orchard", containerProvider=provider)["id"]
    return made


def trust_pods(session: Session, role: str) -> None:
    """Let the pods of the namespace take a role, as `aws emr-containers update-role-trust-policy` does."""
    iam = session.client("iam")
    found: Any = iam.get_role(RoleName=role)["Role"]
    document = found["AssumeRolePolicyDocument"]
    account = found["Arn"].split(":")[4]
    document["Statement"].append(
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{_PROVIDER}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringLike": {
                    f"{_PROVIDER}:sub": f"system:serviceaccount:{NAMESPACE}:emr-containers-sa-*-*-{account}-*"
                }
            },
        }
    )
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(document))


def _pod(machine: Machine, job: Any, region: str) -> Mapping[str, str]:
    """What the webhook of EKS puts into the environment of a pod (`amazon-eks-pod-identity-webhook`)."""
    token = machine.folder / job.id / "token"
    token.parent.mkdir(parents=True)
    token.write_text(_SUBJECT, encoding="utf-8")
    return {
        "AWS_ROLE_ARN": job.execution_role_arn,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
    }


def _check_trust(response: Any, role_arn: str, token: str) -> None:
    """As far as a token tells whose it is: of which namespace.

    Raises:
        HTTPException: The role does not trust it.
    """
    from moto.core.exceptions import _RESTError
    from moto.iam.models import iam_backends

    role = iam_backends[response.current_account]["aws"].get_role_by_arn(role_arn)
    document = role.assume_role_policy_document
    parsed = json.loads(document) if isinstance(document, str) else document
    namespace = token.removeprefix("system:serviceaccount:").partition(":")[0]
    if not trusts(parsed, namespace):
        refusal = _RESTError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        refusal.code = 403
        raise refusal
