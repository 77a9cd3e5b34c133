"""The cluster of a run: how large it is, what it costs in an hour, and its parts as RunJobFlow takes them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from orchard.compute.base import Charges, Size
from orchard.compute.sizing import (
    COPY_SECONDS_PER_IMAGE,
    DECODED_BYTES_PER_VCPU_SECOND,
    IMAGES_PER_VCPU_SECOND,
    PCA_SECONDS_PER_IMAGE,
    TARGET_SECONDS,
    UNLESS_ALLOWED,
    Ceiling,
    NodeGroup,
    node_groups,
)
from orchard.compute.spark import SparkSize, environment_settings, process_variables
from orchard.options import AS_PLANNED, NodeChoice

if TYPE_CHECKING:
    from orchard.compute.prices import PriceTable
    from orchard.compute.work import Work
    from orchard.layout import ReleaseFiles

ROOT_VOLUME_GB = 40
"""The root volume of a node: EMR and what the bootstrap script may need of it."""

START_MINUTES = {"onnxruntime": 7.0, "tensorflow": 9.0}
"""From CreateCluster to the first step. A published run of EMR 7.11 took 10 to 15 minutes, of which 5 to 8 went into
installing TensorFlow from the network; ours installs from S3 in one or two."""

STOP_MINUTES = 2.0
"""Terminating is asynchronous and takes 1 to 5 minutes (TerminateJobFlows API model), of which some are charged."""

TRANSITIONS_PER_POLL = 5

_HOURS_PER_MONTH = 730
_MASTERS_ON_DEMAND = {
    "yarn.node-labels.enabled": "true",
    "yarn.node-labels.am.default-node-label-expression": "ON_DEMAND",
}
"""EMR 7 labels nodes by their market ("Understand node types", Amazon EMR Management Guide): with these an application
master, whose loss ends its job, never lives on a Spot instance."""

_SPOT_PATIENCE_MINUTES = 10

_CALCULATOR = "yarn.scheduler.capacity.resource-calculator"
_BY_MEMORY = "org.apache.hadoop.yarn.util.resource.DefaultResourceCalculator"
"""An executor has all vCPUs of its node, and the application master has to go beside one of them: counted by vCPUs
too (DominantResourceCalculator), a cluster of one node could never start an executor."""

_HEAP_MB_PER_CORE = 512
_HEAP_MB_BASE = 1024
_DRIVER_HEAP_MB = 2048
_APPLICATION_MASTER_MB = 1024  # Spark's 512 MB in client mode, plus 384 MB of overhead, rounded up by YARN
_WORKER_MB = {"onnxruntime": 1024, "tensorflow": 1536}
"""What one Python worker may hold beside the JVM: interpreter, session, activations of a few pictures, Arrow
batches."""


@dataclass(frozen=True)
class ClusterSize(Size):
    """The cluster of one run.

    Attributes:
        groups: The primary node, then core and task nodes if there are any.
    """

    engine: str
    region: str
    groups: tuple[NodeGroup, ...]
    spark: SparkSize
    feature_seconds: float
    reason: str

    def __str__(self) -> str:
        spot = {"TASK": " (Spot)"}
        return " + ".join(f"{g.count} x {g.instance_types[0]}{spot.get(g.role, '')}" for g in self.groups)

    def charges(self, prices: PriceTable, jobs: int) -> Charges:
        """EC2, EMR and EBS, from the cluster's creation to its end. Spot nodes count as On-Demand."""
        gigabytes = sum(group.count * (group.volume_gb + ROOT_VOLUME_GB) for group in self.groups)
        nodes = [(group.count, group.instance_types[0]) for group in self.groups]
        rates = {
            "EC2": sum(count * prices.ec2[name].usd for count, name in nodes),
            "EMR": sum(count * prices.emr[name].usd for count, name in nodes),
            "EBS": gigabytes * prices.gp3.usd / _HOURS_PER_MONTH,
        }
        return Charges(START_MINUTES[self.engine], STOP_MINUTES, TRANSITIONS_PER_POLL, rates)


