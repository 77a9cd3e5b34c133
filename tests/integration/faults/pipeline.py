"""The real pipeline with small jobs, and what came of a run in it.

The stack, the functions, the state machine and the processes are those of the local cloud. In the place of Spark is
`small_job.py`; pauses (between looks, before retries) are too short to be noticed.
"""

import io
import itertools
import json
import shutil
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from orchard import layout
from orchard.local.cloud import LocalCloud
from orchard.local.moto.translate import StackSource
from orchard.options import RunOptions
from tests.integration.faults.invariants import ENDED, holds
from tests.integration.faults.outcome import Cluster, Outcome
from tests.support.cloud.mini import Json
from tests.support.stack.bundles import stack_with
from tests.support.waiting import PATIENCE, eventually

_JOB = Path(__file__).with_name("small_job.py")
_BOOTSTRAP = 'told=$(dirname "$(command -v spark-submit)")/told/bootstrap; [ ! -e "$told" ] || . "$told"\n'


def archive(members: int = 3) -> bytes:
    """A zip with this many members that look like images, and one that does not."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for number in range(members):
            written.writestr(f"fruits/Training/Kiwi/{number}.jpg", f"picture {number}")
        written.writestr("fruits/LICENSE", "words")
    return file.getvalue()


def small_stack(layer: Path) -> StackSource:
    """The project's own stack, whose nodes boot as a test tells them to.

    Args:
        layer: A folder for what it publishes.
    """
    return stack_with(layer, {"bootstrap/install.sh": _BOOTSTRAP.encode()})


class Pipeline:
    """The pipeline in a local cloud, and its user.

    Args:
        cloud: The cloud, running.
    """

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.client: Any = cache(boto3.client)
        self.machine = cloud.outputs["StateMachineArn"]
        self._tools = cloud.folder / "clusters" / "bin"
        self._told = self._tools / "told"
        self._told.mkdir()
        self._names = itertools.count(1)
        shutil.copy(_JOB, self._tools)
        submit = self._tools / "spark-submit"
        submit.write_text(f'#!/bin/sh\nexec {sys.executable} -I "{self._tools / _JOB.name}" "$@"\n')
        submit.chmod(0o755)

    # what a user does

    options = RunOptions()
    """Of what is uploaded."""

    def upload(self, key: str = "", body: bytes | None = None, **told: str) -> str:
        """Upload an archive; the id of its run. What its stages are told is a shell script by the stage's name."""
        key = key or f"row {next(self._names)}.zip"
        slug = layout.run_id("", key, version_id="any").rsplit("-", 1)[0]
        for stage, script in told.items():
            (self._told / f"{slug}.{stage}").write_text(script)
        bucket = self.cloud.outputs["InputBucketName"]
        body = archive() if body is None else body
        metadata = {layout.OPTIONS_METADATA_KEY: self.options.to_metadata()}
        answer = self.client("s3").put_object(Bucket=bucket, Key=key, Body=body, Metadata=metadata)
        return layout.run_id(bucket, key, version_id=answer["VersionId"])

    def let_go(self, slug: str, stage: str) -> None:
        """Let a stage go on that was told to wait for `$0.go`."""
        (self._told / f"{slug}.{stage}.go").touch()

    def run(self, *, notices: int = 1, **told: str) -> Outcome:
        """Upload an archive and wait for what comes of it."""
        return self.outcome(self.upload(**told), notices=notices)

    def stop(self, run: str) -> None:
        self.client("stepfunctions").stop_execution(executionArn=self.execution(run), cause="enough")

    @contextmanager
    def bootstrap(self, script: str) -> Iterator[Path]:
        """Have nodes run this when they start."""
        file = self._told / "bootstrap"
        file.write_text(script)
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)

    @contextmanager
    def definition(self, change: Callable[[Json], None]) -> Iterator[None]:
        """Have another definition for what starts meanwhile."""
        states = self.client("stepfunctions")
        before = states.describe_state_machine(stateMachineArn=self.machine)["definition"]
        after = json.loads(before)
        change(after)
        states.update_state_machine(stateMachineArn=self.machine, definition=json.dumps(after))
        try:
            yield
        finally:
            states.update_state_machine(stateMachineArn=self.machine, definition=before)

    def invoke(self, function: str, event: Mapping[str, Any]) -> None:
        """Deliver an event to a function, as S3 and EventBridge do: without waiting."""
        self.client("lambda").invoke(
            FunctionName=self.function(function), InvocationType="Event", Payload=json.dumps(event)
        )

    def function(self, logical_id: str) -> str:
        """The name of a function."""
        names = [one["FunctionName"] for one in self.client("lambda").list_functions()["Functions"]]
        [name] = [name for name in names if logical_id in name]
        return name

    # what there is then

    def execution(self, run: str) -> str:
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{run}"

    def clusters(self, run: str = "") -> list[Cluster]:
        """The clusters that were ever created, of one run or of all, in order."""
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.emr.models import emr_backends

        regions = emr_backends[DEFAULT_ACCOUNT_ID].values()
        found = [Cluster.of(one) for region in regions for one in region.clusters.values()]
        return sorted((one for one in found if run in ("", one.run_id)), key=lambda one: one.created)

    def cluster(self, run: str, state: str) -> Cluster:
        """The latest cluster of a run, as soon as it is in this state."""

        def look() -> Cluster | None:
            found = self.clusters(run)
            return found[-1] if found and found[-1].state == state else None

        return eventually(look, f"a cluster of {run} that is {state}")

    def step(self, run: str, state: str) -> Cluster:
        """The latest cluster of a run, as soon as one of its steps is in this state."""

        def look() -> Cluster | None:
            found = self.clusters(run)
            return found[-1] if found and state in found[-1].steps.values() else None

        return eventually(look, f"a step of {run} that is {state}")

    def queued(self, run: str) -> Cluster:
        """The latest cluster of a run, as soon as all its steps are queued."""

        def look() -> Cluster | None:
            found = self.clusters(run)
            return found[-1] if found and set(layout.STAGES) == set(found[-1].steps) else None

        return eventually(look, f"the queueing of the steps of {run}")

    def outcome(self, run: str, *, notices: int = 1, earlier: int = 0) -> Outcome:
        """What came of a run, once nothing moves any more; what must hold of every run holds of it.

        Args:
            run: Its id.
            notices: How many there must be.
            earlier: How many of them told of ends after which it was redriven.
        """
        self.settle()
        described = self.client("stepfunctions").describe_execution(executionArn=self.execution(run))
        found = Outcome(
            run_id=run,
            status=described["status"],
            error=described.get("error", ""),
            cause=described.get("cause", ""),
            visited=tuple(self._visited(run)),
            notices=tuple(one for one in self.cloud.notices if run in f"{one.subject} {one.message}"),
            clusters=tuple(self.clusters(run)),
            files=self._files(run),
        )
        holds(found, notices=notices, earlier=earlier)
        return found

    def executions(self) -> list[str]:
        found = self.client("stepfunctions").list_executions(stateMachineArn=self.machine)["executions"]
        return [one["name"] for one in found]

    def undelivered(self) -> list[Json]:
        """The events that no attempt could handle, each once."""
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.sqs.models import sqs_backends

        regions = sqs_backends[DEFAULT_ACCOUNT_ID].values()
        [queue] = [one for region in regions for one in region.queues.values() if "Undelivered" in one.name]
        waiting = [json.loads(message.body) for message in queue.messages]
        queue._messages.clear()
        return waiting

    def settle(self) -> None:
        """Wait until no execution, no event and no cluster lives."""
        deadline = time.monotonic() + PATIENCE
        while moving := _moving():
            moving[0].join(0.1)
            if time.monotonic() > deadline:
                alive = [one for one in self.clusters() if one.state not in ENDED]
                raise AssertionError(f"something lives on: {[one.name for one in moving]}, {alive}")

    def events_are_over(self) -> None:
        """Wait until no event is on its way to a function."""
        for thread in [one for one in _moving() if one.name.startswith("event for ")]:
            thread.join(PATIENCE)

    def _visited(self, run: str) -> Iterator[str]:
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        for page in pages.paginate(executionArn=self.execution(run)):
            for event in page["events"]:
                if "stateEnteredEventDetails" in event:
                    yield event["stateEnteredEventDetails"]["name"]

    def _files(self, run: str) -> dict[str, bytes]:
        bucket, prefix = self.cloud.outputs["ResultsBucketName"], layout.run_prefix(run)
        s3 = self.client("s3")
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return {
            one["Key"].removeprefix(prefix): s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
            for one in listed
        }


def _moving() -> list[threading.Thread]:
    """The threads of executions, of events on their way to functions, and of clusters."""
    from moto.stepfunctions.parser.utils import TMP_THREADS

    named = [one for one in threading.enumerate() if one.name.startswith(("event for ", "cluster j-", "end of j-"))]
    return [one for one in (*TMP_THREADS, *named) if one.is_alive()]
