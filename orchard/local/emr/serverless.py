"""Job runs of EMR Serverless that run.

Written for moto 5.2.5, where a job run has succeeded as soon as it is asked for, whenever it was asked for counts as
midnight, a ClientToken means nothing, and an application without job runs has no list of them. In
`moto.emrserverless.models`, replaced are `EMRServerlessBackend.start_job_run`, `cancel_job_run` and `list_job_runs`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orchard.local.emr.job_run import LiveJobRun, Words, all_end, image_of, made_between
from orchard.local.iam.roles import key_of
from orchard.local.moto.patching import replaced
from orchard.local.moto.resources import Resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchard.local.emr.nodes import Machine


WORDS = Words(
    waiting=("SUBMITTED", "SCHEDULED"),
    done="SUCCESS",
    cancelling="CANCELLING",
    ended_at="ended_at",
    driver="sparkSubmit",
    driver_env="spark.emr-serverless.driverEnv",
    folder=lambda job: f"applications/{job.application_id}/jobs/{job.id}/SPARK_DRIVER",
    failed=lambda code, message: f"Job failed. ExitCode: {code}. {message}",
)


@contextmanager
def living_job_runs(machine: Machine) -> Iterator[None]:
    """Have moto's job runs live on a machine; at the end, they end."""
    from moto.emrserverless.exceptions import ResourceNotFoundException
    from moto.emrserverless.models import EMRServerlessBackend

    start = EMRServerlessBackend.start_job_run
    living: dict[str, LiveJobRun] = {}

    def start_job_run(self: Any, **asked: Any) -> Any:
        known = self.job_runs.setdefault(asked["application_id"], [])
        same = next((job for job in known if job.client_token == asked["client_token"]), None)
        if same is not None:
            return same
        job = start(self, **asked)
        release = self.applications[job.application_id].release_label
        worker = machine.acting_as(key_of(job.execution_role_arn))
        living[job.id] = live = LiveJobRun(job, WORDS, image_of(release), worker)
        live.start()
        return job

    def cancel_job_run(self: Any, application_id: str, job_run_id: str) -> tuple[str, str]:
        living[self.get_job_run(application_id, job_run_id).id].cancel()
        return application_id, job_run_id

    def list_job_runs(
        self: Any, application_id: str, created_at_after: Any, created_at_before: Any, states: Any
    ) -> list[Any]:
        if application_id not in self.applications:
            raise ResourceNotFoundException(application_id, "Application")
        wanted = [states] if isinstance(states, str) else states or []
        return made_between(self.job_runs.get(application_id, []), created_at_after, created_at_before, wanted)

    with (
        replaced(
            EMRServerlessBackend,
            start_job_run=start_job_run,
            cancel_job_run=cancel_job_run,
            list_job_runs=list_job_runs,
        ),
        all_end(living),
    ):
        yield


class JobApplication(Resource):
    """An application that a stack has."""

    type_name = "AWS::EMRServerless::Application"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> JobApplication:
        """Create it."""
        from moto.emrserverless.models import emrserverless_backends

        properties = cloudformation_json["Properties"]
        application = emrserverless_backends[account_id][region_name].create_application(
            name=properties.get("Name", resource_name),
            release_label=properties["ReleaseLabel"],
            application_type=properties["Type"],
            client_token=resource_name,
            initial_capacity="",
            maximum_capacity=properties.get("MaximumCapacity"),
            tags={},
            auto_start_configuration=properties.get("AutoStartConfiguration"),
            auto_stop_configuration=properties.get("AutoStopConfiguration"),
            network_configuration=None,
        )
        return cls(application.id, {"Arn": application.arn, "ApplicationId": application.id})
