"""The same work on EMR on EKS: the executors of the cluster that a run would have are pods, and so is the driver.

Their nodes are those of a cluster that the user has. What is set here is described in the Amazon EMR on EKS Development
Guide and in "Running Spark on Kubernetes" of Spark 3.5.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchard.compute.base import Charges
from orchard.compute.workers import (
    DRIVER_MB,
    DRIVER_VCPUS,
    TRANSITIONS_PER_POLL,
    Worker,
    Workers,
    submit_parameters,
)
from orchard.layout import STAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchard.compute.emr_plan import ClusterSize
    from orchard.compute.jobs import Jobs
    from orchard.compute.prices import PriceTable

START_MINUTES = 2.0
"""From StartJobRun to the first task, where nodes have room: a guess that nobody has measured yet. Three pods start one
after the other, the submitter's, the driver's and the executors'; an image of 3 GB and the Python environment are
downloaded. A cluster that has to add nodes first takes some minutes more."""

NODES_BESIDE = "the nodes of your EKS cluster, and the cluster itself, are paid for beside that"

_SPARED_VCPUS = 0.5
"""What a pod asks for less than the cores that it has in Spark: a node runs pods of Kubernetes' own, so that a pod that
asks for all vCPUs of a node's size would fit on no node of it. Nothing limits what it takes while others are idle."""

_CREDENTIALS = ",".join(
    f"software.amazon.awssdk.auth.credentials.{provider}"
    for provider in ("WebIdentityTokenFileCredentialsProvider", "ContainerCredentialsProvider")
)
"""The role of a service account, by IRSA or by EKS Pod Identity. S3A's own chain has neither: it ends at the instance's
metadata, with the role of the node (Hadoop 3.4, "Authenticating with S3")."""

_LONGEST_NAME = 64 - len(f"/{max(STAGES, key=len)}")
_DIGEST = 12


@dataclass(frozen=True)
class EksSize(Workers):
    """The pods of each job of one run on EMR on EKS."""

    def charges(self, prices: PriceTable, jobs: int) -> Charges:
        """What pods ask for is paid for from the download of their image to their end, on top of the nodes."""
        vcpus = self.vcpus - _SPARED_VCPUS * (1 + self.spark.executors)
        rate = vcpus * prices.eks_vcpu.usd + self.memory_gb * prices.eks_memory.usd
        return Charges(START_MINUTES * jobs, 0.0, TRANSITIONS_PER_POLL, {"EMR on EKS": rate}, beside=NODES_BESIDE)

    def spark_settings(self, environment: str, driver_pod: str, executor_pod: str = "") -> dict[str, str]:
        """The settings of Spark.

        Args:
            environment: The archive that holds the pods' Python environment.
            driver_pod: The template of the driver's pod.
            executor_pod: The same of executors; "" for none.
        """
        pods = {"driver": (self.driver, driver_pod), "executor": (self.executor, executor_pod)}
        return {
            **self.settings(environment, "spark.kubernetes.driverEnv"),
            "spark.hadoop.fs.s3a.aws.credentials.provider": _CREDENTIALS,
            "spark.kubernetes.node.selector.kubernetes.io/arch": "amd64",  # the environment's wheels are built for it
            **{
                f"spark.kubernetes.{name}.request.cores": f"{(worker.vcpus - _SPARED_VCPUS) * 1000:.0f}m"
                for name, (worker, _) in pods.items()
            },
            **{f"spark.kubernetes.{name}.podTemplateFile": file for name, (_, file) in pods.items() if file},
        }


def as_pods(cluster: ClusterSize) -> EksSize:
    """The pods that do what a cluster would do: its executors become pods, its primary node the driver's."""
    spark = cluster.spark
    return EksSize(
        engine=cluster.engine,
        region=cluster.region,
        spark=spark,
        driver=Worker(DRIVER_VCPUS, DRIVER_MB // 1024),
        executor=Worker(spark.cores, math.ceil((spark.heap_mb + spark.overhead_mb) / 1024)),
        feature_seconds=cluster.feature_seconds,
        reason=cluster.reason,
    )


def job_name(run_id: str, stage: str) -> str:
    """The name of a job run, by which the job runs of a run are found.

    It has room for 64 characters (StartJobRun API model): the end of a long run's id gives way to a digest.
    """
    if len(run_id) > _LONGEST_NAME:
        run_id = f"{run_id[: _LONGEST_NAME - _DIGEST - 1]}-{hashlib.sha256(run_id.encode()).hexdigest()[:_DIGEST]}"
    return f"{run_id}/{stage}"


def job_requests(size: EksSize, jobs: Jobs, given: Mapping[str, str]) -> list[dict[str, Any]]:
    """The jobs of a run as StartJobRun takes them, but for what the stack knows: virtual cluster, role, release, tags.

    Args:
        jobs: The jobs. EMR on EKS writes their logs, and AWS keeps no copy of its own.
        given: The variables that the stack gives `inspect_archive`.

    Returns:
        The requests in the order of `STAGES`.
    """
    release = jobs.release
    driver_pod = given["DRIVER_POD_TEMPLATE"] or release.driver_pod
    settings = size.spark_settings(release.environment(size.engine), driver_pod, given["EXECUTOR_POD_TEMPLATE"])
    logs: dict[str, Any] = {
        "S3MonitoringConfiguration": {"LogUri": jobs.log_uri.rstrip("/")},  # it puts a slash of its own behind it
        "ManagedLogs": {"AllowAWSToRetainLogs": "DISABLED"},
        "PersistentAppUI": "DISABLED",
    }
    if given["EKS_LOG_GROUP"]:
        streams = {"LogGroupName": given["EKS_LOG_GROUP"], "LogStreamNamePrefix": jobs.run_id}
        logs["CloudWatchMonitoringConfiguration"] = streams
    return [
        {
            "Name": job_name(jobs.run_id, stage),
            "JobDriver": {
                "SparkSubmitJobDriver": {
                    "EntryPoint": release.job(stage),
                    "EntryPointArguments": arguments,
                    "SparkSubmitParameters": submit_parameters(release.package, settings),
                }
            },
            "ConfigurationOverrides": {"MonitoringConfiguration": logs},
        }
        for stage, arguments in jobs.arguments.items()
    ]
