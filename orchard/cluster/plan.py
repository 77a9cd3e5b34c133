"""How large the cluster of a run is, and its parts as RunJobFlow takes them.

The rule, which `plan` prints with its numbers: the features shall take at most a quarter of an hour. One node does it
if its four or eight vCPUs are enough; otherwise a primary node and as many core nodes of eight vCPUs as it takes, at
most eight. All On-Demand, because on a run this short a lost node costs more than Spot saves.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchard.layout import ReleaseFiles

IMAGES_PER_VCPU_SECOND = {"onnxruntime": 20.0, "tensorflow": 6.0}
"""Feature vectors that one vCPU computes in a second from small pictures. On the slow side of what was measured, since
a vCPU is one of a core's two threads."""

DECODED_BYTES_PER_VCPU_SECOND = 10e6
"""Bytes of JPEG that one vCPU decodes in a second; Pillow 13 did 13 MB/s on a 12-megapixel photograph. It matters only
when the pictures are large: one of Fruits-360 has some 5 kB."""

TARGET_SECONDS = 15 * 60
MAX_CORE_NODES = 8

FAMILIES = ("m5", "m6a", "m6i", "m7i")
"""General purpose, 4 GiB a vCPU, all x86_64: the wheels on the nodes are built for one architecture. The fleet takes
the cheapest that has capacity. The first is the one that the estimate has a price for."""

ROOT_VOLUME_GB = 40
"""The root volume that CreateCluster in statemachine/pipeline.asl.json asks for."""

_MIN_VOLUME_GB = 32
_MIB_PER_GIB = 1024

_HEAP_MB_PER_CORE = 512
_HEAP_MB_BASE = 1024
_DRIVER_HEAP_MB = 2048
_APPLICATION_MASTER_MB = 1024  # Spark's 512 MB in client mode, plus 384 MB of overhead, rounded up by YARN
_WORKER_MB = {"onnxruntime": 1024, "tensorflow": 1536}
"""What one Python worker may hold beside the JVM: interpreter, session, activations of a few pictures, Arrow
batches."""


@dataclass(frozen=True)
class Shape:
    """A size of instance, the same in all `FAMILIES`."""

    size: str
    vcpus: int
    memory_mb: int

    @property
    def instance_types(self) -> tuple[str, ...]:
        """The types of this size, the one with a known price first."""
        return tuple(f"{family}.{self.size}" for family in FAMILIES)


FOUR = Shape("xlarge", 4, 16 * _MIB_PER_GIB)
EIGHT = Shape("2xlarge", 8, 32 * _MIB_PER_GIB)


@dataclass(frozen=True)
class NodeGroup:
    """Nodes of one role: `MASTER` (EMR's word for the primary node) or `CORE`."""

    role: str
    shape: Shape
    count: int
    volume_gb: int


@dataclass(frozen=True)
class SparkSize:
    """How Spark is cut: one executor a worker node, one core a vCPU.

    Attributes:
        executors: Number of executors.
        cores: Cores of each.
        heap_mb: Java heap of each, MiB.
        overhead_mb: What each may use beside the heap, MiB: the Python workers live there.
        driver_mb: Java heap of the driver, MiB; it runs on the primary node, outside YARN.
        yarn_mb: What YARN may hand out on a node, MiB: an executor and the application master.
    """

    executors: int
    cores: int
    heap_mb: int
    overhead_mb: int
    driver_mb: int
    yarn_mb: int