def cluster_size(
    work: Work,
    engine: str,
    *,
    region: str,
    choice: NodeChoice = AS_PLANNED,
    ceiling: Ceiling = UNLESS_ALLOWED,
) -> ClusterSize:
    """Size the cluster of a run.

    Args:
        engine: One of `orchard.options.ENGINES`.
        region: Where the stack is: one of `orchard.compute.offered.OFFERED`.
        ceiling: How many core nodes there may be that the user has not chosen.

    Returns:
        The size; the same arguments give the same size.
    """
    featurizes = "featurize" in work.stages
    if featurizes:
        seconds = work.images / IMAGES_PER_VCPU_SECOND[engine] + work.image_bytes / DECODED_BYTES_PER_VCPU_SECOND
        seconds = seconds * work.new + work.known * COPY_SECONDS_PER_IMAGE
    else:
        seconds = work.images * PCA_SECONDS_PER_IMAGE
    stored = work.image_bytes if featurizes else 0
    groups = node_groups(math.ceil(seconds / TARGET_SECONDS), stored, choice, region, ceiling)
    spark = _spark_size(groups[1:] or groups, engine)
    vcpus = spark.executors * spark.cores
    what = f"{work.images:,} images at {work.images / seconds:.0f} per second and vCPU with {engine}"
    if work.known:
        what = f"{work.images:,} images, {work.known:,} of which have features that are copied,"
    if not featurizes:
        what = f"the components of {work.images:,} images, whose features there are,"
    reason = _reason(what, seconds, vcpus, choice, ceiling)
    feature_seconds = seconds / vcpus if featurizes else 0.0
    return ClusterSize(engine, region, groups, spark, feature_seconds=feature_seconds, reason=reason)


def _spark_size(workers: tuple[NodeGroup, ...], engine: str) -> SparkSize:
    cores = workers[0].shape.vcpus
    heap = _HEAP_MB_BASE + _HEAP_MB_PER_CORE * cores
    overhead = _WORKER_MB[engine] * cores
    return SparkSize(
        executors=sum(group.count for group in workers),
        cores=cores,
        heap_mb=heap,
        overhead_mb=overhead,
        driver_mb=_DRIVER_HEAP_MB,
        yarn_mb=heap + overhead + _APPLICATION_MASTER_MB,
    )


def _reason(what: str, work: float, vcpus: int, choice: NodeChoice, ceiling: Ceiling) -> str:
    minutes = work / vcpus / 60
    whole = "about a minute" if minutes < 1.5 else f"about {minutes:.0f} minutes"
    duration = "under a minute" if minutes < 1 else whole
    sentence = f"{what} take {duration} on {vcpus} vCPUs"
    if choice != AS_PLANNED:
        return f"{sentence}, as you chose"
    if minutes * 60 > TARGET_SECONDS:
        return f"{sentence}, more than the {TARGET_SECONDS // 60} aimed at, because {ceiling.why}"
    return f"{sentence}; the aim is at most {TARGET_SECONDS // 60}"


