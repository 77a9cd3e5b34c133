"""A job run that lives: it waits, runs, and ends or is cancelled, as EMR Serverless and EMR on EKS say that they do.

SUBMITTED → SCHEDULED → RUNNING → SUCCESS or FAILED, or CANCELLING → CANCELLED; on EKS PENDING → SUBMITTED → RUNNING →
COMPLETED or FAILED, or CANCEL_PENDING → CANCELLED. It works on moto's own object, so that every answer of moto's API
tells how things stand. One machine stands for the driver and all executors; its Python is that of the image of the
release, and its packages are those of the archive, found and unpacked as Spark does it on a worker.
"""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import tarfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchard.compute.images import has_python
from orchard.layout import ObjectAddress
from orchard.local.emr.commands import Commands, Ended
from orchard.local.emr.logs import LogFolder
from orchard.local.emr.nodes import IMAGE, OLD_IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from orchard.local.emr.nodes import Machine

LOG = logging.getLogger(__name__)

_ARCHIVES = "spark.archives"
_UNPACKING = threading.Lock()


@dataclass(frozen=True)
class Words:
    """How a service tells of its job runs.

    Attributes:
        waiting: The two states before it runs.
        done: The state of one that succeeded.
        cancelling: The state of one that was told to end.
        ended_at: The field of moto's object for the time of its end.
        driver: The field of `jobDriver` for what is submitted.
        driver_env: What the names of properties begin with that give the driver its environment.
        folder: Where a job run's driver has its logs, below those of the run.
        failed: What is said of one that failed, by its exit code and the end of its log.
    """

    waiting: tuple[str, str]
    done: str
    cancelling: str
    ended_at: str
    driver: str
    driver_env: str
    folder: Callable[[Any], str]
    failed: Callable[[int, str], str]


