"""The pipeline of the fault matrix with the real jobs in the place of the small ones."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3

from orchard.cache import lifeline
from orchard.compute.emr_plan import Cluster, cluster_size
from orchard.compute.work import Work
from orchard.features.model import ModelFolder
from orchard.layout import ReleaseFiles
from orchard.local.cloud import LocalCloud
from orchard.local.moto.translate import StackSource
from orchard.options import RunOptions
from orchard.release.models import publish_model
from tests.integration.faults.pipeline import Pipeline
from tests.support.cloud.mini import Json, cluster
from tests.support.cloud.nodes import write_environment
from tests.support.stack.bundles import real_files, stack_with

JVM, DRIVER = "org.apache.spark.deploy.SparkSubmit", "--run"
"""What stands in the command lines of a step's two processes; the second is also in the first's."""


def stack(nodes: Path, layer: Path, model: ModelFolder) -> StackSource:
    """The project's own stack, whose nodes have this Python environment from the start.

    Args:
        nodes: The folder of the nodes' environments; one is made in it.
        layer: A folder for what it publishes.
        model: The model of its release.
    """
    write_environment(nodes / "onnxruntime")
    return stack_with(layer, real_files(model), model.manifest.id, NodeRoot=str(nodes))


class RealPipeline(Pipeline):
    """The pipeline in a local cloud, its jobs, and its user, who wants everything computed.

    Args:
        cloud: The cloud, running, of the stack that `stack` makes.
        model: The model of its release.
    """

    options = RunOptions(fresh=True)

    def __init__(self, cloud: LocalCloud, model: ModelFolder) -> None:
        self._model = model
        self.artefacts = cloud.outputs["ArtefactsBucketName"]
        super().__init__(cloud)
        self._submit = cloud.folder / "clusters" / "bin" / "spark-submit"
        self._submit.unlink()

    def publish_model(self) -> None:
        """Publish the model again."""
        publish_model(boto3.client("s3"), self.artefacts, self._model)

    def again(self, plan: Json, *stages: str) -> None:
        """Run stages of a run once more, on another cluster, and wait."""
        given = plan["cluster"]
        size = cluster_size(Work(1, 1), given["engine"], region=given["region"])
        alike = Cluster.of(size, ReleaseFiles(self.artefacts, plan["release"]), str(Path(given["venv"]).parent))
        steps = [plan["steps"][stage] for stage in stages]
        cluster(*steps, keep_alive=False, Configurations=alike.configurations())
        self.settle()

    @contextmanager
    def submitting(self, script: str) -> Iterator[None]:
        """Have a node run this shell script for `spark-submit`; `$submit` is the real one, `$scratch` Spark's disk."""
        lines = [
            "#!/bin/sh",
            f"submit={self.cloud.folder}/clusters/spark/spark-submit",
            "scratch=${SPARK_CONF_DIR%/conf}/scratch",
            script,
        ]
        self._submit.write_text("\n".join(lines))
        self._submit.chmod(0o755)
        try:
            yield
        finally:
            self._submit.unlink()

    def kill(self, what: str) -> None:
        """Kill a process of the step that runs.

        Args:
            what: `JVM`, or `DRIVER` for the Python process below it.
        """
        found = [pid for pid in _below(self.cloud.folder) if what in _command_line(pid)]
        if what == DRIVER:
            others = (JVM, lifeline.__file__)  # the keeper has the step's arguments, too
            found = [pid for pid in found if not any(other in _command_line(pid) for other in others)]
        [pid] = found
        os.kill(int(pid.name), signal.SIGKILL)


def _below(folder: Path) -> list[Path]:
    """The processes of a cloud's clusters."""
    return [pid for pid in Path("/proc").glob("[0-9]*") if f"SPARK_CONF_DIR={folder}" in _read(pid / "environ")]


def _command_line(pid: Path) -> str:
    return _read(pid / "cmdline")


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
