"""The logs of a cluster, where and as EMR writes them: gzip, below the cluster's LogUri.

`<LogUri>/<cluster>/steps/<step>/{controller,stderr,stdout}.gz` and
`<LogUri>/<cluster>/node/<instance>/bootstrap-actions/<number>/{controller,stderr,stdout}.gz`. EMR uploads them
some minutes late; here they are there when the step has ended.
"""

from __future__ import annotations

import gzip
import logging
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchard.layout import ObjectAddress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

LOG = logging.getLogger(__name__)
NAMES = ("controller", "stderr", "stdout")


@dataclass(frozen=True)
class LogFolder:
    """Where the logs of a step or a bootstrap action go.

    Attributes:
        folder: On this machine.
        uri: In S3; None when the cluster has no LogUri.
        names: Which logs there are.
    """

    folder: Path
    uri: str | None
    names: tuple[str, ...] = NAMES

    def address(self, name: str) -> str | None:
        """The address in S3 of one log."""
        return None if self.uri is None else f"{self.uri}/{name}.gz"

    def upload(self, s3: S3Client) -> None:
        """Send what there is; a cluster does not fail for want of logs."""
        for name in self.names:
            file, uri = self.folder / name, self.address(name)
            if uri is None or not file.exists():
                continue
            try:
                address = ObjectAddress.parse(uri)
                s3.put_object(Bucket=address.bucket, Key=address.key, Body=gzip.compress(file.read_bytes()))
            except Exception:
                LOG.exception("A log was not written to %s", uri)


def controller_log(name: str, argv: Sequence[str], began: datetime, ended: datetime, code: int) -> str:
    """What EMR's step runner says about a command, in its own form.

    Args:
        name: The step's id, or the bootstrap action's name.
        began: When it started, in UTC.
        ended: When it ended.
    """
    command = shlex.join(argv)
    seconds = round((ended - began).total_seconds())
    outcome = "INFO Step succeeded" if code == 0 else "WARN Step failed"
    return (
        f"{_stamp(began)} INFO StepRunner: Created Runner for step {name}\n"
        f"INFO startExec '{command}'\n"
        f"INFO ProcessRunner started child process\n"
        f"INFO waitProcessCompletion ended with exit code {code} : {command}\n"
        f"INFO total process run time: {seconds} seconds\n"
        f"{_stamp(ended)} {outcome} with exitCode {code} and took {seconds} seconds\n"
    )


def _stamp(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
