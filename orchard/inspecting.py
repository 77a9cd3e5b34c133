"""From one uploaded object version to the decision about it: refused, with the reason, or planned."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from orchard.archive.checks import inspect
from orchard.archive.errors import ArchiveRefusedError, SourceChangedError, SourceMissingError
from orchard.archive.source import open_source
from orchard.diagnose.notice import REFUSED
from orchard.errors import EnvironmentNotReadyError, OptionsError, OrchardError, TooManyRejectedError
from orchard.layout import (
    CURRENT_RELEASE_KEY,
    OPTIONS_METADATA_KEY,
    ObjectAddress,
    ReleaseFiles,
    RunFiles,
    model_prefix,
)
from orchard.options import RunOptions
from orchard.planning import plan_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from orchard.cluster.request import StackParts
    from orchard.events import ArchiveVersion
    from orchard.planning import RunPlan

_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})


def inspect_upload(
    run_id: str,
    archive: ArchiveVersion,
    *,
    results_bucket: str,
    artefacts_bucket: str,
    node_root: str,
    stack: StackParts,
    s3: S3Client,
) -> dict[str, Any]:
    """Inspect an uploaded archive, plan its run, and write the plan into the run's folder.

    Args:
        run_id: The run.
        archive: The object version.
        results_bucket: Where the run's files and logs go.
        artefacts_bucket: Where releases and models are.
        node_root: The folder of the nodes in which the Python environment is made.
        stack: What the stack gives every cluster.
        s3: The S3 client.

    Returns:
        What the state machine goes on with: see `RunPlan.to_execution`, or for a refusal `accepted` false, `error` as
        Step Functions writes errors, and `next`, what the user can do.

    Raises:
        EnvironmentNotReadyError: The artefacts are not published.
        SourceDeniedError: The role may not read the archive.
        SourceUnreachableError: S3 cannot be reached.
    """
    release, own_model = _current_release(artefacts_bucket, s3)
    try:
        options = _options(archive, s3)
        model = _published_model(artefacts_bucket, options.model, own_model, s3)
        plan = plan_run(
            run_id=run_id,
            archive=archive,
            options=options,
            inventory=inspect(open_source(archive.uri, version_id=archive.version_id, etag=archive.etag, s3_client=s3)),
            release=release,
            model=model,
            results_bucket=results_bucket,
            node_root=node_root,
            stack=stack,
        )
    except (ArchiveRefusedError, SourceMissingError, SourceChangedError, OptionsError, TooManyRejectedError) as error:
        return _refusal(error)
    _write(plan, s3)
    return plan.to_execution()


def _refusal(error: OrchardError) -> dict[str, Any]:
    return {"accepted": False, "error": {"Error": REFUSED, "Cause": str(error)}, "next": error.next_command}


def _current_release(bucket: str, s3: S3Client) -> tuple[ReleaseFiles, str]:
    try:
        current = json.loads(s3.get_object(Bucket=bucket, Key=CURRENT_RELEASE_KEY)["Body"].read())
        return ReleaseFiles(bucket, current["release"]), current["model"]
    except ClientError as error:
        if _code(error) not in _ABSENT:
            raise
        cause = f"s3://{bucket}/{CURRENT_RELEASE_KEY} does not exist"
        raise EnvironmentNotReadyError("The artefacts are not published", cause, "make publish") from error
    except (ValueError, KeyError, TypeError) as error:
        cause = f"s3://{bucket}/{CURRENT_RELEASE_KEY} names no release and model"
        raise EnvironmentNotReadyError("The artefacts are not published", cause, "make publish") from error


def _options(archive: ArchiveVersion, s3: S3Client) -> RunOptions:
    pin: dict[str, Any] = {"VersionId": archive.version_id} if archive.version_id else {"IfMatch": archive.etag}
    try:
        head = s3.head_object(Bucket=archive.bucket, Key=archive.key, **pin)
    except ClientError as error:
        if _code(error) in (*_ABSENT, "NoSuchVersion"):
            raise SourceMissingError.at(archive.uri, "it was deleted after it had been uploaded") from error
        if _code(error) in ("412", "PreconditionFailed"):
            raise SourceChangedError.at(archive.uri, "it was replaced after it had been uploaded") from error
        raise
    return RunOptions.from_metadata(head["Metadata"].get(OPTIONS_METADATA_KEY))


def _published_model(bucket: str, wanted: str | None, own: str, s3: S3Client) -> str:
    model = wanted or own
    try:
        s3.head_object(Bucket=bucket, Key=f"{model_prefix(model)}manifest.json")
    except ClientError as error:
        if _code(error) not in _ABSENT:
            raise
        cause = f"s3://{bucket}/{model_prefix(model)} has no manifest"
        if wanted:
            raise OptionsError(f"The model {wanted} is not published", cause) from error
        raise EnvironmentNotReadyError("The artefacts are not published", cause, "make publish") from error
    return model


def _write(plan: RunPlan, s3: S3Client) -> None:
    address = ObjectAddress.parse(RunFiles(plan.run_uri).plan)
    body = json.dumps(plan.to_json(), indent=2).encode()
    s3.put_object(Bucket=address.bucket, Key=address.key, Body=body, ContentType="application/json")


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
