"""Step Functions begins every field with a capital, boto3 spells it as the service does, and maps keep their keys."""

from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from orchard.local.emr.job_run import spark_parameters
from orchard.local.moto.sdk_tasks import plain, to_boto, to_states


def operation(service: str, name: str) -> Any:  # noqa: ANN401
    return botocore.session.get_session().get_service_model(service).operation_model(name)


def test_fields_are_renamed_at_every_depth_and_the_keys_of_maps_are_not() -> None:
    asked = {
        "ApplicationId": "00f1",
        "JobDriver": {"SparkSubmit": {"EntryPoint": "s3://b/k", "EntryPointArguments": ["--Run", "x"]}},
        "ConfigurationOverrides": {"ApplicationConfiguration": [{"Classification": "c", "Properties": {"Key": "V"}}]},
        "Tags": {"orchard:run-id": "r", "Project": "orchard"},
    }
    assert to_boto(asked, operation("emr-serverless", "StartJobRun").input_shape) == {
        "applicationId": "00f1",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/k", "entryPointArguments": ["--Run", "x"]}},
        "configurationOverrides": {"applicationConfiguration": [{"classification": "c", "properties": {"Key": "V"}}]},
        "tags": {"orchard:run-id": "r", "Project": "orchard"},
    }


def test_what_a_service_does_not_know_stays_for_boto3_to_refuse() -> None:
    assert to_boto({"Nonsense": 1}, operation("emr-serverless", "GetJobRun").input_shape) == {"Nonsense": 1}


def test_answers_begin_with_capitals() -> None:
    answer = {"jobRun": {"state": "SUCCESS", "tags": {"project": "orchard"}, "jobDriver": {"sparkSubmit": {}}}}
    assert to_states(answer, operation("emr-serverless", "GetJobRun").output_shape) == {
        "JobRun": {"State": "SUCCESS", "Tags": {"project": "orchard"}, "JobDriver": {"SparkSubmit": {}}}
    }


def test_a_service_that_spells_its_fields_so_itself_is_left_alone() -> None:
    asked = {"Name": "n", "Instances": {"KeepJobFlowAliveWhenNoSteps": True}, "Steps": [{"Name": "unzip"}]}
    run_job_flow = operation("emr", "RunJobFlow")
    assert to_boto(asked, run_job_flow.input_shape) == asked
    assert to_states({"JobFlowId": "j-1"}, run_job_flow.output_shape) == {"JobFlowId": "j-1"}


def test_times_are_text() -> None:
    time = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    assert plain({"a": [{"b": time}]}) == {"a": [{"b": "2026-11-20T09:30:00.000Z"}]}


@pytest.mark.parametrize(
    ("text", "settings", "options"),
    [
        ("", {}, []),
        ("--conf a=b=c --py-files s3://x/y.zip --conf d=", {"a": "b=c", "d": ""}, ["--py-files", "s3://x/y.zip"]),
        ("--conf spark.archives=s3://x/e.tar.gz#environment", {"spark.archives": "s3://x/e.tar.gz#environment"}, []),
    ],
)
def test_what_spark_is_told_is_taken_apart(text: str, settings: dict[str, str], options: list[str]) -> None:
    assert spark_parameters(text) == (settings, options)
