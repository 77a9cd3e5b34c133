"""What the account may do in the region, whatever is deployed there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchard import aws
from orchard.cluster.plan import IMAGES_PER_VCPU_SECOND, plan_cluster
from orchard.cluster.serverless import as_serverless
from orchard.cluster.sizing import EIGHT, FAMILIES, FOUR, MAX_CORE_NODES, TARGET_SECONDS
from orchard.doctor.checks import Check, ask, ok, wrong
from orchard.layout import ReleaseFiles
from orchard.options import ENGINES

if TYPE_CHECKING:
    from boto3.session import Session

_CLEANUP_ROLE = "AWSServiceRoleForEMRCleanup"
_STANDARD_ON_DEMAND = "L-1216C47A"
"""The quota "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", in vCPUs (Service Quotas)."""

_SERVERLESS = "L-D05C8A75"
"""The quota "Max concurrent vCPUs per account" of EMR Serverless, 16 by default ("Endpoints and quotas", EMR Serverless
User Guide; its code is from public code, not from AWS)."""

_MANY_IMAGES = 10**9  # a run of them is as large as the rules allow
_MOST_VCPUS = FOUR.vcpus + MAX_CORE_NODES * EIGHT.vcpus


def account_checks(session: Session) -> list[Check]:
    """Look at the credentials, EMR's service-linked role, the instance types and the vCPU quota."""
    return [
        ask("Credentials", lambda: _credentials(session)),
        ask("Clean-up role", lambda: _cleanup_role(session)),
        ask("Instance types", lambda: _instance_types(session)),
        ask("vCPU quota", lambda: _quota(session)),
    ]


def _credentials(session: Session) -> Check:
    with aws.errors_explained():
        caller = session.client("sts", config=aws.client_config()).get_caller_identity()
    return ok("Credentials", f"{caller['Arn']} of account {caller['Account']}")


def _cleanup_role(session: Session) -> Check:
    iam = session.client("iam", config=aws.client_config())
    try:
        iam.get_role(RoleName=_CLEANUP_ROLE)
    except iam.exceptions.NoSuchEntityException:
        command = "aws iam create-service-linked-role --aws-service-name elasticmapreduce.amazonaws.com"
        return wrong("Clean-up role", f"there is no {_CLEANUP_ROLE}, by which EMR ends a cluster's instances", command)
    return ok("Clean-up role", _CLEANUP_ROLE)


def _instance_types(session: Session) -> Check:
    """The plan takes the first two sizes by itself; a fleet needs one type of each that the region offers."""
    wanted = {shape.size: shape.instance_types for shape in (FOUR, EIGHT)}
    names = [name for types in wanted.values() for name in types]
    pages = (
        session.client("ec2", config=aws.client_config())
        .get_paginator("describe_instance_type_offerings")
        .paginate(Filters=[{"Name": "instance-type", "Values": names}])
    )
    offered = {offer["InstanceType"] for page in pages for offer in page["InstanceTypeOfferings"]}
    missing = [size for size, types in wanted.items() if not offered.intersection(types)]
    if missing:
        told = f"{session.region_name} offers none of {', '.join(FAMILIES)} in the size {' and '.join(missing)}"
        return wrong("Instance types", told, f"export AWS_REGION={aws.DEFAULT_REGION}")
    families = [family for family in FAMILIES if any(name.startswith(f"{family}.") for name in offered)]
    return ok("Instance types", f"{', '.join(families)} are offered in {session.region_name}")


def _quota(session: Session) -> Check:
    quotas = session.client("service-quotas", config=aws.client_config())
    vcpus = int(quotas.get_service_quota(ServiceCode="ec2", QuotaCode=_STANDARD_ON_DEMAND)["Quota"]["Value"])
    if vcpus < FOUR.vcpus:
        more = f"--service-code ec2 --quota-code {_STANDARD_ON_DEMAND} --desired-value {_MOST_VCPUS}"
        told = f"{vcpus} On-Demand vCPUs, and the smallest cluster has {FOUR.vcpus}"
        return wrong("vCPU quota", told, f"aws service-quotas request-service-quota-increase {more}")
    return ok("vCPU quota", f"{vcpus} On-Demand vCPUs, which do for about {_images_within(vcpus):,} images a run")


def serverless_quota(session: Session) -> Check:
    """Look at the vCPUs that EMR Serverless gives the account at a time: a new account has 16."""
    quotas = session.client("service-quotas", config=aws.client_config())
    found = quotas.get_service_quota(ServiceCode="emr-serverless", QuotaCode=_SERVERLESS)
    vcpus, least = int(found["Quota"]["Value"]), _vcpus_for(1)
    more = f"--service-code emr-serverless --quota-code {_SERVERLESS} --desired-value {_vcpus_for(_MANY_IMAGES)}"
    request = f"aws service-quotas request-service-quota-increase {more}"
    if vcpus < least:
        return wrong("Worker quota", f"{vcpus} vCPUs, and the smallest run has {least}", request)
    if vcpus < _vcpus_for(_MANY_IMAGES):
        return ok("Worker quota", f"{vcpus} vCPUs, too few for the largest runs; more by: {request}")
    return ok("Worker quota", f"{vcpus} vCPUs, which do for every run that is not chosen larger")


def _vcpus_for(images: int) -> int:
    release = ReleaseFiles("", "")
    return as_serverless(
        plan_cluster(images, images, ENGINES[0], release=release, node_root="", region=""), release
    ).vcpus


def _images_within(vcpus: int) -> int:
    """How many small images the largest planned cluster within a quota can take in the time aimed at."""
    core = min((vcpus - FOUR.vcpus) // EIGHT.vcpus, MAX_CORE_NODES)
    workers = core * EIGHT.vcpus if core >= 1 else FOUR.vcpus
    return int(workers * IMAGES_PER_VCPU_SECOND[ENGINES[0]] * TARGET_SECONDS)
