"""Whether the buckets can be read that requests name beside the input bucket."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from orchard.archive.request import MOST_BYTES, read_request
from orchard.aws import sessions
from orchard.aws.errors import is_absent
from orchard.doctor.checks import Check, ask, ok, wrong
from orchard.errors import ArchiveError, shown
from orchard.layout import ObjectAddress
from orchard.pipeline.kinds import Kind, kind_of
from orchard.runs.sources import naming, region_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from boto3.session import Session
    from mypy_boto3_s3 import S3Client

    from orchard.aws.stack import Stack

_REQUESTS = 20  # of the first thousand objects, as many are read


def source_checks(session: Session, stack: Stack) -> list[Check]:
    """Look at the buckets of the stack's `SourceBuckets`, and at those that requests name without it; none if none."""
    s3 = session.client("s3", config=sessions.client_config())
    cloudformation = session.client("cloudformation", config=sessions.client_config())

    def check() -> Check:
        [described] = cloudformation.describe_stacks(StackName=stack.name)["Stacks"]
        given = {one["ParameterKey"]: one.get("ParameterValue", "") for one in described.get("Parameters", [])}
        named = [bucket for bucket in given.get("SourceBuckets", "").split(",") if bucket]
        return _named(s3, named, str(session.region_name)) or _requested(s3, stack.input_bucket, named)

    found = ask("Sources", check)
    return [found] if found.finding else []


def _named(s3: S3Client, named: list[str], region: str) -> Check | None:
    for bucket in named:
        try:
            s3.head_bucket(Bucket=bucket)
        except ClientError as error:
            if is_absent(error):
                return wrong("Sources", f"SourceBuckets names {bucket}, and there is no such bucket", naming(["…"]))
        where = region_of(s3, bucket)
        if where and where != region:
            return wrong("Sources", f"{bucket} is in {where}: runs in {region} do not read it", naming(["…"]))
    return None


def _requested(s3: S3Client, input_bucket: str, named: list[str]) -> Check:
    for uri, bucket in _sources(s3, input_bucket):
        if bucket not in (input_bucket, *named):
            finding = f"{shown(uri)} names sources in {bucket}, which SourceBuckets does not name"
            return wrong("Sources", finding, naming([*named, bucket]))
    return ok("Sources", f"runs may read {', '.join(named)}, too" if named else "")


def _sources(s3: S3Client, input_bucket: str) -> Iterator[tuple[str, str]]:
    """The buckets that some requests name: address of the request, bucket."""
    listed = s3.list_objects_v2(Bucket=input_bucket).get("Contents", [])
    requests = (one for one in listed if kind_of(one["Key"]) is Kind.REQUEST and one["Size"] <= MOST_BYTES)
    for one in islice(requests, _REQUESTS):
        uri = ObjectAddress(input_bucket, one["Key"]).uri
        content = s3.get_object(Bucket=input_bucket, Key=one["Key"])["Body"].read()
        try:
            sources = read_request(uri, content).sources
        except ArchiveError:  # of which its run tells
            continue
        yield from ((uri, ObjectAddress.parse(source).bucket) for source in sources)
