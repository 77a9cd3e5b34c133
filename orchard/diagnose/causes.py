"""What usually lies behind an error of AWS, Spark or Python, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """Why something failed.

    Attributes:
        sentence: The cause in plain words.
        next_step: What to do now; a command where there is one.
        detail: The message from which it was told, shortened.
        found_in: Where that message is: a URI, or what was asked.
    """

    sentence: str
    next_step: str
    detail: str = ""
    found_in: str = ""


_MAX_DETAIL = 600

# The first that matches wins, so the particular is above the general. Codes are those of the EMR and Step Functions API
# models and of EMR's ErrorDetails; the phrases are of Java, Python, YARN and EC2.
_KNOWN: tuple[tuple[str, str, str], ...] = (
    (
        r"artefacts? (are|is) not published|current\.json",
        "The stack has no published release to run.",
        "make publish",
    ),
    (
        r"EnvironmentNotReadyError",
        "The stack is not complete.",
        "make publish",
    ),
    (
        r"AWSServiceRoleForEMRCleanup|service-linked role",
        "EMR's service-linked role does not exist in this account and may not be created by the state machine.",
        "aws iam create-service-linked-role --aws-service-name elasticmapreduce.amazonaws.com",
    ),
    (
        r"invalid ?instance ?profile",
        "EMR does not accept the nodes' instance profile; it must exist and have the same name as its role.",
        "sam deploy",
    ),
    (
        r"INSUFFICIENT_DISK_SPACE|No space left on device|ENOSPC",
        "A disk is full.",
        "Give the nodes larger volumes (orchard/cluster/plan.py), then upload the archive again.",
    ),
    (
        (
            r"OutOfMemoryError|Java heap space|MemoryError|bad_alloc|OOM ?Killed|Container killed by YARN|"
            r"exceed\w* (the )?(physical |virtual )?memory|exit(ed)? (with )?(code|status):? 137"
        ),
        "A process ran out of memory.",
        "Look for unusually large images in the archive, or give the workers more memory (orchard/cluster/plan.py).",
    ),
    (
        r"VCPU_LIMIT|VcpuLimitExceeded|InstanceLimitExceeded|VolumeLimitExceeded|EC2_\w*LIMIT\w*|\bquota\b",
        "A quota of the account is used up.",
        "Ask for more under Service Quotas (Running On-Demand Standard instances), or end what else is running.",
    ),
    (
        (
            r"INSTANCE_FLEET_TIMEOUT|INSUFFICIENT_CAPACITY|InsufficientInstanceCapacity|insufficient capacity|"
            r"not enough capacity|no capacity"
        ),
        "EC2 had no capacity for the cluster.",
        "Upload the archive again later, or give the stack subnets in more zones.",
    ),
    (
        r"block public access|BlockPublicAccess",
        "EMR's block on public access refused the cluster: a security group is open to the world.",
        "Close the group, or give the stack private subnets.",
    ),
    (
        r"SUBNET|InvalidSubnet|subnet \S+ (does not exist|is invalid)",
        "The stack's subnets do not suit a cluster.",
        "sam deploy with a SubnetIds that exists, has free addresses and reaches S3",
    ),
    (
        r"AccessDenied|Access Denied|not authorized|AuthorizationError|UnauthorizedOperation|status code:? 403",
        "A permission is missing.",
        "Compare the role that the message names with template.yaml, then sam deploy.",
    ),
    (
        r"NoSuchVersion|NoSuchKey|Status Code: 404",
        "A file that the run needs is no longer in S3.",
        "Upload the archive again.",
    ),
    (
        r"BOOTSTRAP_FAILURE|bootstrap action",
        "A node could not install its Python environment.",
        "Read the log of the bootstrap action, then make publish if a wheel is missing.",
    ),
    (
        r"ModuleNotFoundError|ImportError",
        "The nodes' Python environment lacks something that the job imports.",
        "make publish",
    ),
    (
        r"Throttling|Rate exceeded|TooManyRequests|SlowDown",
        "AWS throttled the requests, also after every retry.",
        "Upload the archive again later.",
    ),
    (
        r"States\.Timeout",
        "Something took longer than it may.",
        "Look at the logs of the step, then upload the archive again.",
    ),
    (
        r"States\.DataLimitExceeded",
        "A state's data was larger than Step Functions allows.",
        "Report this with the run's id; it is a defect of Orchard.",
    ),
    (
        r"USER_REQUEST",
        "Somebody terminated the cluster while the run was using it.",
        "Upload the archive again.",
    ),
    (
        r"INSTANCE_FAILURE",
        "A machine of the cluster failed.",
        "Upload the archive again.",
    ),
    (
        r"VALIDATION_ERROR|ValidationException|InvalidRequestException",
        "EMR refused what it was asked for.",
        "Mend what the message names, sam deploy, then upload the archive again.",
    ),
    (
        r"INTERNAL_ERROR|InternalServerE|InternalFailure|ServiceException|ServiceUnavailable",
        "AWS had an internal error.",
        "Upload the archive again later.",
    ),
)


def known_cause(text: str, found_in: str = "") -> Cause | None:
    """Recognise an error.

    Args:
        text: Its code, its message, or both.
        found_in: Where it was found.

    Returns:
        The cause, or None if the error is none that is known.
    """
    for pattern, sentence, next_step in _KNOWN:
        if re.search(pattern, text, re.IGNORECASE):
            return Cause(sentence, next_step, shorten(text), found_in)
    return None


def shorten(text: str) -> str:
    """The text on one line, at most some hundred characters."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_DETAIL else f"{line[: _MAX_DETAIL - 4]} ..."
