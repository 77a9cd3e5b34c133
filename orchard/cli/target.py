"""The two places where a run can happen: AWS, and the local cloud. Once a place is entered, they are alike."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from orchard import cache
from orchard.aws import sessions
from orchard.aws.errors import errors_explained
from orchard.aws.stack import Stack
from orchard.compute.base import Access
from orchard.compute.registry import Computes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from boto3.session import Session
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from orchard.cli.settings import Settings
    from orchard.features.model import ModelFolder


@dataclass(frozen=True)
class Place:
    """Where a run happens.

    Attributes:
        notices: The mails that were sent there, oldest first, as far as they can be read: AWS keeps none.
        after_interruption: What to say when the command leaves a run there, given the run's id and the folder that was
            chosen for its results, None if none was.
        later: What to type for a command about a run there once this one has ended, given the command's name and the
            run's id; "" if nothing of it is left by then.
        function_logs: What to type to read what the functions there have logged.
    """

    session: Session
    stack: Stack
    notices: Callable[[], Sequence[str]]
    after_interruption: Callable[[str, Path | None], str]
    later: Callable[[str, str], str]
    function_logs: str

    @cached_property
    def s3(self) -> S3Client:
        return self.session.client("s3", config=sessions.client_config())

    @cached_property
    def step_functions(self) -> SFNClient:
        return self.session.client("stepfunctions", config=sessions.client_config())

    @cached_property
    def computes(self) -> Computes:
        """What the stack's runs work on."""
        return Computes(Access(sessions.clients_of(self.session), self.stack.outputs))


@dataclass(frozen=True)
class LocalPlace(Place):
    """A local cloud.

    Attributes:
        environment: The variables by which any AWS client reaches it.
    """

    environment: Mapping[str, str]


@contextmanager
def in_aws(settings: Settings) -> Iterator[Place]:
    """A deployed stack.

    Raises:
        EnvironmentNotReadyError: No credentials, another region than one of the EU's, or no stack.
    """
    session = sessions.open_session(settings.region, settings.profile)
    stack = Stack.load(session, settings.stack)

    def goes_on(run: str, out: Path | None) -> str:
        chosen = () if out is None else ("--out", str(out))
        return (
            f"The run {run} goes on without you. To come back to it:\n"
            f"  {settings.command('watch', run)}\n"
            "and when it is done, for its results:\n"
            f"  {settings.command('results', run, *chosen)}"
        )

    with errors_explained():
        logs = f"sam logs --region {session.region_name} --stack-name {stack.name}"
        yield Place(session, stack, lambda: (), goes_on, settings.command, logs)


def check_local() -> None:
    """Make sure that this machine can run a local cloud, before anything is prepared for one.

    Raises:
        EnvironmentNotReadyError: The extra or a Java for Spark is missing.
    """
    from orchard.errors import require_extra

    require_extra("local", "The local cloud")
    from orchard.local.emr.jars import check_java

    check_java()


@contextmanager
def in_local_cloud(
    model: ModelFolder | None, engine: str, say: Callable[[str], None], port: int = 0
) -> Iterator[LocalPlace]:
    """A local cloud of one's own, with everything published that a run needs; it ends with the context.

    Args:
        model: The model that computes features; None where none are computed.
        engine: The engine whose node environment its release has.
        say: Called with a line about each step that takes a while.
        port: The port to listen on; 0 for any free one.

    Raises:
        EnvironmentNotReadyError: Something that the local cloud needs is missing on this machine.
    """
    from orchard.cache.held import held_folder
    from orchard.local.cloud import LocalCloud
    from orchard.local.emr.class_archive import made_meanwhile
    from orchard.local.emr.jars import s3a_jars, spark_home
    from orchard.local.moto.translate import StackSource
    from orchard.local.processes import ended_by_signals
    from orchard.release.assemble import assemble_bundle
    from orchard.release.bundle import IN_LAYER

    cache.remove_left_over()
    with ExitStack() as exits:
        exits.enter_context(ended_by_signals())
        layer = exits.enter_context(held_folder(cache.local_dir(), cache.LAYER))
        say(f"assembling jobs, bootstrap{' and wheels' if model is None else ', wheels and the model'}")
        assemble_bundle(
            layer / IN_LAYER, cache.project_dir(), cache.package_dir(), cache.wheelhouse_dir(), model, engines=[engine]
        )
        stack = StackSource(
            cache.project_dir() / "template.yaml", parameters={"Engines": engine}, layers={"Artefacts": layer}
        )
        say("starting the local cloud")
        spark = spark_home()
        exits.enter_context(made_meanwhile(spark, s3a_jars(cache.jars_dir(), spark)))
        cloud = exits.enter_context(LocalCloud(stack, port=port))
        exits.enter_context(errors_explained())
        session = sessions.open_session()  # which leads to the cloud, as everything in this process does now
        place = LocalPlace(
            session=session,
            stack=Stack.load(session),
            notices=lambda: [f"{notice.subject}\n\n{notice.message}" for notice in cloud.notices],
            after_interruption=lambda run, _: f"The local cloud ends, and the run {run} with it.",
            later=lambda *_: "",
            function_logs=f"tail {cloud.folder}/logs/*",
            environment=cloud.environment,
        )
        yield place
