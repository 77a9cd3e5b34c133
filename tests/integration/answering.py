"""Every payload of events/, given to the package of its function as `sam build` left it, on the Python of Lambda."""

import gzip
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote_plus

import boto3

from orchard.layout import ObjectAddress, run_files, run_id
from orchard.local.cloud import LocalCloud
from tests.support.cloud.mini import Json, ended
from tests.support.stack.sam_build import LambdasPython
from tests.support.stack.template import ACCOUNT, REGION, ROOT

EVENTS: dict[str, Json] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "events").glob("*.json"))
}
RUN: str = EVENTS["inspect-archive"]["run_id"]
"""The run that all of them but uploads are about; s3-put starts it."""

_FUNCTIONS = {
    "publication-": "PublishArtefacts",
    "s3-": "StartPipeline",
    "inspect-": "InspectArchive",
    "await-": "AwaitTurn",
    "describe-": "DescribeRun",
    "execution-": "StopOrphans",
    "schedule": "StopOrphans",
}
"""The function of an event by the beginning of its name, in the order in which a run comes by them."""


def answers(cloud: LocalCloud, lambdas: LambdasPython) -> Json:
    """Give all events to their functions, one after the other; print how long that took and what they held.

    Args:
        cloud: A cloud of the built template.
        lambdas: What runs its functions.

    Returns:
        What they returned, by the event's name.
    """
    left = _left(cloud.outputs["ResultsBucketName"])
    found: Json = {}
    names = physical_ids()
    for beginning, logical_id in _FUNCTIONS.items():
        if logical_id == "AwaitTurn":  # and those after it: the run that an upload started goes on until it is refused
            ended(cloud, RUN)
        function, seconds = names[logical_id], []
        # a deletion comes before a creation, so that what is published is there afterwards
        for event in sorted((name for name in EVENTS if name.startswith(beginning)), reverse=True):
            with _in_s3(left.get(event, {})):
                began = time.perf_counter()
                found[event] = _answered(function, EVENTS[event], cloud.outputs["ResultsBucketName"])
                seconds.append(time.perf_counter() - began)
        told = ", ".join(f"{one * 1000:.0f} ms" for one in seconds)
        assert seconds, f"there is no event for {logical_id}"
        print(
            f"{logical_id} by {lambdas.python}, first answer cold: {told}; peak {lambdas.peak_mebibytes(function)} MiB"
        )
    assert found.keys() == EVENTS.keys(), "each has its function"
    return found


def physical_ids() -> dict[str, str]:
    """The names of the stack's resources by their logical ids; moto's API fails on those that it has no ids of."""
    from moto.cloudformation.models import cloudformation_backends

    resources = cloudformation_backends[ACCOUNT][REGION].get_stack("orchard").resource_map
    there = [name for name in resources if resources[name] is not None]  # None: its condition does not hold
    found = {name: getattr(resources[name], "physical_resource_id", "") for name in there}
    return {name: one.rpartition("/")[2] if one.startswith("https:") else one for name, one in found.items()}


def runs_of(event: Json) -> list[str]:
    """The ids of the runs that an event of S3 starts."""
    found = []
    for record in event.get("Records", []):
        bucket, stored = record["s3"]["bucket"]["name"], record["s3"]["object"]
        if stored["key"].endswith(".zip"):
            of = {"version_id": stored.get("versionId"), "etag": stored["eTag"], "sequencer": stored["sequencer"]}
            found.append(run_id(bucket, unquote_plus(stored["key"]), **of))
    if "detail" in event:
        stored = event["detail"]["object"]
        found.append(run_id(event["detail"]["bucket"]["name"], stored["key"], version_id=stored["version-id"]))
    return found


def _left(results: str) -> dict[str, dict[str, bytes]]:
    """What the run of an event has left in S3, by the event: a summary; the log of a node that did not come up."""
    plan = EVENTS["describe-run-launch-failed"]["state"]["inspected"]["plan"]
    log = f"{plan['log_uri']}j-2AXXXXXXGAPLF/node/i-0a1b2c3d4e5f60718/bootstrap-actions/1/stderr.gz"
    summary = {"counts": {"images": 12, "features": 12}, "engine": "onnxruntime", "parameters": {"kept": 3}}
    return {
        "describe-run-launch-failed": {log: gzip.compress(b"orchard bootstrap: failed at line 31: pip install\n")},
        "describe-run-succeeded": {run_files(results, RUN).summary: json.dumps(summary).encode()},
    }


@contextmanager
def _in_s3(files: Mapping[str, bytes]) -> Iterator[None]:
    s3, addresses = boto3.client("s3"), [ObjectAddress.parse(uri) for uri in files]
    for address, body in zip(addresses, files.values(), strict=True):
        s3.put_object(Bucket=address.bucket, Key=address.key, Body=body)
    yield
    for address in addresses:
        s3.delete_object(Bucket=address.bucket, Key=address.key)


def _answered(function: str, event: Json, results: str) -> Any:  # noqa: ANN401 (JSON)
    """What a function returns, or what it answers where CloudFormation waits for it."""
    if "ResponseURL" not in event:
        return _invoked(function, event)
    s3 = boto3.client("s3")
    _invoked(function, {**event, "ResponseURL": f"{s3.meta.endpoint_url}/{results}/answer"})
    answer = json.loads(s3.get_object(Bucket=results, Key="answer")["Body"].read())
    s3.delete_object(Bucket=results, Key="answer")
    return answer


def _invoked(function: str, event: Json) -> Any:  # noqa: ANN401 (JSON)
    answer = boto3.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    returned = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, returned
    return returned
