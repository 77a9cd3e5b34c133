"""The whole RunJobFlow request for the cluster of a run: what the state machine hands to EMR, and nothing beside it.

Each field is one that EMR 7.11.0 takes; here is where it is described. API: the Amazon EMR API reference. MG, RG: its
Management Guide and its Release Guide, by page.

* `ReleaseLabel`, `Applications`: Hadoop 3.4.1 and Spark 3.5.6 (RG "Application versions in Amazon EMR 7.x releases").
* `LogUri`: a folder in S3 (MG "Configure cluster logging and debugging").
* `Configurations`: `spark-env`, `spark-defaults`, `capacity-scheduler` and `yarn-site` (RG "Configure applications").
* `BootstrapActions`: at most 16, run as `hadoop` before there are applications (MG "Create bootstrap actions").
* `InstanceFleets`: since 4.8; five types a fleet, thirty with an allocation strategy (MG "Configure instance fleets").
* `Ec2SubnetIds`: in the plural for fleets, EMR chooses (API JobFlowInstancesConfig; MG "Amazon VPC options").
* `EmrManagedMasterSecurityGroup`, `EmrManagedSlaveSecurityGroup`, `ServiceAccessSecurityGroup`: all own, or all of
  EMR's making (MG "Working with Amazon EMR-managed security groups").
* `KeepJobFlowAliveWhenNoSteps`, `TerminationProtected`: the steps come later (API JobFlowInstancesConfig).
* `ServiceRole`, `JobFlowRole`: the role; the name of the instance profile (MG "Configure IAM service roles").
* `SecurityConfiguration`: since 4.8; EBS encryption since 5.24, IMDSv2 since 5.32 (MG "Create a security
  configuration").
* `EbsRootVolumeSize`: 15 to 100 GiB (MG "Customizing the Amazon EBS root device volume").
* `AutoTerminationPolicy`: since 6.1; one minute to seven days (MG "Using an auto-termination policy").
* `ManagedScalingPolicy`: since 6.1; of core and task nodes, in the units of fleets (MG "Using managed scaling").
* `ScaleDownBehavior`: since 4.1; without it nodes stay until their hour is full (API RunJobFlow).
* `StepConcurrencyLevel`: since 5.28; 1 to 256. `VisibleToAllUsers`: false has no effect (API RunJobFlow).
* `Tags`: the last is what EMR's managed policy asks for (MG "Service role for Amazon EMR").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchard.compute.emr_plan import ROOT_VOLUME_GB
from orchard.layout import EMR_POLICY_TAG, RUN_ID_TAG, STACK_TAG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchard.compute.emr_plan import Cluster, ClusterSize
    from orchard.compute.jobs import Jobs

RELEASE_LABEL = "emr-7.11.0"
IDLE_SECONDS = 300
"""After so long without work a cluster ends itself, also when nobody is left to terminate it; one that is kept, so long
after it was to be ended."""


def cluster_name(run_id: str) -> str:
    """The name of a run's clusters."""
    return f"orchard {run_id}"


def run_job_flow(
    cluster: Cluster, run_id: str, log_uri: str, given: Mapping[str, str], keep: int = 0
) -> dict[str, Any]:
    """What RunJobFlow is called with.

    Args:
        given: What the stack gives every cluster, by the variables of `inspect_archive`.
        keep: For how many seconds after its last step it is kept.

    Returns:
        The request, the same for the same arguments. `ManagedScalingPolicy` and `ScaleDownBehavior` are there if and
        only if there are core nodes: EMR scales no others.
    """
    tags = {RUN_ID_TAG: run_id, STACK_TAG: given["STACK_NAME"], "project": "orchard", EMR_POLICY_TAG: "true"}
    return {
        "Name": cluster_name(run_id),
        "LogUri": log_uri,
        "ReleaseLabel": RELEASE_LABEL,
        "Applications": [{"Name": "Hadoop"}, {"Name": "Spark"}],
        "Configurations": cluster.configurations(),
        "BootstrapActions": cluster.bootstrap_actions(),
        "Instances": {
            "InstanceFleets": cluster.instance_fleets(),
            "Ec2SubnetIds": given["SUBNETS"].split(","),
            **_groups(given["SECURITY_GROUPS"]),
            "KeepJobFlowAliveWhenNoSteps": True,
            "TerminationProtected": False,
        },
        "ServiceRole": given["SERVICE_ROLE"],
        "JobFlowRole": given["NODE_PROFILE"],
        "SecurityConfiguration": given["SECURITY_CONFIGURATION"],
        "EbsRootVolumeSize": ROOT_VOLUME_GB,
        "AutoTerminationPolicy": {"IdleTimeout": IDLE_SECONDS + keep},
        "StepConcurrencyLevel": 1,
        "VisibleToAllUsers": True,
        **_scaling(cluster.size),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def _groups(groups: str) -> dict[str, str]:
    """Those that the stack has made: of the primary node, of the others, for EMR. Without any, EMR makes its own."""
    names = ("EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup", "ServiceAccessSecurityGroup")
    return dict(zip(names, groups.split(","), strict=True)) if groups else {}


def _scaling(size: ClusterSize) -> dict[str, Any]:
    """EMR may give task nodes back and get them again, but never has more than the plan: what it was estimated at.

    MG "Understanding node allocation strategy and scenarios" would bound On-Demand by the core nodes (scenario 5). But
    Spot nodes that are not to be had become On-Demand (`SWITCH_TO_ON_DEMAND`), and above that bound EMR would take them
    away again. They are Spot all the same where there are any: the fleet asks for no others, and since 7.2 it is Spot
    nodes that EMR adds for executors where application masters keep to On-Demand nodes (`orchard.compute.emr_plan`).
    """
    counts = {group.role: group.count for group in size.groups}
    core = counts.get("CORE", 0)
    if not core:
        return {}
    planned = core + counts.get("TASK", 0)
    limits = {
        "UnitType": "InstanceFleetUnits",
        "MinimumCapacityUnits": core,
        "MaximumCapacityUnits": planned,
        "MaximumCoreCapacityUnits": core,
        "MaximumOnDemandCapacityUnits": planned,
    }
    return {
        "ManagedScalingPolicy": {"ComputeLimits": limits},
        "ScaleDownBehavior": "TERMINATE_AT_TASK_COMPLETION",
    }


def step_requests(jobs: Jobs) -> list[dict[str, Any]]:
    """The jobs as `Steps` of AddJobFlowSteps, in their order: one that fails cancels those behind it."""
    return [
        {
            "Name": stage,
            "ActionOnFailure": "CANCEL_AND_WAIT",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args": command},
        }
        for stage, command in jobs.commands.items()
    ]
