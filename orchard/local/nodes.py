"""What the processes of a cluster find on the one machine that stands for all its nodes."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchard.local.processes import inherited
from orchard.local.spark_settings import exported_variables, local_settings, properties_file, spark_defaults

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Any

    from mypy_boto3_s3 import S3Client

_SUDO = """\
#!/bin/sh
# A node's user may become root; here everything belongs to one user, who stays who he is.
while :; do
  case "$1" in
    -u | -g | -h | -p) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
exec env "$@"
"""


@dataclass(frozen=True)
class Machine:
    """What all clusters of one cloud have in common.

    Attributes:
        cloud: The variables by which any AWS client reaches the cloud.
        spark: Spark's home.
        jars: The folder of S3A's jars.
        cores: How many tasks run at once.
        folder: Where clusters keep their files.
    """

    cloud: Mapping[str, str]
    spark: Path
    jars: Path
    cores: int
    folder: Path

    def prepare(self) -> None:
        """Lay out the commands that a node has and this machine may not have."""
        tools = self.folder / "bin"
        tools.mkdir(parents=True, exist_ok=True)
        commands = {
            "sudo": _SUDO,
            "aws": f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m awscli "$@"\n',
            "python3.11": f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n',
        }
        if sys.version_info[:2] != (3, 11):
            del commands["python3.11"]
        for name, text in commands.items():
            (tools / name).write_text(text, encoding="utf-8")
            (tools / name).chmod(0o755)

    def acting_as(self, access_key: str | None) -> Machine:
        """The same machine, whose processes sign with this key; with their own if it is None."""
        return self if access_key is None else replace(self, cloud={**self.cloud, "AWS_ACCESS_KEY_ID": access_key})

    def s3(self) -> S3Client:
        """A client that signs as the machine's processes do."""
        import boto3

        key, secret = self.cloud["AWS_ACCESS_KEY_ID"], self.cloud["AWS_SECRET_ACCESS_KEY"]
        return boto3.client("s3", aws_access_key_id=key, aws_secret_access_key=secret)

    def environment(self) -> dict[str, str]:
        """What a bootstrap action runs with."""
        own = inherited()
        tools = [str(self.folder / "bin"), str(self.spark / "bin")]
        return {
            **own,
            **self.cloud,
            "PATH": os.pathsep.join([*tools, own.get("PATH", os.defpath)]),
            "SPARK_HOME": str(self.spark),
            "SPARK_LOCAL_IP": "127.0.0.1",
        }

    def step_environment(self, configurations: Iterable[Mapping[str, Any]], folder: Path) -> dict[str, str]:
        """What a step runs with; writes Spark's settings on the way.

        Args:
            configurations: The cluster's.
            folder: The cluster's folder.

        Returns:
            The whole environment.
        """
        configurations = list(configurations)
        conf, scratch = folder / "conf", folder / "scratch"
        for path in (conf, scratch):
            path.mkdir(parents=True, exist_ok=True)
        settings = {
            **spark_defaults(configurations),
            **local_settings(
                endpoint=self.cloud["AWS_ENDPOINT_URL"],
                region=self.cloud["AWS_REGION"],
                key=self.cloud["AWS_ACCESS_KEY_ID"],
                secret=self.cloud["AWS_SECRET_ACCESS_KEY"],
                cores=self.cores,
                jars=str(self.jars),
                scratch=str(scratch),
            ),
        }
        (conf / "spark-defaults.conf").write_text(properties_file(settings), encoding="utf-8")
        return {**self.environment(), **exported_variables(configurations), "SPARK_CONF_DIR": str(conf)}
