"""Known errors have a plain sentence and something to do; the particular wins over the general."""

import re

import pytest

from orchard.diagnose.causes import denial, known_cause, shorten
from orchard.diagnose.known import KNOWN
from tests.support.paths import ROOT


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("INSTANCE_FLEET_TIMEOUT: Failed to provision", "EC2 had no capacity"),
        ("EC2_INSUFFICIENT_CAPACITY: m5.xlarge", "EC2 had no capacity"),
        ("VALIDATION_ERROR: You have exceeded your VcpuLimitExceeded quota", "A quota"),
        ("EC2_INSTANCE_LIMIT_EXCEEDED: ...", "A quota"),
        ("BOOTSTRAP_FAILURE: On the master instance (i-0), bootstrap action 1 returned a non-zero", "A node could not"),
        ("BOOTSTRAP_FAILURE_INSUFFICIENT_DISK_SPACE_PRIMARY: ...", "A disk is full"),
        ("OSError: [Errno 28] No space left on device", "A disk is full"),
        ("Emr.EmrException: User: arn:aws:sts::1:assumed-role/x is not authorized to perform: X", "A permission"),
        ("Emr.EmrException: Unable to create AWSServiceRoleForEMRCleanup: AccessDenied", "EMR's service-linked role"),
        (
            "The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.",
            "The role by which EC2 launches Spot instances",
        ),
        ("Emr.EmrException: Instance type 'm6a.xlarge' is not supported.", "EMR does not offer one of the instance"),
        (
            "VALIDATION_ERROR: Invalid InstanceProfile: orchard-nodes.",
            "EMR does not accept the nodes' instance profile",
        ),
        ("Emr.EmrException: Rate exceeded (Service: Emr, Status Code: 400)", "AWS throttled"),
        (
            "Job failed as application has exceeded maximumCapacity settings.",
            "The run asked for more workers than the stack's application",
        ),
        (
            "Job failed as account has reached the service limit on the maximum vCPU it can use concurrently.",
            "The account's vCPUs for EMR Serverless",
        ),
        (
            "Could not assume execution role jobs because it does not exist or is not set up with the required trust",
            "EMR Serverless may not take the role",
        ),
        (
            "An error occurred (AccessDenied): Not authorized to perform sts:AssumeRoleWithWebIdentity",
            "The pods may not take the stack's role",
        ),
        (
            "Executor pod template validation failed. Field container.command not allowed",
            "EMR on EKS refused the templ",
        ),
        (
            "Defined volume mount path on main container must not overlap with reserved mount paths: [/tmp]",
            "EMR on EKS",
        ),
        ("Pod was active on the node longer than the specified deadline", "A pod ran as long as a run may"),
        ("0/3 nodes are available: 3 Insufficient cpu.", "The EKS cluster has no node with room"),
        ("CLUSTER_UNAVAILABLE: JobRun failed.", "The EKS cluster, or its namespace"),
        ("JobsTimedOut: The jobs were not done after 14400 seconds", "The steps were not done"),
        ("States.Timeout", "A state took longer"),
        ("INTERNAL_ERROR: please try again", "AWS had an internal error"),
        ("NoSuchVersion: An error occurred", "The archive was replaced or deleted"),
        ("SourceChangedError: fruits.zip has changed since the run began", "The archive was replaced or deleted"),
        ("orchard.archive.errors.TruncatedArchiveError: fruits.zip is incomplete", "The archive cannot be used"),
        ("An error occurred (NoSuchKey) when calling the GetObject operation", "A file that the run needs"),
        ('An error occurred (404): Key "releases/c/orchard.zip" does not exist', "A file of the published release"),
        ("BOOTSTRAP_FAILURE_BA_DOWNLOAD_FAILED_PRIMARY: ...", "A file of the published release"),
        ("VarianceUnreachableError: A share of 0.999 of the variance cannot be reached", "The components cannot"),
        ("Container killed by YARN for exceeding physical memory limits", "A worker used more memory"),
        ("java.lang.OutOfMemoryError: GC overhead limit exceeded", "Java ran out of memory"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "Python ran out of memory"),
        ("pyarrow.lib.ArrowMemoryError: malloc of size 4294967296 failed", "Python ran out of memory"),
        ("Step failed with exit code 137", "A process was killed"),
        ("Server.SpotInstanceTermination: Spot instance termination", "A machine was taken away"),
        ("Exit status: -100. Diagnostics: Container released on a *lost* node", "A machine was taken away"),
        (
            "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state",
            "The key of the nodes' disks",
        ),
        ("Client.InternalError: Client error on launch", "The key of the nodes' disks"),
        ("Connect timeout on endpoint URL: https://kms.eu-west-1.amazonaws.com/", "The key of the nodes' disks"),
        ("ConnectTimeoutError: Connect timeout on endpoint URL", "A machine cannot reach S3"),
        ("No route to any external sources detected in Route Table for Subnet: subnet-1", "A machine cannot reach S3"),
        ("java.net.UnknownHostException: orchard.s3.eu-west-1.amazonaws.com", "A machine cannot reach S3"),
        ("VALIDATION_ERROR: The subnet subnet-1 does not exist", "The stack's subnets"),
        ("StepsTimedOut: The steps were not done after 14400 seconds", "The steps were not done"),
        ("ModuleNotFoundError: No module named 'onnxruntime'", "The nodes' Python environment"),
        ("py4j.protocol.Py4JNetworkError: Answer from Java side is empty", "Spark's driver process died"),
        ("BooksDoNotBalanceError: The counts of the pca stage do not balance", "The numbers of a stage"),
        ("ExecutorLostFailure (executor 1 exited)", "A machine of the cluster failed"),
    ],
)
def test_errors_are_recognised(text: str, sentence: str) -> None:
    cause = known_cause(text, "somewhere")
    assert cause is not None
    assert cause.sentence.startswith(sentence)
    assert cause.next_step
    assert (cause.detail, cause.found_in) == (text, "somewhere")


