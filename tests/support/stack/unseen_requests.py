"""What the stack's roles ask for where the local cloud cannot see it, or where a run of the tests does not come by.

Judged like the requests that are seen, so that a permission which is missing for one of these fails the tests, too.
Whether AWS asks for just this, only AWS can tell.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchard.local.iam.policy import Request

_TRACED = ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")
_DELIVERY = (
    *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"),
    *("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
)


@dataclass(frozen=True)
class Unseen:
    """Requests of one kind.

    Attributes:
        why: Why they are not seen.
        roles: Whose they are, by their logical ids.
        actions: What they ask for.
        resource: Of what; `{Logical}` in it stands for the physical id of a resource.
        context: Condition keys.
    """

    why: str
    roles: tuple[str, ...]
    actions: tuple[str, ...]
    resource: str = "*"
    context: tuple[tuple[str, str], ...] = ()


_FUNCTIONS = ("StartPipeline", "InspectArchive", "AwaitTurn", "DescribeRun", "StopOrphans", "PublishArtefacts")
_AWS = "arn:aws:{service}:eu-west-1:123456789012:"
_IAM = "arn:aws:iam::123456789012:role/"

UNSEEN = (
    *(
        Unseen(
            "Lambda writes what a function prints; here it goes to a file",
            (f"{function}Role",),
            ("logs:CreateLogStream", "logs:PutLogEvents"),
            _AWS.format(service="logs") + f"log-group:{{{function}Logs}}:log-stream:2026/11/21/[$LATEST]0123",
        )
        for function in _FUNCTIONS
    ),
    Unseen(
        "Lambda keeps an event that no attempt could handle; moto's queue is written to directly",
        ("StartPipelineRole", "StopOrphansRole"),
        ("sqs:SendMessage",),
        _AWS.format(service="sqs") + "{UndeliveredEvents}",
    ),
    Unseen(
        "there is no X-Ray daemon, so tracing is off",
        (*(f"{function}Role" for function in _FUNCTIONS), "PipelineRole"),
        tuple(f"xray:{action}" for action in _TRACED),
    ),
    Unseen(
        "Step Functions delivers its log; moto keeps no log of executions",
        ("PipelineRole",),
        tuple(f"logs:{action}" for action in _DELIVERY),
    ),
    Unseen(
        "the delivery writes Step Functions' log",
        ("PipelineRole",),
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        _AWS.format(service="logs") + "log-group:{PipelineLogs}:log-stream:states/pipeline/2026-11-21",
    ),
    Unseen(
        "EMR makes the role of Spot with an account's first Spot nodes; a local cluster is one machine",
        ("ClusterServiceRole",),
        ("iam:CreateServiceLinkedRole",),
        f"{_IAM}aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot",
        (("iam:AWSServiceName", "spot.amazonaws.com"),),
    ),
    Unseen(
        "EMR makes its clean-up role with an account's first cluster; the local account has it",
        ("PipelineRole",),
        ("iam:CreateServiceLinkedRole",),
        f"{_IAM}aws-service-role/elasticmapreduce.amazonaws.com/AWSServiceRoleForEMRCleanup",
    ),
    Unseen(
        "EMR starts instances; here a cluster is one machine, and EMR's own policy is not the stack's",
        ("ClusterServiceRole",),
        ("iam:PassRole",),
        f"{_IAM}{{NodeRole}}",
        (("iam:PassedToService", "ec2.amazonaws.com"),),
    ),
    Unseen(
        "the clusters of small archives have one node, and are not scaled",
        ("PipelineRole",),
        ("elasticmapreduce:PutManagedScalingPolicy",),
        _AWS.format(service="elasticmapreduce") + "cluster/j-1",
    ),
    Unseen(
        "SNS is well here: a notice that could not be sent is to be sent again, and the note that it was is taken back",
        ("StopOrphansRole",),
        ("s3:DeleteObject",),
        "arn:aws:s3:::{ResultsBucket}/runs/fruits-0123456789ab/_ended.json",
    ),
    Unseen(
        "a job that is started by hand may name no version of the archive",
        ("NodeRole",),
        ("s3:GetObject",),
        "arn:aws:s3:::{InputBucket}/fruits.zip",
    ),
    Unseen(
        "no worker is killed here while it puts a large file, and no report is so large",
        ("NodeRole",),
        ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
        "arn:aws:s3:::{ResultsBucket}/runs/fruits-0123456789ab/images/part-0.parquet",
    ),
    Unseen(
        "EMR puts large logs in parts",
        ("NodeRole",),
        ("s3:AbortMultipartUpload",),
        "arn:aws:s3:::{ResultsBucket}/logs/fruits-0123456789ab/j-1/steps/s-1/stderr.gz",
    ),
    Unseen(
        "the connector of EMR looks for broken uploads and for a bucket's region; S3A here is told the latter",
        ("NodeRole",),
        ("s3:ListBucketMultipartUploads", "s3:GetBucketLocation"),
        "arn:aws:s3:::{ResultsBucket}",
    ),
)


def unseen_requests(physical: Mapping[str, str]) -> Iterator[Request]:
    """The requests, of the roles of a stack.

    Args:
        physical: The physical ids of its resources (of a queue, its name) by their logical ids.
    """
    for one in UNSEEN:
        for role in one.roles:
            for action in one.actions:
                yield Request(physical[role], action, one.resource.format(**physical), one.context)
