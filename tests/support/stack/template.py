"""The stack as the tests look at it: the template, what SAM makes of it, and the state machine filled in."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from orchard.compute.jobs import Jobs
from orchard.compute.registry import COMPUTES, DEFAULT
from orchard.compute.sizing import UNLESS_ALLOWED
from orchard.compute.work import Work
from orchard.layout import ReleaseFiles, log_prefix, model_uri, run_files
from orchard.local.moto.translate import load, translate
from orchard.options import AS_PLANNED, RunOptions
from orchard.pipeline.input import ArchiveVersion
from orchard.pipeline.origin import NO_ORIGIN, Origin
from tests.support.paths import ROOT

TEMPLATE = ROOT / "template.yaml"
MACHINE = ROOT / "statemachine" / "pipeline.asl.json"
REGION = "eu-west-1"
ACCOUNT = "123456789012"
RUN_ID = "fruits-0123456789ab"
ARCHIVE = ArchiveVersion("orchard-input", "fruits.zip", "v1", "abc", 12_345)

SUBSTITUTIONS = {
    "InspectArchiveFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:inspect",
    "AwaitTurnFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:await-turn",
    "DescribeRunFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:describe",
    "NoticeTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:notices",
    "JobApplicationId": "00fapplication",
    "JobRoleArn": f"arn:aws:iam::{ACCOUNT}:role/jobs",
    "VirtualClusterId": "0virtualcluster",
    "PodRoleArn": f"arn:aws:iam::{ACCOUNT}:role/pods",
    "EksReleaseLabel": "emr-7.13.0-latest",
    "StackName": "orchard",
    "PollSeconds": "15",
    "PatienceSeconds": "14400",
}

GIVEN = {
    "STACK_NAME": "orchard",
    "REGION": REGION,
    "SERVICE_ROLE": "orchard-service",
    "NODE_PROFILE": "orchard-node-eu-west-1",
    "SECURITY_CONFIGURATION": "orchard-security",
    "SUBNETS": "subnet-0aaa,subnet-0bbb",
    "SECURITY_GROUPS": "sg-0primary,sg-0workers,sg-0service",
    "NODE_ROOT": "/mnt/orchard",
    "MAXIMUM_USD": "0",
    "MAXIMUM_RUNS": "4",
    "MAXIMUM_VCPUS": "",
    "DRIVER_POD_TEMPLATE": "",
    "EXECUTOR_POD_TEMPLATE": "",
    "EKS_LOG_GROUP": "",
}
"""What the template gives `inspect_archive` to make a compute of."""


@cache
def _sam() -> dict[str, Any]:
    return load(TEMPLATE)


@cache
def _cloudformation() -> str:
    return json.dumps(translate(TEMPLATE, REGION))


def sam() -> dict[str, Any]:
    """The template, short intrinsics written out."""
    return json.loads(json.dumps(_sam()))


def cloudformation() -> dict[str, Any]:
    """What the SAM transform makes of it, the state machine's definition put in."""
    return json.loads(_cloudformation())


def resources(type_: str) -> dict[str, dict[str, Any]]:
    """The translated resources of a type, by logical id."""
    return {name: found for name, found in cloudformation()["Resources"].items() if found["Type"] == type_}


def properties(name: str) -> dict[str, Any]:
    """The properties of one translated resource."""
    return cloudformation()["Resources"][name]["Properties"]


def machine() -> dict[str, Any]:
    """The state machine as its file has it."""
    return json.loads(MACHINE.read_text())


def definition(**substitutions: str) -> str:
    """The state machine's text with its placeholders filled in, as Step Functions does it: text for text."""
    text = MACHINE.read_text()
    for name, value in (SUBSTITUTIONS | substitutions).items():
        text = text.replace(f"${{{name}}}", value)
    return text


def rendered(**substitutions: str) -> dict[str, Any]:
    """The state machine with its placeholders filled in, and with little patience: four polls."""
    return json.loads(definition(**({"PatienceSeconds": "75"} | substitutions)))


def execution_plan(images: int = 10_000, compute: str = DEFAULT) -> dict[str, Any]:
    """What `inspect_archive` answers for an archive that is accepted."""
    works = COMPUTES[compute]
    size = works.size(
        Work(images, images * 5_000), "onnxruntime", region=REGION, choice=AS_PLANNED, ceiling=UNLESS_ALLOWED
    )
    jobs = jobs_of()
    requests = works.requests(size, jobs, GIVEN).execution
    return {"accepted": True, "run_uri": jobs.run_uri, "log_uri": jobs.log_uri, "compute": compute, **requests}


def jobs_of(
    run_id: str = RUN_ID,
    options: RunOptions | None = None,
    archive: ArchiveVersion = ARCHIVE,
    origin: Origin = NO_ORIGIN,
) -> Jobs:
    """The jobs of a run of this stack."""
    return Jobs(
        run_id=run_id,
        archive=archive,
        sources="",
        options=options or RunOptions(),
        release=ReleaseFiles("orchard-artefacts", "cafe00000000"),
        model_uri=model_uri("orchard-artefacts", "feed00000000"),
        run_uri=run_files("orchard-results", run_id).base,
        log_uri=f"s3://orchard-results/{log_prefix(run_id)}",
        origin=origin,
    )


def types_of(region: str) -> set[str]:
    """The types of resources that CloudFormation knows in a region, as far as cfn-lint knows."""
    import cfnlint

    providers = Path(cfnlint.__file__).parent / "data" / "schemas" / "providers"
    return set(json.loads((providers / f"{region}.json").read_text()))


def findings(template: dict[str, Any]) -> list[str]:
    """What cfn-lint has to say about a template, informational rules too."""
    from cfnlint.api import ManualArgs, lint

    # I4010 asks for a description of the architecture for language models
    config = ManualArgs(include_checks=["I"], ignore_checks=["I4010"], regions=[REGION])
    return [str(match) for match in lint(json.dumps(template), config=config)]
