"""What has to hold of the cluster that the state machine asks for, the plan of `inspect_archive` included."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.asl_graph import CREATE
from tests.asl_scenarios import GIVEN
from tests.asl_walk import filled
from tests.stack_template import RUN_ID, SUBSTITUTIONS, execution_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAN = execution_plan()
MOST_IDLE_SECONDS = 300

TAGS = {
    "orchard:run-id": RUN_ID,
    "orchard:stack": SUBSTITUTIONS["StackName"],
    "project": "orchard",
    "for-use-with-amazon-emr-managed-policies": "true",
}
"""Whose a cluster is, by run, stack and cost allocation; the last is what EMR's managed policy asks for."""

FIELDS: dict[str, Callable[[Any], bool]] = {
    "Name": lambda value: value == f"orchard {RUN_ID}",
    "LogUri": lambda value: value == PLAN["log_uri"] != "",
    "ReleaseLabel": lambda value: value == "emr-7.11.0",
    "Applications": lambda value: value == [{"Name": "Hadoop"}, {"Name": "Spark"}],
    "Configurations": lambda value: value == PLAN["cluster"]["configurations"] != [],
    "BootstrapActions": lambda value: value == PLAN["cluster"]["bootstrap_actions"] != [],
    "Instances": lambda value: set(value) == set(INSTANCES),
    "ServiceRole": lambda value: value == SUBSTITUTIONS["ServiceRole"],
    "JobFlowRole": lambda value: value == SUBSTITUTIONS["NodeProfile"],
    "SecurityConfiguration": lambda value: value == SUBSTITUTIONS["SecurityConfiguration"],
    "EbsRootVolumeSize": lambda value: 30 <= value <= 100,
    "AutoTerminationPolicy": lambda value: 60 <= value["IdleTimeout"] <= MOST_IDLE_SECONDS,
    "StepConcurrencyLevel": lambda value: value == 1,
    "VisibleToAllUsers": lambda value: value is True,
    "Tags": lambda value: {tag["Key"]: tag["Value"] for tag in value} == TAGS,
}
"""All that is asked for: no `Steps`, which would run before anybody could watch them."""

INSTANCES: dict[str, Callable[[Any], bool]] = {
    "InstanceFleets": lambda value: value == PLAN["cluster"]["instance_fleets"] != [],
    "Ec2SubnetIds": lambda value: value == SUBSTITUTIONS["SubnetIds"].split(","),
    "KeepJobFlowAliveWhenNoSteps": lambda value: value is True,
    "TerminationProtected": lambda value: value is False,
}
"""All that is asked for of its nodes: no `Ec2KeyName`, and so nobody logs in."""


def cluster_is_safe(machine: dict[str, Any]) -> Iterator[str]:
    """The cluster has logs, roles, encryption and tags, ends itself when idle, and lets nobody log in."""
    data = {**GIVEN, "inspected": {"plan": PLAN}}
    asked = filled(machine["States"][CREATE]["Parameters"], data)
    for fields, found in ((FIELDS, asked), (INSTANCES, asked.get("Instances", {}))):
        yield from (f"{name} is asked for" for name in sorted(set(found) - set(fields)))
        yield from (f"{name} is missing" for name in fields if name not in found)
        for name in fields.keys() & found.keys():
            if not _good(fields[name], found[name]):
                yield f"{name} is {json.dumps(found[name])}"
    if "Ec2KeyName" in json.dumps(asked):
        yield "somebody has a key to the nodes"


def _good(good: Callable[[Any], bool], value: Any) -> bool:  # noqa: ANN401 (JSON)
    try:
        return good(value)
    except (KeyError, TypeError, AttributeError):
        return False
