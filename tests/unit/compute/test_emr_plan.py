"""A cluster's size follows from one rule, or from what the user chose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.compute.emr_plan import Cluster, ClusterSize, cluster_size
from orchard.compute.sizing import COPY_SECONDS_PER_IMAGE, MAX_CORE_NODES, SHAPES, TARGET_SECONDS
from orchard.compute.work import Work
from orchard.errors import OptionsError
from orchard.layout import ReleaseFiles
from orchard.options import AS_PLANNED, ENGINES, NodeChoice

REGION = "eu-west-1"
RELEASE = ReleaseFiles("artefacts", "0123456789ab")
FRUIT = 4_500  # bytes of a picture of Fruits-360


def cluster(
    images: int, engine: str = "onnxruntime", image_bytes: int | None = None, choice: NodeChoice = AS_PLANNED
) -> ClusterSize:
    size = images * FRUIT if image_bytes is None else image_bytes
    return cluster_size(Work(images, size), engine, region=REGION, choice=choice)


def made(size: ClusterSize) -> Cluster:
    return Cluster.of(size, RELEASE, "/mnt/orchard")


def properties(plan: ClusterSize, classification: str) -> dict[str, str]:
    (found,) = [c["Properties"] for c in made(plan).configurations() if c["Classification"] == classification]
    return found


@pytest.mark.parametrize(
    ("images", "engine", "nodes"),
    [
        (1_920, "onnxruntime", "1 x m5.xlarge"),
        (70_000, "onnxruntime", "1 x m5.xlarge"),
        (78_572, "onnxruntime", "1 x m5.2xlarge"),
        (155_000, "onnxruntime", "1 x m5.xlarge + 2 x m5.2xlarge"),
        (155_000, "tensorflow", "1 x m5.xlarge + 4 x m5.2xlarge"),
        (50_000_000, "tensorflow", "1 x m5.xlarge + 8 x m5.2xlarge"),
    ],
)
def test_the_cluster_grows_with_the_work_up_to_a_limit(images: int, engine: str, nodes: str) -> None:
    assert str(cluster(images, engine)) == nodes


def test_large_pictures_count_for_more_than_small_ones() -> None:
    photographs = cluster(20_000, image_bytes=20_000 * 3_000_000)
    assert photographs.worker_vcpus > cluster(20_000).worker_vcpus


def test_the_reason_gives_the_numbers_and_admits_when_the_aim_is_missed() -> None:
    assert cluster(70_000).reason == (
        "70,000 images at 20 per second and vCPU with onnxruntime take about 15 minutes on 4 vCPUs; "
        "the aim is at most 15"
    )
    assert "more than the 15 aimed at" in cluster(50_000_000).reason
    assert "under a minute" in cluster(10).reason


def test_fleets_are_on_demand_of_one_architecture_on_gp3() -> None:
    fleets = made(cluster(155_000)).instance_fleets()
    assert [(f["Name"], f["InstanceFleetType"], f["TargetOnDemandCapacity"]) for f in fleets] == [
        ("primary", "MASTER", 1),
        ("core", "CORE", 2),
    ]
    for fleet in fleets:
        assert "TargetSpotCapacity" not in fleet
        types = [config["InstanceType"] for config in fleet["InstanceTypeConfigs"]]
        assert 1 < len(types) <= 5  # more needs no allocation strategy to be refused, and fewer may find no capacity
        assert all(name.startswith(("m5.", "m6a.", "m6i.", "m7i.")) for name in types)
        for config in fleet["InstanceTypeConfigs"]:
            (device,) = config["EbsConfiguration"]["EbsBlockDeviceConfigs"]
            assert device["VolumeSpecification"]["VolumeType"] == "gp3"


def test_volumes_hold_each_nodes_share_of_the_images() -> None:
    gigabytes = 200
    plan = cluster(50_000_000, image_bytes=gigabytes * 10**9)
    assert plan.groups[1].volume_gb - cluster(1).groups[0].volume_gb == gigabytes // plan.groups[1].count - 1


@pytest.mark.parametrize("engine", ENGINES)
def test_every_process_is_told_the_same_python(engine: str) -> None:
    plan = cluster(1_000, engine)
    python = f"/mnt/orchard/{engine}/bin/python"
    (env,) = [c for c in made(plan).configurations() if c["Classification"] == "spark-env"]
    [export] = env["Configurations"]
    assert export["Classification"] == "export"
    for key in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
        assert export["Properties"][key] == python
    spark = properties(plan, "spark-defaults")
    for key in ("spark.pyspark.python", "spark.executorEnv.PYSPARK_PYTHON", "spark.yarn.appMasterEnv.PYSPARK_PYTHON"):
        assert spark[key] == python


def test_every_process_is_told_its_region_and_to_be_patient_with_the_metadata_service() -> None:
    told = {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "5",
        "AWS_METADATA_SERVICE_TIMEOUT": "5",
        "LANG": "C.UTF-8",
    }
    plan = cluster(1_000)
    (env,) = [c for c in made(plan).configurations() if c["Classification"] == "spark-env"]
    assert env["Configurations"][0]["Properties"].items() >= told.items()
    spark = properties(plan, "spark-defaults")
    for process in ("spark.executorEnv", "spark.yarn.appMasterEnv"):
        assert {name: spark[f"{process}.{name}"] for name in told} == told
    assert spark["spark.hadoop.fs.s3a.endpoint.region"] == "eu-west-1"


def test_the_bootstrap_action_installs_the_engines_environment() -> None:
    (action,) = made(cluster(1, "tensorflow")).bootstrap_actions()
    assert action["ScriptBootstrapAction"] == {
        "Path": "s3://artefacts/releases/0123456789ab/bootstrap/install.sh",
        "Args": ["s3://artefacts/releases/0123456789ab/wheelhouse/tensorflow", "/mnt/orchard/tensorflow", "eu-west-1"],
    }


def test_one_executor_a_worker_node_uses_all_its_cores() -> None:
    spark = properties(cluster(155_000), "spark-defaults")
    assert spark["spark.executor.instances"] == "2"
    assert spark["spark.executor.cores"] == "8"
    assert spark["spark.dynamicAllocation.enabled"] == "false"


CALCULATORS = "org.apache.hadoop.yarn.util.resource."


def unplaced(plan: ClusterSize, calculator: str, step_mb: int) -> int:
    """How many executors YARN finds no room for: each container on the first node that has as much as it asks for.

    Args:
        plan: The cluster.
        calculator: What YARN counts with: memory, or memory and vCPUs.
        step_mb: What it rounds memory up to (`yarn.scheduler.minimum-allocation-mb`).
    """
    by_cores = calculator == f"{CALCULATORS}DominantResourceCalculator"
    assert by_cores or calculator == f"{CALCULATORS}DefaultResourceCalculator"
    node_mb = int(properties(plan, "yarn-site")["yarn.nodemanager.resource.memory-mb"])
    free = [
        [node_mb, plan.groups[-1].shape.vcpus] for group in plan.groups[1:] or plan.groups for _ in range(group.count)
    ]
    spark = properties(plan, "spark-defaults")
    executor = sum(int(spark[f"spark.executor.{part}"].removesuffix("m")) for part in ("memory", "memoryOverhead"))
    master = 512 + 384  # `spark.yarn.am.memory` in client mode, and the least overhead
    asked = [(master, 1), *[(executor, int(spark["spark.executor.cores"]))] * int(spark["spark.executor.instances"])]
    missing = 0
    for memory, cores in asked:
        memory = -(-memory // step_mb) * step_mb
        place = next((one for one in free if one[0] >= memory and (one[1] >= cores or not by_cores)), None)
        if place is None:
            missing += 1
        else:
            place[0] -= memory
            place[1] -= cores
    return missing


@pytest.mark.parametrize("step_mb", [32, 256, 1024])
@pytest.mark.parametrize("size", sorted(SHAPES))
@pytest.mark.parametrize(("core", "spot"), [(0, 0), (1, 0), (2, 3), (50, 50)])
@pytest.mark.parametrize("engine", ENGINES)
def test_yarn_finds_room_for_every_executor_beside_the_application_master(
    engine: str, core: int, spot: int, size: str, step_mb: int
) -> None:
    plan = cluster(1_000, engine, choice=NodeChoice(size, core, spot))
    calculator = properties(plan, "capacity-scheduler")["yarn.scheduler.capacity.resource-calculator"]
    assert unplaced(plan, calculator, step_mb) == 0
    assert unplaced(plan, f"{CALCULATORS}DominantResourceCalculator", step_mb) == 1, "which is why it is said"


@given(images=st.integers(1, 10**8), mean=st.integers(1, 10**7), engine=st.sampled_from(ENGINES))
def test_memory_always_fits_and_the_aim_is_met_unless_it_is_the_largest(images: int, mean: int, engine: str) -> None:
    plan = cluster(images, engine, images * mean)
    spark, shape = plan.spark, plan.groups[-1].shape
    executor_mb = spark.heap_mb + spark.overhead_mb
    driver_mb = spark.driver_mb if len(plan.groups) == 1 else 0
    operating_system_mb = 3 * 1024
    assert executor_mb < spark.yarn_mb
    assert spark.yarn_mb + driver_mb + operating_system_mb <= shape.memory_mb
    assert spark.executors * spark.cores == plan.worker_vcpus
    assert sum(group.count for group in plan.groups) <= 1 + MAX_CORE_NODES
    assert plan.feature_seconds <= TARGET_SECONDS * 1.001 or plan.groups[-1].count == MAX_CORE_NODES


@pytest.mark.parametrize(
    ("choice", "nodes"),
    [
        (NodeChoice(core_nodes=0), "1 x m5.2xlarge"),
        (NodeChoice(core_nodes=0, size="4xlarge"), "1 x m5.4xlarge"),
        (NodeChoice(core_nodes=20), "1 x m5.xlarge + 20 x m5.2xlarge"),
        (NodeChoice(size="4xlarge"), "1 x m5.4xlarge"),
        (NodeChoice(size="xlarge"), "1 x m5.xlarge + 3 x m5.xlarge"),
        (NodeChoice(spot_nodes=1), "1 x m5.xlarge + 1 x m5.2xlarge + 1 x m5.2xlarge (Spot)"),
        (NodeChoice(spot_nodes=4), "1 x m5.xlarge + 1 x m5.2xlarge + 4 x m5.2xlarge (Spot)"),
        (NodeChoice(size="xlarge", core_nodes=2, spot_nodes=3), "1 x m5.xlarge + 2 x m5.xlarge + 3 x m5.xlarge (Spot)"),
    ],
)
def test_what_is_chosen_is_followed_and_the_rest_is_as_the_rule_says(choice: NodeChoice, nodes: str) -> None:
    plan = cluster(155_000, choice=choice)  # the rule alone: a primary node and two core nodes of eight
    assert str(plan) == nodes
    assert plan.reason.endswith("vCPUs, as you chose")


def test_a_small_run_with_spot_nodes_has_a_core_node_too() -> None:
    assert str(cluster(10, choice=NodeChoice(spot_nodes=2))) == "1 x m5.xlarge + 1 x m5.2xlarge + 2 x m5.2xlarge (Spot)"


def test_only_task_nodes_are_spot_and_without_capacity_they_become_on_demand() -> None:
    primary, core, task = made(cluster(10, choice=NodeChoice(core_nodes=1, spot_nodes=3))).instance_fleets()
    assert "TargetSpotCapacity" not in primary | core
    assert (task["InstanceFleetType"], task["TargetSpotCapacity"]) == ("TASK", 3)
    assert "TargetOnDemandCapacity" not in task
    spot = task["LaunchSpecifications"]["SpotSpecification"]
    assert (spot["AllocationStrategy"], spot["TimeoutAction"]) == ("price-capacity-optimized", "SWITCH_TO_ON_DEMAND")


def test_an_application_master_never_lives_on_a_spot_node() -> None:
    label = "yarn.node-labels.am.default-node-label-expression"
    assert properties(cluster(10, choice=NodeChoice(spot_nodes=1)), "yarn-site")[label] == "ON_DEMAND"
    assert label not in properties(cluster(10), "yarn-site")


def test_spot_nodes_work_as_the_core_nodes_do() -> None:
    plan = cluster(10, choice=NodeChoice(core_nodes=2, spot_nodes=3))
    assert (plan.spark.executors, plan.worker_vcpus) == (5, 40)


@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_size_has_room_for_its_executor(size: str, engine: str) -> None:
    plan = cluster(10, engine, choice=NodeChoice(size=size, core_nodes=0))
    assert plan.spark.yarn_mb + plan.spark.driver_mb + 3 * 1024 <= SHAPES[size].memory_mb


@pytest.mark.parametrize(
    ("size", "core", "spot", "complaint"),
    [
        ("metal", None, 0, "no node size 'metal'"),
        (None, 51, 0, "51 core nodes"),
        (None, -1, 0, "-1 core nodes"),
        (None, None, 51, "51 spot nodes"),
        (None, 0, 1, "need a core node"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(size: str | None, core: int | None, spot: int, complaint: str) -> None:
    with pytest.raises(OptionsError, match=complaint):
        NodeChoice(size, core, spot)


def test_what_is_known_is_copied_in_a_fraction_of_the_time() -> None:
    whole = cluster(155_000)
    rest = cluster_size(Work(155_000, 155_000 * FRUIT, known=154_000), "onnxruntime", region=REGION)
    assert rest.worker_vcpus < whole.worker_vcpus
    seconds = whole.feature_seconds * whole.worker_vcpus / 155 + 154_000 * COPY_SECONDS_PER_IMAGE
    assert rest.feature_seconds * rest.worker_vcpus == pytest.approx(seconds)
    assert rest.reason.startswith("155,000 images, 154,000 of which have features that are copied, take")
