"""The real jobs by the real `spark-submit`, alone: one machine, on which executors may be processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchard.local.emr.jars import spark_home
from tests.support.paths import ROOT
from tests.support.waiting import PATIENCE

SEPARATE = "local-cluster[2,1,1024]"
"""Two executors with a core and 1024 MiB each, in JVMs of their own."""


@dataclass(frozen=True)
class Spark:
    """A Spark whose executors keep their files in a folder of the test.

    Attributes:
        home: A folder of links to the installed Spark: a standalone worker makes its folders in Spark's home.
    """

    home: Path

    @classmethod
    def below(cls, folder: Path) -> Spark:
        """Lay out a home in a folder."""
        home = folder / "spark"
        home.mkdir()
        for path in spark_home().iterdir():
            (home / path.name).symlink_to(path)
        return cls(home)

    def submit(
        self,
        script: Path,
        *arguments: str,
        master: str = "local[2]",
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a job to its end.

        Args:
            script: What is run: a job, or another application.
            arguments: Its own.
            master: Spark's.
            settings: Spark properties.
            environment: Variables beside those of this process.

        Returns:
            How it ended, with all that it said: standard output has the driver's words, standard error Spark's.
        """
        told = {"spark.ui.enabled": "false", **(settings or {})}
        conf = [word for name, value in told.items() for word in ("--conf", f"{name}={value}")]
        submit = [str(self.home / "bin" / "spark-submit"), "--master", master, *conf]
        own = {
            "SPARK_HOME": str(self.home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.run(
            [*submit, str(script), *arguments],
            env={**os.environ, **own, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * PATIENCE,
        )
