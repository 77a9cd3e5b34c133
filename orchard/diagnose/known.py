"""The table of what usually goes wrong: by what it is recognised, what it is in plain words, and what to do about it.

docs/failure-modes.md has the same table for people, with what each line means.
"""

from __future__ import annotations

from dataclasses import dataclass

OWN_WORDS = 3
"""An Orchard job says itself why it stops."""
ROOT_CAUSE = 2
"""Nothing that another log says can be more to the point."""
SYMPTOM = 1
"""It is known, and something else made it happen."""
QUOTE = 0
"""Nobody knows it; it is quoted."""


@dataclass(frozen=True)
class KnownCause:
    """One line of the table of causes.

    Attributes:
        pattern: What it is recognised by, in any case. No part of it may match arbitrarily long text.
        weight: As `Cause.weight`.
    """

    pattern: str
    sentence: str
    next_step: str
    weight: int = ROOT_CAUSE


PERMISSION = "A permission is missing."
"""The sentence that goes on with who may not do what, where the message says so."""

_AGAIN = "Upload the archive again."
_LATER = "Upload the archive again later."

# The first that matches wins, so the particular is above the general. Codes are those of the EMR and Step Functions API
# models and of EMR's ErrorDetails; the phrases are of Java, Python, YARN, S3A, the AWS CLI, pip and EC2.
KNOWN: tuple[KnownCause, ...] = (
    KnownCause(
        r"SourceChangedError|has changed since the run began|NoSuchVersion",
        "The archive was replaced or deleted while the run was reading it.",
        _AGAIN,
    ),
    KnownCause(
        r"(NotAZip|TruncatedArchive|DamagedDirectory|MultiDiskArchive|EncryptedArchive|OverlappingMembers|ArchiveBomb|"
        r"NoImages|ArchiveRefused)Error",
        "The archive cannot be used.",
        "orchard plan ZIP",
    ),
    KnownCause(
        r"TooManyRejected|more than --max-rejected|too many (images|pictures|members) (are|were) rejected",
        "Too many images of the archive were rejected.",
        "Read the list in rejected/, then repair the archive or run it with a larger --max-rejected.",
    ),
    KnownCause(
        r"VarianceUnreachable|of the variance (cannot|can not) be reached",
        "The components cannot explain the share of the variance that was asked for.",
        "Run the archive with a smaller --variance, or with --components.",
    ),
    KnownCause(
        r"ServiceLinkedRoleCreationNotPermitted|AWSServiceRoleForEC2Spot|service-linked role for EC2 Spot",
        "The role by which EC2 launches Spot instances does not exist in this account, and EMR may not create it.",
        "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",
    ),
    KnownCause(
        r"instance type '?[\w.-]{1,40}'? is not (supported|offered)",
        "EMR does not offer one of the instance types that the cluster may have in this region.",
        "orchard doctor",
    ),
    KnownCause(
        r"AWSServiceRoleForEMRCleanup|service-linked role",
        "EMR's service-linked role does not exist in this account, and the state machine may not create it.",
        "aws iam create-service-linked-role --aws-service-name elasticmapreduce.amazonaws.com",
    ),
    KnownCause(
        r"invalid ?instance ?profile",
        "EMR does not accept the nodes' instance profile; it must exist and have the same name as its role.",
        "sam deploy",
    ),
    KnownCause(
        r"INSUFFICIENT_DISK_SPACE|No space left on device|ENOSPC|DiskErrorException|local-dirs are bad|"
        r"Disk quota exceeded",
        "A disk is full.",
        "Give the nodes larger volumes (orchard/compute/emr_plan.py), then upload the archive again.",
    ),
    KnownCause(
        r"killed by YARN for exceeding|beyond (the )?'?(physical|virtual|PHYSICAL|VIRTUAL)'? memory|"
        r"exceed\w{0,3} (the )?(physical |virtual )?memory",
        "A worker used more memory than its container has, and YARN killed it.",
        "Look for unusually large images in the archive, or raise the memory overhead (orchard/compute/emr_plan.py).",
    ),
    KnownCause(
        r"OutOfMemoryError|Java heap space|GC overhead limit",
        "Java ran out of memory.",
        "Give Spark a larger heap (orchard/compute/emr_plan.py), then upload the archive again.",
    ),
    KnownCause(
        r"MemoryError|bad_alloc|ArrowMemory|malloc of size \d{1,20} failed|Cannot allocate memory",
        "Python ran out of memory.",
        "Look for unusually large images in the archive, or give the workers more memory (orchard/compute/).",
    ),
    KnownCause(
        r"spot.{0,40}(interrupt|terminat|reclaim|price|no_?capacity)|released on a \*?lost\*? node|Exit status: -100",
        "A machine was taken away while it worked: a Spot instance was interrupted, or a node failed.",
        _AGAIN,
    ),
    KnownCause(
        r"exit(ed)? (with )?(code|status):? ?(is )?(137|-9)\b|Killed by external signal|OOM ?Killed|\bSIGKILL\b",
        "A process was killed, most likely because the machine ran out of memory.",
        "Look for unusually large images in the archive, or give the workers more memory (orchard/compute/).",
        weight=SYMPTOM,
    ),
    KnownCause(
        r"exceeded maximumCapacity|MaxCapacityExceeded",
        "The run asked for more workers than the stack's application of EMR Serverless may have at a time.",
        "Wait until other runs have ended, or sam deploy with a larger MaximumVcpus.",
    ),
    KnownCause(
        r"maximum vCPU it can use|ServiceQuotaExceeded",
        "The account's vCPUs for EMR Serverless are used up; a new account has 16.",
        "Ask for more under Service Quotas (EMR Serverless, Max concurrent vCPUs per account), or end what else runs.",
    ),
    KnownCause(
        r"Not authorized to perform sts:AssumeRoleWithWebIdentity",
        "The pods may not take the stack's role for them.",
        "orchard doctor",
    ),
    KnownCause(
        r"(Driver|Executor) pod template validation failed|must not overlap with reserved mount",
        "EMR on EKS refused the template of a pod.",
        "Correct the template that the message names, or sam deploy with DriverPodTemplate= ExecutorPodTemplate=.",
    ),
    KnownCause(
        r"\bDeadlineExceeded\b|active on the node longer than the specified deadline",
        "A pod ran as long as a run may, and was ended by its own deadline.",
        "Look at the log of the step that was running, then upload the archive again.",
        weight=SYMPTOM,
    ),
    KnownCause(
        r"FailedScheduling|nodes are available: .{0,200}Insufficient|\bUnschedulable\b",
        "The EKS cluster has no node with room for a pod.",
        "Let the cluster add larger nodes (orchard plan says how large pods are), or take a smaller --node-size.",
    ),
    KnownCause(
        r"CLUSTER_UNAVAILABLE",
        "The EKS cluster, or its namespace, could not be reached by EMR.",
        "orchard doctor",
    ),
    KnownCause(
        r"Could not assume (execution )?role",
        "EMR Serverless may not take the role of the stack's jobs.",
        "sam deploy",
    ),
    KnownCause(
        r"VCPU_?LIMIT|VcpuLimitExceeded|InstanceLimitExceeded|VolumeLimitExceeded|MaxSpotInstanceCountExceeded|"
        r"EC2_\w{0,40}LIMIT|\bquota\b",
        "A quota of the account is used up.",
        "Ask for more under Service Quotas (Running On-Demand Standard instances), or end what else is running.",
    ),
    KnownCause(
        r"INSTANCE_FLEET_TIMEOUT|INSUFFICIENT_CAPACITY|InsufficientInstanceCapacity|insufficient capacity|"
        r"not enough capacity|no capacity",
        "EC2 had no capacity for the cluster.",
        "Upload the archive again later, or give the stack subnets in more zones.",
    ),
    KnownCause(
        r"block public access|BlockPublicAccess",
        "EMR's block on public access refused the cluster: a security group is open to the world.",
        "Close the group, or give the stack private subnets.",
    ),
    KnownCause(
        r"InvalidKMSKey|KMS\.\w{0,40}(Disabled|NotFound|InvalidState)|KMSInvalidState|kms:(CreateGrant|DescribeKey|Decrypt)|"
        r"Client\.InternalError: Client error on launch|kms\.[a-z0-9-]{1,30}\.amazonaws\.com",
        "The key of the nodes' disks could not be used.",
        "Enable the key that DiskKeyArn names and let the cluster's two roles use it, or deploy without DiskKeyArn.",
    ),
    KnownCause(
        r"connect(ion)? ?time(d )? ?-?out|ConnectTimeout|ReadTimeout|Could not connect to the endpoint|"
        r"EndpointConnectionError|UnknownHostException|Could not resolve host|Name or service not known|"
        r"No route to (any external|host)|NoRouteToHost|Network is unreachable|SourceUnreachableError",
        "A machine cannot reach S3: its subnet has no route there.",
        "Give the stack subnets with a gateway endpoint for S3 or a NAT gateway: sam deploy with other SubnetIds.",
    ),
    KnownCause(
        r"SUBNET|InvalidSubnet|subnet \S{1,80} (does not exist|is invalid)",
        "The stack's subnets do not suit a cluster.",
        "Deploy with SubnetIds that exist, have free addresses and reach S3: sam deploy.",
    ),
    KnownCause(
        r"AccessDenied|Access Denied|not authorized|AuthorizationError|UnauthorizedOperation|SourceDeniedError|"
        r"status code:? 403|Error (Code|Status): ?403|\(403\)|Forbidden",
        PERMISSION,
        "Compare the role that the message names with template.yaml, then sam deploy.",
    ),
    KnownCause(
        r"(BA_DOWNLOAD_FAILED|BOOTSTRAP_FAILURE_FILE_NOT_FOUND)|bootstrap action \d{1,3} could not be downloaded|"
        r"No matching distribution|Could not find a version that satisfies|ModelDamagedError|"
        r"(releases|models|wheelhouse)/.{0,400}(404|NoSuchKey|Not Found|does not exist|No such file)|"
        r"(404|NoSuchKey|Not Found|does not exist|No such file).{0,400}(releases|models|wheelhouse)/",
        "A file of the published release or model is missing.",
        "orchard doctor",
    ),
    KnownCause(
        r"NoSuchKey|NoSuchBucket|Status Code: 404|\(404\)|SourceMissingError",
        "A file that the run needs is no longer in S3.",
        _AGAIN,
    ),
    KnownCause(
        r"ModuleNotFoundError|ImportError|EngineMissingError",
        "The nodes' Python environment lacks something that the job imports.",
        "sam build && sam deploy",
    ),
    KnownCause(
        r"BOOTSTRAP_FAILURE|bootstrap action|orchard bootstrap: failed",
        "A node could not install its Python environment.",
        "Read the log of the bootstrap action, then orchard doctor if a wheel is missing.",
        weight=SYMPTOM,
    ),
    KnownCause(
        r"Python worker exited unexpectedly|Python worker failed to connect back|worker crashed",
        "A Python worker died without saying why, most likely for want of memory.",
        "Look for unusually large images in the archive, or give the workers more memory (orchard/compute/).",
        weight=SYMPTOM,
    ),
    KnownCause(
        r"Py4JNetworkError|Answer from Java side is empty|Java gateway process exited|ConnectionRefusedError",
        "Spark's driver process died while the job was waiting for it.",
        "Look for a full disk or too little memory on the primary node, then upload the archive again.",
        weight=SYMPTOM,
    ),
    KnownCause(
        r"Throttling|Rate exceeded|TooManyRequests|SlowDown|Please reduce your request rate",
        "AWS throttled the requests, even after every retry.",
        _LATER,
    ),
    KnownCause(
        r"BooksDoNotBalance|counts of the \w{1,20} stage do not balance",
        "The numbers of a stage do not add up, so its result was not trusted.",
        "Report this with the run's id; it is a defect of Orchard.",
    ),
    KnownCause(
        r"(Steps|Jobs)TimedOut",
        "The steps were not done within the time that a run may take.",
        "Look at the log of the step that was running, then upload the archive again.",
        weight=SYMPTOM,
    ),
    KnownCause(
        r"NoTurn|had no turn after",
        "The run waited for its turn as long as a run may, or its place in the queue could not be found out.",
        "Let fewer runs start at once, or sam deploy with a larger MaximumRuns, then upload the archive again.",
    ),
    KnownCause(
        r"States\.Timeout",
        "A state took longer than its time-out.",
        "Look at the logs of the step, then upload the archive again.",
        weight=SYMPTOM,
    ),
    KnownCause(
        r"States\.DataLimitExceeded",
        "A state's data was larger than Step Functions allows.",
        "Report this with the run's id; it is a defect of Orchard.",
    ),
    KnownCause(
        r"USER_REQUEST",
        "Somebody terminated the cluster while the run was using it.",
        _AGAIN,
    ),
    KnownCause(
        r"INSTANCE_FAILURE|ExecutorLostFailure|Slave lost|Worker lost",
        "A machine of the cluster failed.",
        _AGAIN,
        weight=SYMPTOM,
    ),
    KnownCause(
        r"VALIDATION_ERROR|ValidationException|InvalidRequestException",
        "EMR refused the request.",
        "Correct what the message names, sam deploy, then upload the archive again.",
    ),
    KnownCause(
        r"INTERNAL_ERROR|InternalServerE|InternalFailure|ServiceException|ServiceUnavailable",
        "AWS had an internal error.",
        _LATER,
        weight=SYMPTOM,
    ),
)