@dataclass(frozen=True)
class ClusterPlan:
    """The cluster of one run.

    Attributes:
        engine: What computes the features; also the name of the nodes' Python environment.
        groups: The primary node, then the core nodes if there are any.
        spark: How Spark is cut.
        feature_seconds: How long the features should take, seconds.
        reason: Why this size, one sentence.
        venv: Where each node has its Python environment.
        bootstrap_uri: The script that each node runs at boot.
        wheelhouse_uri: The folder of wheels that it installs from.
    """

    engine: str
    groups: tuple[NodeGroup, ...]
    spark: SparkSize
    feature_seconds: float
    reason: str
    venv: str
    bootstrap_uri: str
    wheelhouse_uri: str

    @property
    def workers(self) -> NodeGroup:
        """The nodes that run executors: the core nodes, or the only node."""
        return self.groups[-1]

    @property
    def nodes(self) -> int:
        """How many nodes there are in all."""
        return sum(group.count for group in self.groups)

    @property
    def worker_vcpus(self) -> int:
        """How many tasks run at a time."""
        return self.workers.count * self.workers.shape.vcpus

    def __str__(self) -> str:
        return " + ".join(f"{group.count} x {group.shape.instance_types[0]}" for group in self.groups)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {**asdict(self), "instance_types": {g.role: list(g.shape.instance_types) for g in self.groups}}

    def instance_fleets(self) -> list[dict[str, Any]]:
        """`Instances.InstanceFleets` of RunJobFlow."""
        return [_fleet(group) for group in self.groups]

    def bootstrap_actions(self) -> list[dict[str, Any]]:
        """`BootstrapActions` of RunJobFlow."""
        action = {"Path": self.bootstrap_uri, "Args": [self.wheelhouse_uri, self.venv]}
        return [{"Name": "Install the Python environment", "ScriptBootstrapAction": action}]

    def configurations(self) -> list[dict[str, Any]]:
        """`Configurations` of RunJobFlow.

        EMR 7.11 gives PySpark Python 3.9 unless told otherwise, and has two ways of being told (environment and
        properties) which public advice disagrees about: both are set, to the same interpreter.
        """
        python = f"{self.venv}/bin/python"
        export = {"PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python}
        return [
            {
                "Classification": "spark-env",
                "Properties": {},
                "Configurations": [{"Classification": "export", "Properties": export}],
            },
            {"Classification": "spark-defaults", "Properties": self._spark_defaults(python)},
            {
                "Classification": "yarn-site",
                "Properties": {
                    "yarn.nodemanager.resource.memory-mb": str(self.spark.yarn_mb),
                    "yarn.scheduler.maximum-allocation-mb": str(self.spark.yarn_mb),
                    # inference libraries map far more address space than they use; physical memory is still checked
                    "yarn.nodemanager.vmem-check-enabled": "false",
                },
            },
        ]

    def _spark_defaults(self, python: str) -> dict[str, str]:
        spark = self.spark
        return {
            "spark.submit.deployMode": "client",
            "spark.pyspark.python": python,
            "spark.executorEnv.PYSPARK_PYTHON": python,
            "spark.yarn.appMasterEnv.PYSPARK_PYTHON": python,
            # the cluster belongs to one run: every executor from the first second, none given back
            "spark.dynamicAllocation.enabled": "false",
            "spark.executor.instances": str(spark.executors),
            "spark.executor.cores": str(spark.cores),
            "spark.executor.memory": f"{spark.heap_mb}m",
            # not spark.executor.pyspark.memory: that limits a worker's address space, see vmem-check above
            "spark.executor.memoryOverhead": f"{spark.overhead_mb}m",
            "spark.driver.memory": f"{spark.driver_mb}m",
        }


def plan_cluster(images: int, image_bytes: int, engine: str, *, release: ReleaseFiles, node_root: str) -> ClusterPlan:
    """Size the cluster of a run.

    Args:
        images: Number of images, at least 1.
        image_bytes: Their total size out of the archive, bytes.
        engine: One of `orchard.options.ENGINES`.
        release: Where the bootstrap script and the wheels are.
        node_root: The folder of the nodes in which the Python environment is made.

    Returns:
        The plan; the same arguments give the same plan.
    """
    work = images / IMAGES_PER_VCPU_SECOND[engine] + image_bytes / DECODED_BYTES_PER_VCPU_SECOND
    groups = _groups(math.ceil(work / TARGET_SECONDS), image_bytes)
    workers = groups[-1]
    vcpus = workers.count * workers.shape.vcpus
    return ClusterPlan(
        engine=engine,
        groups=groups,
        spark=_spark_size(workers, engine),
        feature_seconds=work / vcpus,
        reason=_reason(images, engine, work, vcpus),
        venv=f"{node_root.rstrip('/')}/{engine}",
        bootstrap_uri=release.bootstrap,
        wheelhouse_uri=release.wheelhouse(engine),
    )


def _groups(vcpus_needed: int, image_bytes: int) -> tuple[NodeGroup, ...]:
    for shape in (FOUR, EIGHT):
        if vcpus_needed <= shape.vcpus:
            return (NodeGroup("MASTER", shape, 1, _volume_gb(image_bytes, 1)),)
    count = min(math.ceil(vcpus_needed / EIGHT.vcpus), MAX_CORE_NODES)
    return (
        NodeGroup("MASTER", FOUR, 1, _MIN_VOLUME_GB),
        NodeGroup("CORE", EIGHT, count, _volume_gb(image_bytes, count)),
    )


def _volume_gb(image_bytes: int, nodes: int) -> int:
    """Room for a node's share of the images, once, beside logs and the Python environment."""
    return _MIN_VOLUME_GB + math.ceil(image_bytes / nodes / 1e9)


def _spark_size(workers: NodeGroup, engine: str) -> SparkSize:
    cores = workers.shape.vcpus
    heap = _HEAP_MB_BASE + _HEAP_MB_PER_CORE * cores
    overhead = _WORKER_MB[engine] * cores
    return SparkSize(
        executors=workers.count,
        cores=cores,
        heap_mb=heap,
        overhead_mb=overhead,
        driver_mb=_DRIVER_HEAP_MB,
        yarn_mb=heap + overhead + _APPLICATION_MASTER_MB,
    )


def _reason(images: int, engine: str, work: float, vcpus: int) -> str:
    minutes = work / vcpus / 60
    rate = images / work
    told = "under a minute" if minutes < 1 else f"about {minutes:.0f} minutes"
    sentence = f"{images:,} images at {rate:.0f} a second and vCPU with {engine} take {told} on {vcpus} vCPUs"
    if minutes * 60 > TARGET_SECONDS:
        excuse = f"a cluster has at most {MAX_CORE_NODES} core nodes"
        return f"{sentence}, more than the {TARGET_SECONDS // 60} aimed at, because {excuse}"
    return f"{sentence}; the aim is at most {TARGET_SECONDS // 60}"


def _fleet(group: NodeGroup) -> dict[str, Any]:
    volume = {"VolumeType": "gp3", "SizeInGB": group.volume_gb}
    ebs = {"EbsBlockDeviceConfigs": [{"VolumeSpecification": volume, "VolumesPerInstance": 1}]}
    return {
        "Name": {"MASTER": "primary", "CORE": "core"}[group.role],
        "InstanceFleetType": group.role,
        "TargetOnDemandCapacity": group.count,
        "InstanceTypeConfigs": [
            {"InstanceType": name, "WeightedCapacity": 1, "EbsConfiguration": ebs}
            for name in group.shape.instance_types
        ],
        "LaunchSpecifications": {"OnDemandSpecification": {"AllocationStrategy": "lowest-price"}},
    }
