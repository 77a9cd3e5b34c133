"""A cluster that lives: it boots, runs its steps in order, idles and ends, as EMR says that clusters do.

STARTING → BOOTSTRAPPING → RUNNING ⇄ WAITING → TERMINATING → TERMINATED or TERMINATED_WITH_ERRORS. It works on moto's
own cluster and step objects, so that every answer of moto's API tells how things stand.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchard.layout import ObjectAddress
from orchard.local.emr.commands import Commands, Ended
from orchard.local.emr.logs import LogFolder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_s3 import S3Client

    from orchard.local.emr.nodes import Machine

LOG = logging.getLogger(__name__)

ALIVE = frozenset({"STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"})
_ON = frozenset({"CONTINUE", "CANCEL_AND_WAIT"})
"""What ActionOnFailure says to leave the cluster running."""


@dataclass(frozen=True)
class Ending:
    """Why a cluster ends.

    Attributes:
        code: EMR's StateChangeReason code.
        failed: Whether it ends TERMINATED_WITH_ERRORS.
    """

    code: str
    message: str
    failed: bool = False


BY_USER = Ending("USER_REQUEST", "Terminated by user request")
STEPS_DONE = Ending("ALL_STEPS_COMPLETED", "Steps completed")
STEP_FAILED = Ending("STEP_FAILURE", "Shut down as step failed", failed=True)


class LiveCluster:
    """What makes one of moto's clusters live.

    Args:
        cluster: moto's cluster, with nothing started.
        idle_timeout: Seconds of waiting after which it ends; None for never.
    """

    def __init__(
        self,
        cluster: Any,
        machine: Machine,
        s3: S3Client,
        configurations: Sequence[Mapping[str, Any]],
        idle_timeout: float | None,
    ) -> None:
        self._cluster = cluster
        self._machine = machine
        self._s3 = s3
        self._configurations = configurations
        self._idle_timeout = idle_timeout
        self._folder = machine.folder / cluster.id
        self._instance = f"i-{secrets.token_hex(9)[:17]}"
        self._commands = Commands()
        self._changed = threading.Condition()
        self._ending: Ending | None = None
        self._thread = threading.Thread(target=self._live, name=f"cluster {cluster.id}", daemon=True)

    def start(self) -> None:
        """Begin to live."""
        self._thread.start()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def steps_added(self) -> None:
        """There may be something to do."""
        with self._changed:
            self._changed.notify_all()

    def terminate(self, ending: Ending = BY_USER) -> None:
        """End it, with the step that runs; returns at once."""
        with self._changed:
            if self._ending is not None or self._cluster.state not in ALIVE:
                return
            self._ending = ending
            self._enter("TERMINATING", ending)
            self._changed.notify_all()
        threading.Thread(target=self._commands.end, name=f"end of {self._cluster.id}", daemon=True).start()

    def cancel(self, step: Any) -> str | None:
        """Cancel a step.

        Returns:
            Why that cannot be, or None.
        """
        with self._changed:
            if step.state == "PENDING":
                _leave(step, "CANCELLED")
                return None
            if step.state != "RUNNING":
                return "Cannot cancel a step that is not PENDING or RUNNING"
            step.state = "CANCEL_PENDING"
        threading.Thread(
            target=self._commands.interrupt, args=(step.id,), name=f"cancel {step.id}", daemon=True
        ).start()
        return None

    def _live(self) -> None:
        ending = Ending("INTERNAL_ERROR", "The local cloud failed; see its log", failed=True)
        try:
            ending = self._boot() or self._work()
        except Exception:
            LOG.exception("The cluster %s ended by a defect of the local cloud", self._cluster.id)
        finally:
            self._end(ending)

    def _boot(self) -> Ending | None:
        """Run the bootstrap actions; why the cluster ends, if it does."""
        if not self._enter_unless_ending("BOOTSTRAPPING"):
            return self._ending
        for number, action in enumerate(self._cluster.bootstrap_actions, start=1):
            failure = self._bootstrap(number, action)
            if self._ending is not None:
                return self._ending
            if failure is not None:
                message = f"On the master instance ({self._instance}), bootstrap action {number} {failure}"
                return Ending("BOOTSTRAP_FAILURE", message, failed=True)
        self._cluster.ready_datetime = _now()
        return None

    def _bootstrap(self, number: int, action: Any) -> str | None:
        logs = self._logs("node", self._instance, "bootstrap-actions", str(number))
        logs.folder.mkdir(parents=True, exist_ok=True)
        script = logs.folder / "script"
        try:
            address = ObjectAddress.parse(action.script_path)
            script.write_bytes(self._s3.get_object(Bucket=address.bucket, Key=address.key)["Body"].read())
        except Exception as error:  # whatever it is, EMR says no more
            return f"could not be downloaded from {action.script_path}: {error}"
        argv = ["bash", str(script), *action.args]
        ended = self._commands.run(action.name, argv, self._machine.environment(), logs.folder, logs)
        logs.upload(self._s3)
        return None if ended.code == 0 else "returned a non-zero return code"

    def _work(self) -> Ending:
        """Run steps as they come; why the cluster ends."""
        idle_until = None if self._idle_timeout is None else time.monotonic() + self._idle_timeout
        while True:
            step = self._next_step(idle_until)
            if isinstance(step, Ending):
                return step
            failed = not self._run(step)
            if self._ending is not None:
                return self._ending
            if failed and step.action_on_failure not in _ON:
                return STEP_FAILED
            if failed and step.action_on_failure == "CANCEL_AND_WAIT":
                self._cancel_pending()
            if self._idle_timeout is not None:
                idle_until = time.monotonic() + self._idle_timeout

    def _next_step(self, idle_until: float | None) -> Any:
        """Wait for a step and start it; or why the cluster ends before there is one."""
        with self._changed:
            while True:
                if self._ending is not None:
                    return self._ending
                pending = next((step for step in self._cluster.steps if step.state == "PENDING"), None)
                if pending is not None:
                    self._enter("RUNNING", Ending("", "Running step"))
                    pending.state = "RUNNING"
                    pending.start()
                    return pending
                if not self._cluster.keep_job_flow_alive_when_no_steps:
                    return STEPS_DONE
                remaining = None if idle_until is None else idle_until - time.monotonic()
                if remaining is not None and remaining <= 0:
                    return Ending("USER_REQUEST", f"Auto-terminated after {self._idle_timeout:g} idle seconds")
                if self._cluster.state != "WAITING":
                    ready = "after last step completed" if self._cluster.steps else "to run steps"
                    self._enter("WAITING", Ending("", f"Cluster ready {ready}"))
                self._changed.wait(remaining)

    def _run(self, step: Any) -> bool:
        """Run one step; whether what follows may go on."""
        logs = self._logs("steps", step.id)
        cwd = self._folder / "work" / step.id
        cwd.mkdir(parents=True, exist_ok=True)
        if step.jar == "command-runner.jar" and step.args:
            environment = self._machine.step_environment(self._configurations, self._folder)
            ended = self._commands.run(
                step.id, step.args, environment, cwd, logs, started=lambda: self._interrupt_if_cancelled(step)
            )
        else:
            message = f"The local cloud runs command-runner.jar only, not {step.jar}"
            logs.folder.mkdir(parents=True, exist_ok=True)
            (logs.folder / "stderr").write_text(f"{message}\n", encoding="utf-8")
            ended = Ended(1, message)
        logs.upload(self._s3)  # before the step's state tells anybody to read them
        with self._changed:
            if self._ending is not None:
                _leave(step, "INTERRUPTED")
            elif step.state == "CANCEL_PENDING":
                _leave(step, "CANCELLED")
            elif ended.code == 0:
                _leave(step, "COMPLETED")
            else:
                step.failure_details = {"Reason": "Unknown Error."}
                if ended.message:
                    step.failure_details["Message"] = ended.message
                if logs.uri is not None:
                    step.failure_details["LogFile"] = logs.address("stderr")
                _leave(step, "FAILED")
            return bool(step.state != "FAILED")

    def _interrupt_if_cancelled(self, step: Any) -> None:
        """A step may be cancelled after its state says RUNNING, and before its process runs."""
        with self._changed:
            cancelled = step.state == "CANCEL_PENDING"
        if cancelled:
            self._commands.interrupt(step.id)

    def _cancel_pending(self) -> None:
        with self._changed:
            for step in self._cluster.steps:
                if step.state == "PENDING":
                    _leave(step, "CANCELLED")

    def _end(self, ending: Ending) -> None:
        with self._changed:
            self._ending = ending
            self._enter("TERMINATING", ending)
        self._commands.end()
        self._cancel_pending()
        shutil.rmtree(self._folder / "scratch", ignore_errors=True)
        with self._changed:
            self._cluster.end_datetime = _now()
            self._enter("TERMINATED_WITH_ERRORS" if ending.failed else "TERMINATED", ending)

    def _enter_unless_ending(self, state: str) -> bool:
        with self._changed:
            if self._ending is None:
                self._enter(state, Ending("", ""))
            return self._ending is None

    def _enter(self, state: str, reason: Ending) -> None:
        fields = {"Code": reason.code, "Message": reason.message}
        self._cluster.state_change_reason = {name: text for name, text in fields.items() if text}
        self._cluster.state = state

    def _logs(self, *path: str) -> LogFolder:
        base = (self._cluster.log_uri or "").rstrip("/")
        uri = "/".join([base, self._cluster.id, *path]) if base else None
        return LogFolder(self._folder.joinpath("logs", *path), uri)


def _leave(step: Any, state: str) -> None:
    step.state = state
    step.end_date_time = _now()


def _now() -> datetime:
    from moto.core.utils import utcnow

    return utcnow()
