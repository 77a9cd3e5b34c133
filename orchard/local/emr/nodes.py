"""What the processes of a cluster, or of a job run, find on the one machine that stands for all its nodes.

Nothing of it is the environment of the command that runs the local cloud. A process has

* what an image has: `PATH`, `HOME`, `USER`, `LOGNAME`, `JAVA_HOME`; and `TZ`, since the clock of a node is in UTC,
* what stands for the node's place in AWS, and for nothing else: `AWS_ENDPOINT_URL` for its name server, and
  `AWS_EC2_METADATA_SERVICE_ENDPOINT` for the link-local address that answers for its credentials
  (`orchard.local.emr.instance_metadata`). S3A is told the same two by Spark properties. The driver and executors of a
  job run on EKS have no such address, but a token of their service account (`orchard.local.emr.eks`),
* where Spark's settings are, once there is Spark: `SPARK_CONF_DIR`,
* what the cluster's or the job run's own configurations say.

`LD_LIBRARY_PATH` is there if this machine's Python needs it to find its library.
"""

from __future__ import annotations

import os
import sysconfig
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchard.local.emr.class_archive import class_path, sharing
from orchard.local.emr.instance_metadata import metadata_endpoint
from orchard.local.emr.jars import java_home
from orchard.local.emr.node_tools import bare_python, write_submit, write_tools
from orchard.local.emr.spark_settings import (
    EXECUTOR_PROGRAM,
    environment_file,
    executor_program,
    exported_variables,
    local_settings,
    properties_file,
    spark_defaults,
    variables_of,
)
from orchard.local.iam.roles import SECRET, USER_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Any

    from mypy_boto3_s3 import S3Client

NODE, IMAGE, OLD_IMAGE = "bin", "image", "image-without-python3.11"
"""Where programs are: those of a node, those of a job run's image, those of releases that have no python3.11."""

_METADATA = "AWS_EC2_METADATA_SERVICE_ENDPOINT"

_CONTAINER = {"HOME": "/home/"}
"""What YARN gives a container whatever its node has (`yarn.nodemanager.user-home-dir`, yarn-default.xml)."""


@dataclass(frozen=True)
class Machine:
    """What all clusters of one cloud have in common.

    Attributes:
        cores: How many tasks run at once.
        folder: Where clusters keep their files.
        key: The id of the key that its processes sign with.
    """

    address: str
    spark: Path
    jars: Path
    cores: int
    folder: Path
    key: str = USER_KEY

    def prepare(self) -> None:
        """Lay out the programs that nodes have."""
        python = bare_python(self.folder / "python3.11")
        write_tools(self.folder / NODE, python, node=True)
        write_tools(self.folder / IMAGE, python, node=False)
        write_tools(self.folder / OLD_IMAGE, None, node=False)
        write_submit(self.folder / "spark")
        (self.folder / "home").mkdir()

    def acting_as(self, access_key: str | None) -> Machine:
        """The same machine, whose processes sign with this key; with the user's if it is None."""
        return replace(self, key=access_key or USER_KEY)

    def s3(self) -> S3Client:
        """A client that signs as the machine's processes do."""
        import boto3

        return boto3.client("s3", aws_access_key_id=self.key, aws_secret_access_key=SECRET)

    def environment(self, programs: str = NODE) -> dict[str, str]:
        """What a bootstrap action runs with: there is no Spark yet."""
        shared = sysconfig.get_config_var("Py_ENABLE_SHARED")
        return {
            "PATH": str(self.folder / programs),
            "HOME": str(self.folder / "home"),
            "USER": "hadoop",
            "LOGNAME": "hadoop",
            "JAVA_HOME": str(java_home()),
            "TZ": "UTC",
            "AWS_ENDPOINT_URL": self.address,
            _METADATA: metadata_endpoint(self.address, self.key),
            **({"LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR"))} if shared else {}),
        }

    def step_environment(self, configurations: Iterable[Mapping[str, Any]], folder: Path) -> dict[str, str]:
        """What a step runs with; writes Spark's settings on the way.

        Returns:
            The whole environment. What `spark-env` exports is not in it: Spark's programs read that themselves.
        """
        configurations = list(configurations)
        exported = exported_variables(configurations)
        self._write_settings(folder, spark_defaults(configurations), exported, driver=exported, executor=_CONTAINER)
        return self._with_spark(self.environment(), folder)

    def job_environment(
        self,
        settings: Mapping[str, str],
        folder: Path,
        image: str,
        *,
        driver_env: str,
        pod: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """What the driver of a job run runs with; writes Spark's settings on the way.

        Args:
            image: `IMAGE` or `OLD_IMAGE`.
            driver_env: What the names of properties begin with that give the driver its environment.
            pod: What a pod has in the place of an instance's credentials; None for a worker, which has these.

        Returns:
            The whole environment, with the variables that the properties give the driver.
        """
        driver = variables_of(f"{driver_env}.", settings)
        defaults = spark_defaults([{"Classification": "spark-defaults", "Properties": settings}])
        own = self.environment(image)
        if pod is not None:
            own = {**{name: value for name, value in own.items() if name != _METADATA}, **pod}
        self._write_settings(folder, defaults, {}, driver=driver, executor={})
        return {**self._with_spark(own, folder), **driver}

    def _with_spark(self, environment: dict[str, str], folder: Path) -> dict[str, str]:
        path = os.pathsep.join([environment["PATH"], str(self.folder / "spark")])
        return {**environment, "PATH": path, "SPARK_CONF_DIR": str(folder / "conf")}

    def _write_settings(
        self,
        folder: Path,
        defaults: Mapping[str, str],
        exported: Mapping[str, str],
        *,
        driver: Mapping[str, str],
        executor: Mapping[str, str],
    ) -> None:
        """Write what Spark's programs read: properties, variables, and what makes an executor's of a driver's."""
        conf, scratch = folder / "conf", folder / "scratch"
        for path in (conf / "python", scratch):
            path.mkdir(parents=True, exist_ok=True)
        settings = local_settings(
            endpoint=self.address,
            metadata=metadata_endpoint(self.address, self.key),
            home=self.environment()["HOME"],
            cores=self.cores,
            class_path=class_path(self.spark, self.jars),
            java_options=sharing(self.spark, self.jars),
            scratch=str(scratch),
        )
        places = {
            "SPARK_HOME": str(self.spark),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYTHONPATH": str(conf / "python"),
        }
        only_drivers = driver.keys() - variables_of("spark.executorEnv.", defaults).keys()
        (conf / "spark-defaults.conf").write_text(properties_file({**defaults, **settings}), encoding="utf-8")
        (conf / "spark-env").write_text(environment_file({**places, **exported}), encoding="utf-8")
        (conf / "python" / f"{EXECUTOR_PROGRAM}.py").write_text(executor_program(only_drivers, executor), "utf-8")