@pytest.mark.parametrize("text", ["", "KeyError: 'split'", "ALL_STEPS_COMPLETED: Steps completed"])
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    assert known_cause(text) is None


def test_details_are_one_line_of_bearable_length() -> None:
    assert shorten("a\n  b\tc") == "a b c"
    assert len(shorten("x" * 10_000)) == 600


class TestWhoWasDenied:
    IAM = (
        "User: arn:aws:sts::123456789012:assumed-role/orchard-node-eu-west-1/i-0f1a2b3c4d5e6f708 is not authorized to "
        'perform: s3:PutObject on resource: "arn:aws:s3:::out/runs/r/part-0.parquet" because no policy allows it'
    )

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            (IAM, "the role orchard-node-eu-west-1 may not s3:PutObject on arn:aws:s3:::out/runs/r/part-0.parquet"),
            (
                "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: elasticmapreduce:RunJobFlow",
                "arn:aws:iam::123456789012:user/ada may not elasticmapreduce:RunJobFlow",
            ),
            (
                "An error occurred (403) when calling the HeadObject operation: Forbidden",
                "the role of that process may not HeadObject",
            ),
            (
                "java.nio.file.AccessDeniedException: s3a://out/runs/r: getFileStatus on s3a://out/runs/r: Forbidden",
                "the role of that process may not reach it on s3a://out/runs/r",
            ),
            ("Access Denied", ""),
        ],
    )
    def test_the_message_is_taken_apart(self, text: str, told: str) -> None:
        assert denial(text) == told

    def test_the_cause_says_it_and_the_table_has_the_sentence_without(self) -> None:
        for text, sentence in ((self.IAM, "A permission is missing: the role orchard-"), ("Access Denied", "A permi")):
            cause = known_cause(text)
            assert cause is not None
            assert cause.sentence.startswith(sentence)
            assert cause.sentence.endswith(".")


def test_the_table_for_people_is_the_table_of_the_program() -> None:
    document = (ROOT / "docs" / "failure-modes.md").read_text(encoding="utf-8")
    section = document.partition("## What the causes mean")[2].partition("\n## ")[0]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in section.splitlines() if "|" in line]
    assert [(row[0], row[2]) for row in rows[2:]] == [(known.sentence, known.next_step) for known in KNOWN]
    assert all(len(row) == 3 and row[1] for row in rows)


def test_every_pattern_is_bounded() -> None:
    assert not [
        known.pattern for known in KNOWN if re.search(r"[*+](?!\?lost)|\{\d+,\}", known.pattern.replace("\\*", ""))
    ]


@pytest.mark.parametrize("filler", ["404 models/ ", "exceed", "spot ", "EC2_", "subnet x", "user: arn:aws:", "i-0 "])
def test_of_an_endless_message_both_ends_are_read(filler: str) -> None:
    endless, told = filler * (2_000_000 // len(filler)), "Disk quota exceeded"
    for text in (f"{told} {endless}", f"{endless} {told}"):
        cause = known_cause(text)
        assert cause is not None
        assert cause.sentence == "A disk is full."
    cause = known_cause(f"{endless} {told} {endless}")
    assert cause is None or cause.sentence != "A disk is full."