class LiveJobRun:
    """What makes one of moto's job runs live.

    Args:
        image: Whose programs it has: `IMAGE` or `OLD_IMAGE` of `orchard.local.emr.nodes`.
        pod: What is in the environment of a pod, in the place of an instance's credentials; None for a worker.
    """

    def __init__(
        self, job: Any, words: Words, image: str, machine: Machine, pod: Mapping[str, str] | None = None
    ) -> None:
        self._job = job
        self._words = words
        self._image = image
        self._machine = machine
        self._pod = pod
        self._s3 = machine.s3()
        self._folder = machine.folder / job.id
        self._commands = Commands()
        self._changed = threading.Lock()
        self._thread = threading.Thread(target=self._live, name=f"job run {job.id}", daemon=True)

    def start(self) -> None:
        """Begin to live."""
        self._job.created_at = self._job.updated_at = _now()
        self._job.state_details = ""
        self._job.created_by = self._job.execution_role_arn
        self._job.state = self._words.waiting[0]
        self._thread.start()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def cancel(self) -> None:
        """End it, with all that it started; returns at once."""
        with self._changed:
            if self._job.state in (self._words.done, "FAILED", "CANCELLED"):
                return
            self._enter(self._words.cancelling)
        threading.Thread(target=self._commands.end, name=f"end of job run {self._job.id}", daemon=True).start()

    def _live(self) -> None:
        ended = Ended(1, "The local cloud failed; see its log")
        try:
            ended = self._run()
        except Exception as error:
            LOG.exception("The job run %s ended by a defect of the local cloud, or of its archive", self._job.id)
            ended = Ended(1, f"{type(error).__name__}: {error}")
        finally:
            self._commands.end()
            for name in ("scratch", "work"):
                shutil.rmtree(self._folder / name, ignore_errors=True)
            with self._changed:
                setattr(self._job, self._words.ended_at, _now())
                self._leave(ended)

    def _run(self) -> Ended:
        self._unless_cancelled(self._words.waiting[1])
        submit = self._job.job_driver[self._words.driver]
        settings, options = spark_parameters(submit.get("sparkSubmitParameters", ""))
        work = self._folder / "work"
        work.mkdir(parents=True)
        if _ARCHIVES in settings:
            self._unpack(settings[_ARCHIVES], work)
        environment = self._machine.job_environment(
            settings, self._folder, self._image, driver_env=self._words.driver_env, pod=self._pod
        )
        argv = ["spark-submit", *options, submit["entryPoint"], *submit.get("entryPointArguments", [])]
        logs = LogFolder(self._folder / "logs", self._log_uri(), names=("stderr", "stdout"))
        ended = self._commands.run(self._job.id, argv, environment, work, logs, started=self._started)
        logs.upload(self._s3)  # before the job run's state tells anybody to read them
        return ended

    def _unpack(self, archive: str, work: Path) -> None:
        """Unpack an archive once for all job runs of a cloud; a folder of each has links to its files."""
        uri, _, name = archive.partition("#")
        address = ObjectAddress.parse(uri)
        found = self._s3.get_object(Bucket=address.bucket, Key=address.key)
        unpacked = self._machine.folder / "archives" / found["ETag"].strip('"')
        with _UNPACKING, found["Body"] as body:
            if not unpacked.exists():
                arriving = unpacked.with_suffix(".arriving")
                with tarfile.open(fileobj=body, mode="r|gz") as packed:
                    packed.extractall(arriving, filter="data")
                arriving.rename(unpacked)
        shutil.copytree(unpacked, work / name, symlinks=True, copy_function=os.link)

    def _log_uri(self) -> str | None:
        monitoring = (self._job.configuration_overrides or {}).get("monitoringConfiguration", {})
        base = monitoring.get("s3MonitoringConfiguration", {}).get("logUri", "").rstrip("/")
        return f"{base}/{self._words.folder(self._job)}" if base else None

    def _started(self) -> None:
        self._job.started_at = _now()
        self._unless_cancelled("RUNNING")

    def _unless_cancelled(self, state: str) -> None:
        with self._changed:
            if self._job.state != self._words.cancelling:
                self._enter(state)

    def _leave(self, ended: Ended) -> None:
        if self._job.state == self._words.cancelling:
            self._enter("CANCELLED")
        elif ended.code == 0:
            self._enter(self._words.done)
        else:
            self._job.state_details = self._words.failed(ended.code, ended.message)[:256].rstrip()
            self._enter("FAILED")

    def _enter(self, state: str) -> None:
        self._job.state = state
        self._job.updated_at = _now()


@contextmanager
def all_end(living: Mapping[str, LiveJobRun]) -> Iterator[None]:
    """At the end, job runs end."""
    try:
        yield
    finally:
        for live in living.values():
            live.cancel()
        for live in living.values():
            live.join()


def made_between(jobs: Iterable[Any], after: Any, before: Any, states: Sequence[str]) -> list[Any]:
    """Those of moto's job runs that a list has.

    Args:
        after: A time; None or "" for any.
        before: Likewise.
        states: Any if there is none.
    """
    first, last = _naive(after) or datetime.min, _naive(before) or datetime.max  # noqa: DTZ901 (as moto's)
    return [job for job in jobs if first <= job.created_at <= last and (not states or job.state in states)]


def _naive(time: Any) -> datetime | None:
    """A time as moto keeps them: in UTC, without saying so."""
    if not time:
        return None
    moment = time if isinstance(time, datetime) else datetime.fromisoformat(str(time))
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def image_of(release: str) -> str:
    """Whose programs workers of a release have.

    Returns:
        `IMAGE` or `OLD_IMAGE` of `orchard.local.emr.nodes`.
    """
    return IMAGE if has_python(release) else OLD_IMAGE


def spark_parameters(text: str) -> tuple[dict[str, str], list[str]]:
    """Take SparkSubmitParameters apart.

    Args:
        text: Options of spark-submit, as a shell takes them.

    Returns:
        What `--conf` sets, by name; and the other words.
    """
    words: Sequence[str] = shlex.split(text)
    settings: dict[str, str] = {}
    options: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--conf":
            name, _, value = next(rest).partition("=")
            settings[name] = value
        else:
            options.append(word)
    return settings, options


def _now() -> datetime:
    from moto.core.utils import utcnow

    return utcnow()
