"""The cluster of a run, and its parts as RunJobFlow takes them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from orchard.compute.environment import process_variables, s3a_settings
from orchard.compute.sizing import MAX_CORE_NODES, TARGET_SECONDS, NodeGroup, node_groups
from orchard.options import AS_PLANNED, NodeChoice

if TYPE_CHECKING:
    from orchard.layout import ReleaseFiles

IMAGES_PER_VCPU_SECOND = {"onnxruntime": 20.0, "tensorflow": 6.0}
"""Feature vectors that one vCPU computes in a second from small pictures. On the slow side of what was measured, since
a vCPU is one of a core's two threads."""

DECODED_BYTES_PER_VCPU_SECOND = 10e6
"""Bytes of JPEG that one vCPU decodes in a second; Pillow 13 did 13 MB/s on a 12-megapixel photograph. It matters only
when the pictures are large: one of Fruits-360 has some 5 kB."""

ROOT_VOLUME_GB = 40
"""The root volume of a node: EMR and what the bootstrap script may need of it."""

_HEAP_MB_PER_CORE = 512
_HEAP_MB_BASE = 1024
_DRIVER_HEAP_MB = 2048
_APPLICATION_MASTER_MB = 1024  # Spark's 512 MB in client mode, plus 384 MB of overhead, rounded up by YARN
_WORKER_MB = {"onnxruntime": 1024, "tensorflow": 1536}
"""What one Python worker may hold beside the JVM: interpreter, session, activations of a few pictures, Arrow
batches."""

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
        region: Where it is.
        groups: The primary node, then core and task nodes if there are any.
        spark: How Spark is cut.
        feature_seconds: How long the features should take, seconds.
        reason: Why this size, one sentence.
        venv: Where each node has its Python environment.
        bootstrap_uri: The script that each node runs at boot.
        wheelhouse_uri: The folder of wheels that it installs from.
    """

    engine: str
    region: str
    groups: tuple[NodeGroup, ...]
    spark: SparkSize
    feature_seconds: float
    reason: str
    venv: str
    bootstrap_uri: str
    wheelhouse_uri: str

    @property
    def worker_vcpus(self) -> int:
        """How many tasks run at a time."""
        return self.spark.executors * self.spark.cores

    def __str__(self) -> str:
        spot = {"TASK": " (Spot)"}
        return " + ".join(f"{g.count} x {g.instance_types[0]}{spot.get(g.role, '')}" for g in self.groups)

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        return asdict(self)

    def instance_fleets(self) -> list[dict[str, Any]]:
        """`Instances.InstanceFleets` of RunJobFlow."""
        return [_fleet(group) for group in self.groups]

    def bootstrap_actions(self) -> list[dict[str, Any]]:
        """`BootstrapActions` of RunJobFlow."""
        action = {"Path": self.bootstrap_uri, "Args": [self.wheelhouse_uri, self.venv, self.region]}
        return [{"Name": "Install the Python environment", "ScriptBootstrapAction": action}]

    def configurations(self) -> list[dict[str, Any]]:
        """`Configurations` of RunJobFlow.

        EMR 7.11 gives PySpark Python 3.9 unless told otherwise, and has two ways of being told (environment and
        properties) which public advice disagrees about: both are set, to the same interpreter. `spark-env` is the
        driver's; a container of YARN's has what Spark's properties say, and no more.
        """
        python = f"{self.venv}/bin/python"
        export = {
            **process_variables(self.region),
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
                    "yarn.nodemanager.resource.memory-mb": str(self.spark.yarn_mb),
                    "yarn.scheduler.maximum-allocation-mb": str(self.spark.yarn_mb),
                    # inference libraries map far more address space than they use; physical memory is still checked
                    "yarn.nodemanager.vmem-check-enabled": "false",
                    **(_MASTERS_ON_DEMAND if any(group.role == "TASK" for group in self.groups) else {}),
                },
            },
        ]

    def _spark_defaults(self, python: str) -> dict[str, str]:
        spark = self.spark
        return {
            "spark.submit.deployMode": "client",
            "spark.pyspark.python": python,
            **{
                f"{process}.{name}": value
                for process in ("spark.executorEnv", "spark.yarn.appMasterEnv")
                for name, value in {**process_variables(self.region), "PYSPARK_PYTHON": python}.items()
            },
            **s3a_settings(self.region),
            # the cluster belongs to one run: every executor from the first second, none given back
            "spark.dynamicAllocation.enabled": "false",
            "spark.executor.instances": str(spark.executors),
            "spark.executor.cores": str(spark.cores),
            "spark.executor.memory": f"{spark.heap_mb}m",
            # not spark.executor.pyspark.memory: that limits a worker's address space, see vmem-check above
            "spark.executor.memoryOverhead": f"{spark.overhead_mb}m",
            "spark.driver.memory": f"{spark.driver_mb}m",
        }


def plan_cluster(
    images: int,
    image_bytes: int,
    engine: str,
    *,
    region: str,
    release: ReleaseFiles,
    node_root: str,
    choice: NodeChoice = AS_PLANNED,
) -> ClusterPlan:
    """Size the cluster of a run.

    Args:
        images: Number of images, at least 1.
        image_bytes: Their total size out of the archive, bytes.
        engine: One of `orchard.options.ENGINES`.
        release: Where the bootstrap script and the wheels are.
        node_root: The folder of the nodes in which the Python environment is made.
        region: Where the stack is: one of `orchard.compute.offered.OFFERED`.
        choice: What the user decides about the nodes.

    Returns:
        The plan; the same arguments give the same plan.
    """
    work = images / IMAGES_PER_VCPU_SECOND[engine] + image_bytes / DECODED_BYTES_PER_VCPU_SECOND
    groups = node_groups(math.ceil(work / TARGET_SECONDS), image_bytes, choice, region)
    spark = _spark_size(groups[1:] or groups, engine)
    vcpus = spark.executors * spark.cores
    return ClusterPlan(
        engine=engine,
        region=region,
        groups=groups,
        spark=spark,
        feature_seconds=work / vcpus,
        reason=_reason(images, engine, work, vcpus, choice),
        venv=f"{node_root.rstrip('/')}/{engine}",
        bootstrap_uri=release.bootstrap,
        wheelhouse_uri=release.wheelhouse(engine),
    )


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


def _reason(images: int, engine: str, work: float, vcpus: int, choice: NodeChoice) -> str:
    minutes = work / vcpus / 60
    rate = images / work
    told = "under a minute" if minutes < 1 else f"about {minutes:.0f} minutes"
    sentence = f"{images:,} images at {rate:.0f} per second and vCPU with {engine} take {told} on {vcpus} vCPUs"
    if choice != AS_PLANNED:
        return f"{sentence}, as you chose"
    if minutes * 60 > TARGET_SECONDS:
        excuse = f"a cluster has at most {MAX_CORE_NODES} core nodes unless you choose more"
        return f"{sentence}, more than the {TARGET_SECONDS // 60} aimed at, because {excuse}"
    return f"{sentence}; the aim is at most {TARGET_SECONDS // 60}"


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