@dataclass(frozen=True)
class Cluster:
    """The cluster of a run, and what its nodes install.

    Attributes:
        venv: Where each node has its Python environment.
        bootstrap_uri: The script that each node runs at boot.
        wheelhouse_uri: The folder of wheels that it installs from.
    """

    size: ClusterSize
    venv: str
    bootstrap_uri: str
    wheelhouse_uri: str

    @classmethod
    def of(cls, size: ClusterSize, release: ReleaseFiles, node_root: str) -> Cluster:
        """The cluster of a release.

        Args:
            node_root: The folder of the nodes in which the Python environment is made.
        """
        venv = f"{node_root.rstrip('/')}/{size.engine}"
        return cls(size, venv, release.bootstrap, release.wheelhouse(size.engine))

    def to_json(self) -> dict[str, Any]:
        """The cluster as plain data."""
        return {**asdict(self.size), **{name: value for name, value in vars(self).items() if name != "size"}}

    def instance_fleets(self) -> list[dict[str, Any]]:
        """`Instances.InstanceFleets` of RunJobFlow."""
        return [_fleet(group) for group in self.size.groups]

    def bootstrap_actions(self) -> list[dict[str, Any]]:
        """`BootstrapActions` of RunJobFlow."""
        action = {"Path": self.bootstrap_uri, "Args": [self.wheelhouse_uri, self.venv, self.size.region]}
        return [{"Name": "Install the Python environment", "ScriptBootstrapAction": action}]

    def configurations(self) -> list[dict[str, Any]]:
        """`Configurations` of RunJobFlow.

        EMR 7.11 gives PySpark Python 3.9 by default, and has two ways to choose another (environment and
        properties) which public advice disagrees about: both are set, to the same interpreter. `spark-env` is the
        driver's; a container of YARN's has what Spark's properties say, and no more.
        """
        python = f"{self.venv}/bin/python"
        export = {
            **process_variables(self.size.region),
            "PYSPARK_PYTHON": python,
            "PYSPARK_DRIVER_PYTHON": python,
        }
        return [
            {
                "Classification": "spark-env",
                "Properties": {},
                "Configurations": [{"Classification": "export", "Properties": export}],
            },
            {"Classification": "spark-defaults", "Properties": self._spark_defaults(python)},
            {"Classification": "capacity-scheduler", "Properties": {_CALCULATOR: _BY_MEMORY}},
            {
                "Classification": "yarn-site",
                "Properties": {
                    "yarn.nodemanager.resource.memory-mb": str(self.size.spark.yarn_mb),
                    "yarn.scheduler.maximum-allocation-mb": str(self.size.spark.yarn_mb),
                    # inference libraries map far more address space than they use; physical memory is still checked
                    "yarn.nodemanager.vmem-check-enabled": "false",
                    **(_MASTERS_ON_DEMAND if any(group.role == "TASK" for group in self.size.groups) else {}),
                },
            },
        ]

    def _spark_defaults(self, python: str) -> dict[str, str]:
        spark = self.size.spark
        return {
            "spark.submit.deployMode": "client",
            "spark.pyspark.python": python,
            **environment_settings(
                self.size.region, ("spark.executorEnv", "spark.yarn.appMasterEnv"), PYSPARK_PYTHON=python
            ),
            # the cluster belongs to one run: every executor from the first second, none given back
            "spark.dynamicAllocation.enabled": "false",
            "spark.executor.instances": str(spark.executors),
            "spark.executor.cores": str(spark.cores),
            "spark.executor.memory": f"{spark.heap_mb}m",
            # not spark.executor.pyspark.memory: that limits a worker's address space, see vmem-check above
            "spark.executor.memoryOverhead": f"{spark.overhead_mb}m",
            "spark.driver.memory": f"{spark.driver_mb}m",
        }


def _fleet(group: NodeGroup) -> dict[str, Any]:
    volume = {"VolumeType": "gp3", "SizeInGB": group.volume_gb}
    ebs = {"EbsBlockDeviceConfigs": [{"VolumeSpecification": volume, "VolumesPerInstance": 1}]}
    return {
        "Name": {"MASTER": "primary", "CORE": "core", "TASK": "task"}[group.role],
        "InstanceFleetType": group.role,
        "InstanceTypeConfigs": [
            {"InstanceType": name, "WeightedCapacity": 1, "EbsConfiguration": ebs} for name in group.instance_types
        ],
        **(_spot(group.count) if group.role == "TASK" else _on_demand(group.count)),
    }


def _on_demand(count: int) -> dict[str, Any]:
    return {
        "TargetOnDemandCapacity": count,
        "LaunchSpecifications": {"OnDemandSpecification": {"AllocationStrategy": "lowest-price"}},
    }


def _spot(count: int) -> dict[str, Any]:
    """Where there is no Spot capacity, the run pays On-Demand rather than failing or waiting for ever."""
    return {
        "TargetSpotCapacity": count,
        "LaunchSpecifications": {
            "SpotSpecification": {
                "AllocationStrategy": "price-capacity-optimized",
                "TimeoutDurationMinutes": _SPOT_PATIENCE_MINUTES,
                "TimeoutAction": "SWITCH_TO_ON_DEMAND",
            }
        },
    }
