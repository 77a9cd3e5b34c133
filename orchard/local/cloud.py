"""The local cloud: the stack of `template.yaml`, with everything behind it, in this process and below it.

    with LocalCloud(StackSource(Path("template.yaml"), layers={"Artefacts": folder})) as cloud:
        boto3.client("s3").upload_file("fruits.zip", cloud.outputs["InputBucketName"], "fruits.zip")

What `sam build` leaves takes a runner on Lambda's Python: its packages hold what is compiled for that one alone.
While it runs, this process's environment leads every AWS client to it and to nowhere else; `environment` leads others.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self

from botocore.config import Config
from botocore.exceptions import ClientError

from orchard import cache
from orchard.aws.endpoint import VARIABLES
from orchard.cache.held import held_folder
from orchard.errors import EnvironmentNotReadyError
from orchard.local.emr import jars
from orchard.local.iam.roles import SECRET, USER_KEY
from orchard.local.moto import translate
from orchard.local.moto.patching import entries
from orchard.local.processes import ended_by_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from boto3.session import Session

    from orchard.local.iam.policy import Request
    from orchard.local.lambda_.functions import Runner
    from orchard.local.moto.notices import Notice
    from orchard.local.moto.translate import StackSource

LOG = logging.getLogger(__name__)

_only_one = threading.Lock()
_CREATION_SECONDS = 600


class LocalCloud:
    """A cloud of one's own; a context manager.

    Args:
        stack: What stack it has; its layers have to be built, as what runs need is published from one.
        home: Where it keeps its files; `orchard.cache.local_dir()` by default.
        runner: Makes what runs Lambda functions, of the folder for their logs; None for processes below the emulator.
        port: The port to listen on; 0 for any free one.
        poll_seconds: The template's `PollSeconds`, if it has such a parameter.
        on_notice: Gets each notice as it is published, on another thread.
        cores: How many Spark tasks run at once; all cores of the machine by default.
        duplicates: Deliver each event of S3 twice.

    Attributes:
        environment: The variables by which any AWS client reaches the cloud.
        outputs: The stack's outputs, by name.
        notices: What has been published so far.
        requests: What roles have asked permission for so far.
        folder: Its files: `logs/<function>.log`, `clusters/<cluster>/logs/…`; the logs stay when it has ended.
    """

    environment: Mapping[str, str]
    outputs: Mapping[str, str]
    folder: Path

    def __init__(
        self,
        stack: StackSource,
        home: Path | None = None,
        *,
        runner: Callable[[Path], Runner] | None = None,
        port: int = 0,
        poll_seconds: int = 2,
        on_notice: Callable[[Notice], None] | None = None,
        cores: int | None = None,
        duplicates: bool = False,
    ) -> None:
        self._stack = stack
        self._home = home or cache.local_dir()
        self._make_runner = runner
        self._port = port
        self._poll_seconds = poll_seconds
        self._on_notice = on_notice
        self._cores = cores or os.cpu_count() or 1
        self._duplicates = duplicates
        self._exit = ExitStack()
        self.notices: list[Notice] = []
        self.requests: set[Request] = set()

    def __enter__(self) -> Self:
        """Start it; what cannot be started leaves nothing behind.

        Raises:
            EnvironmentNotReadyError: Something that it needs is missing on this machine, or its port is taken.
            RuntimeError: Another one runs in this process: what moto knows belongs to the process.
        """
        with ExitStack() as exits:
            if not _only_one.acquire(blocking=False):
                raise RuntimeError("a process has one local cloud at a time")
            exits.callback(_only_one.release)
            exits.enter_context(ended_by_signals())
            self._start(exits)
            self._exit = exits.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, with every process it started."""
        self._exit.__exit__(kind, error, trace)

    def _start(self, exits: ExitStack) -> None:
        jars.check_java()
        spark = jars.spark_home()
        s3a = jars.s3a_jars(cache.jars_dir(), spark)
        template = translate.for_moto(translate.translate(self._stack.template, self._stack.region))
        cache.forget_clouds(self._home)
        prefix = f"{cache.CLOUD}{time.strftime('%Y%m%dT%H%M%S')}-"
        self.folder = exits.enter_context(held_folder(self._home, prefix, stays=True))
        exits.callback(cache.keep_logs, self.folder)
        for name in ("logs", "clusters"):
            (self.folder / name).mkdir()
        runner = self._runner()

        from orchard.local.moto.server import moto_server

        address = exits.enter_context(moto_server(self._port))
        variables = _client_variables(address, self._stack.region)
        self.environment = {**variables, **_without_proxies()}
        exits.enter_context(_only_here(self.environment))

        import boto3

        from orchard.local.emr.clusters import living_clusters
        from orchard.local.emr.eks import living_pods
        from orchard.local.emr.nodes import Machine
        from orchard.local.emr.serverless import living_job_runs
        from orchard.local.iam.permissions import enforced_permissions
        from orchard.local.iam.roles import tasks_sign_for_their_machine
        from orchard.local.lambda_.bridge_events import bridged_events
        from orchard.local.lambda_.functions import Functions, running_functions
        from orchard.local.lambda_.s3_events import delivered_events
        from orchard.local.lambda_.schedules import scheduled_rules
        from orchard.local.moto.executions import first_endings_hold, named_and_redriven_executions
        from orchard.local.moto.history import paged_histories
        from orchard.local.moto.jsonata import evaluated_expressions
        from orchard.local.moto.notices import collected_notices
        from orchard.local.moto.s3_reads import partial_reads
        from orchard.local.moto.sdk_tasks import plain_answers
        from orchard.local.moto.stack_resources import complete_stacks

        machine = Machine(address, spark, s3a, self._cores, self.folder / "clusters")
        machine.prepare()
        session = boto3.Session()
        folders = translate.function_folders(self._stack.template)
        functions = Functions(runner, folders, translate.layer_folders(self._stack), variables)
        exits.enter_context(running_functions(functions))
        exits.enter_context(living_clusters(machine))
        exits.enter_context(living_job_runs(machine))
        exits.enter_context(living_pods(machine, self._stack.region))
        exits.enter_context(collected_notices(self._collect))
        exits.enter_context(delivered_events(functions, duplicates=self._duplicates))
        exits.enter_context(bridged_events(functions))
        exits.enter_context(scheduled_rules(functions))
        exits.enter_context(plain_answers())
        exits.enter_context(evaluated_expressions())
        exits.enter_context(paged_histories())
        exits.enter_context(first_endings_hold())
        exits.enter_context(named_and_redriven_executions())
        exits.enter_context(partial_reads())
        exits.enter_context(tasks_sign_for_their_machine())
        exits.enter_context(enforced_permissions(self._stack.region, self.requests.add))
        # create_service_linked_role would do the same on AWS; moto 5.2.5 makes a role of another name of it
        session.client("iam").create_role(RoleName="AWSServiceRoleForEMRCleanup", AssumeRolePolicyDocument="{}")
        with complete_stacks(self._stack.region):
            self.outputs = self._create(session, template)

    def _runner(self) -> Runner:
        logs = self.folder / "logs"
        if self._make_runner is not None:
            return self._make_runner(logs)
        from orchard.local.lambda_.emulator import EmulatorRunner, emulator_binary

        return EmulatorRunner(emulator_binary(self.folder), logs, cache.package_dir().parent)

    def _create(self, session: Session, template: dict[str, Any]) -> dict[str, str]:
        from orchard.compute.emr_eks import EmrEks
        from orchard.local.emr import eks

        # the answer comes when the whole stack is there, and a second request would find half of it
        patient = Config(read_timeout=_CREATION_SECONDS, retries={"total_max_attempts": 1})
        cloudformation = session.client("cloudformation", config=patient)
        ours = {
            "PollSeconds": str(self._poll_seconds),
            "NodeRoot": str(cache.environments_dir()),
            "Charged": "false",
        }
        declared = template.get("Parameters", {})
        pods = self._stack.parameters.get("Compute") == EmrEks.name
        if pods:
            ours["VirtualClusterId"] = eks.virtual_cluster(session)
        parameters = {**{name: value for name, value in ours.items() if name in declared}, **self._stack.parameters}
        try:
            cloudformation.create_stack(
                StackName=self._stack.name,
                TemplateBody=json.dumps(template),
                Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
            )
        except ClientError as error:
            cause = error.response.get("Error", {}).get("Message", str(error))
            raise EnvironmentNotReadyError("The stack could not be created", cause) from error
        [stack] = cloudformation.describe_stacks(StackName=self._stack.name)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        if pods:
            eks.trust_pods(session, outputs["PodRoleName"])
        return outputs

    def _collect(self, notice: Notice) -> None:
        self.notices.append(notice)
        if self._on_notice is not None:
            self._on_notice(notice)


def _client_variables(address: str, region: str) -> dict[str, str]:
    # the user's own files may name a profile, an endpoint or a role that leads to AWS
    values = (address, USER_KEY, SECRET, region, region, "true", os.devnull, os.devnull)
    return dict(zip(VARIABLES, values, strict=True))


def _without_proxies() -> dict[str, str]:
    """The variables that keep a user's proxies out of the way to this machine; libraries read either spelling first."""
    names = ("NO_PROXY", "no_proxy")
    spared = [host for name in names for host in os.environ.get(name, "").split(",") if host]
    hosts = ",".join(dict.fromkeys([*spared, "127.0.0.1", "localhost"]))
    return dict.fromkeys(names, hosts)


@contextmanager
def _only_here(variables: Mapping[str, str]) -> Iterator[None]:
    """Have these variables about AWS, and no others."""
    import boto3

    others: dict[str, str | None] = {name: None for name in os.environ if name.startswith("AWS_")}
    with entries(os.environ, {**others, **variables}):
        boto3.DEFAULT_SESSION = None  # it keeps the credentials that it found first
        try:
            yield
        finally:
            boto3.DEFAULT_SESSION = None
