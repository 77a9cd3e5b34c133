"""What the account may do in the region, whatever is deployed there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchard.aws import sessions
from orchard.aws.errors import errors_explained
from orchard.compute.sizing import AT_MOST, EIGHT, FOUR, IMAGES_PER_VCPU_SECOND, TARGET_SECONDS, UNLESS_ALLOWED, Ceiling
from orchard.doctor.checks import Check, ask, has_role, ok, wrong
from orchard.doctor.offers import region_types
from orchard.options import ENGINES

if TYPE_CHECKING:
    from boto3.session import Session

    from orchard.compute.base import Quota

_CLEANUP_ROLE = "AWSServiceRoleForEMRCleanup"
_SPOT_ROLE = "AWSServiceRoleForEC2Spot"
_STANDARD_ON_DEMAND = "L-1216C47A"
"""The quota "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", in vCPUs (Service Quotas)."""

_MOST_VCPUS = FOUR.vcpus + UNLESS_ALLOWED.core_nodes * EIGHT.vcpus


def account_checks(session: Session) -> list[Check]:
    """Look at the credentials, the service-linked roles of EMR and of Spot, the instance types and the vCPU quota."""
    return [
        ask("Credentials", lambda: _credentials(session)),
        ask("Clean-up role", lambda: _cleanup_role(session)),
        ask("Spot role", lambda: _spot_role(session)),
        ask("Instance types", lambda: region_types(session)),
        ask("vCPU quota", lambda: _quota(session)),
    ]


def _credentials(session: Session) -> Check:
    with errors_explained():
        caller = session.client("sts", config=sessions.client_config()).get_caller_identity()
    return ok("Credentials", f"{caller['Arn']} of account {caller['Account']}")


def _cleanup_role(session: Session) -> Check:
    if not has_role(session, _CLEANUP_ROLE):
        command = "aws iam create-service-linked-role --aws-service-name elasticmapreduce.amazonaws.com"
        return wrong("Clean-up role", f"{_CLEANUP_ROLE} is missing; EMR needs it to end a cluster's instances", command)
    return ok("Clean-up role", _CLEANUP_ROLE)


def _spot_role(session: Session) -> Check:
    """EMR makes it with the first Spot nodes (docs/adr/0016), so its absence stops nobody."""
    if not has_role(session, _SPOT_ROLE):
        command = "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"
        return ok(
            "Spot role",
            f"not there yet; EMR creates {_SPOT_ROLE} with the first --spot-nodes; to create it now: {command}",
        )
    return ok("Spot role", _SPOT_ROLE)


def _quota(session: Session) -> Check:
    quotas = session.client("service-quotas", config=sessions.client_config())
    vcpus = int(quotas.get_service_quota(ServiceCode="ec2", QuotaCode=_STANDARD_ON_DEMAND)["Quota"]["Value"])
    if vcpus < FOUR.vcpus:
        more = f"--service-code ec2 --quota-code {_STANDARD_ON_DEMAND} --desired-value {_MOST_VCPUS}"
        finding = f"{vcpus} On-Demand vCPUs; the smallest cluster needs {FOUR.vcpus}"
        return wrong("vCPU quota", finding, f"aws service-quotas request-service-quota-increase {more}")
    planned, allowed = (_images_within(vcpus, ceiling) for ceiling in (UNLESS_ALLOWED, AT_MOST))
    more = f", and for {allowed:,} with --max-usd" if allowed > planned else ""
    return ok("vCPU quota", f"{vcpus} On-Demand vCPUs, enough for about {planned:,} images per run{more}")


def worker_quota(session: Session, quota: Quota) -> Check:
    """Look at the vCPUs that what runs work on gives the account at a time."""
    quotas = session.client("service-quotas", config=sessions.client_config())
    found = quotas.get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    vcpus = int(found["Quota"]["Value"])
    more = f"--service-code {quota.service} --quota-code {quota.code} --desired-value {quota.most}"
    request = f"aws service-quotas request-service-quota-increase {more}"
    if vcpus < quota.least:
        return wrong("Worker quota", f"{vcpus} vCPUs; the smallest run needs {quota.least}", request)
    if vcpus < quota.most:
        return ok("Worker quota", f"{vcpus} vCPUs, too few for the largest runs; to ask for more: {request}")
    if vcpus < quota.allowed:
        finding = f"{vcpus} vCPUs, enough for every run without --max-usd; with it one may take {quota.allowed}"
        return ok("Worker quota", finding)
    return ok("Worker quota", f"{vcpus} vCPUs, enough for every run of a planned size")


def _images_within(vcpus: int, ceiling: Ceiling) -> int:
    """How many small images the largest planned cluster within a quota can take in the time aimed at."""
    core = min((vcpus - FOUR.vcpus) // EIGHT.vcpus, ceiling.core_nodes)
    workers = core * EIGHT.vcpus if core >= 1 else FOUR.vcpus
    return int(workers * IMAGES_PER_VCPU_SECOND[ENGINES[0]] * TARGET_SECONDS)
