"""From one uploaded object version to the decision about it: refused, with the reason, or planned."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from orchard.archive.by_name import check_name
from orchard.archive.checks import DEFAULT_LIMITS
from orchard.archive.collection import collect, pins
from orchard.archive.errors import SourceUnreachableError
from orchard.archive.request import MOST_BYTES, Request, read_request
from orchard.archive.sources.listing import Listing
from orchard.archive.sources.s3 import S3Source
from orchard.aws.errors import has_object
from orchard.errors import ArchiveError, OptionsError, OrchardError, UsageError
from orchard.features.model import MANIFEST, ModelManifest, called, is_same
from orchard.layout import OPTIONS_METADATA_KEY, ObjectAddress, RunFiles, is_run_name, model_prefix
from orchard.options import ENGINES, RunOptions
from orchard.pipeline.input import GivenArchive
from orchard.pipeline.kinds import Kind, kind_of
from orchard.pipeline.state import REFUSED
from orchard.runs.earlier import EarlierRun, read_earlier, read_fitted
from orchard.runs.found import Found
from orchard.runs.plan import plan_run
from orchard.runs.reuse import EarlierRuns, index_entries, made_by
from orchard.runs.sources import Readable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

    from orchard.pipeline.input import ArchiveVersion
    from orchard.runs.plan import Deployed, RunPlan


def inspect_upload(run_id: str, given: object, deployed: Deployed, s3: S3Client) -> dict[str, Any]:
    """Inspect an uploaded archive, plan its run, and write the plan into the run's folder.

    Args:
        run_id: The run, which is the execution's name.
        given: The execution's input, whatever it looks like.

    Returns:
        What the state machine goes on with: see `RunPlan.to_execution`, or for a refusal `accepted` false, `error` as
        Step Functions writes errors, and `next`, what the user can do.

    Raises:
        SourceUnreachableError: S3 cannot be reached.
    """
    try:
        _check_run_name(run_id)
        archive = GivenArchive.from_data(given).version()
        check_name(archive.uri)
        source = S3Source.find(archive.uri, version_id=archive.version_id, etag=archive.etag, client=s3)
        request = _requested(source) if kind_of(archive.key) is Kind.REQUEST else None
        options = request.options if request else RunOptions.from_metadata(source.metadata.get(OPTIONS_METADATA_KEY))
        if request and request.features_of:
            found, options = _earlier(run_id, request, deployed, s3)
        else:
            known = _known(run_id, request.components_of, deployed, s3) if request and request.components_of else None
            options = replace(options, model=_model_of(known, options, deployed, s3)) if known else options
            _check_engine(options.engine, deployed.engines)
            if options.model:
                _check_model(deployed.release.bucket, options.model, s3)
            found = _look_into(source, archive, request, options, deployed, s3)
            found = replace(found, origin=replace(found.origin, components=known.files.base)) if known else found
            earlier = EarlierRuns(s3, deployed.results_bucket, run_id)
            found = earlier.reuse(found, options, options.model or deployed.model)
        plan = plan_run(run_id, archive, options, found, deployed)
    except SourceUnreachableError:
        raise  # nobody's fault, and it may pass
    except (ArchiveError, UsageError) as error:
        return _refusal(error)
    _write(plan, s3)
    return plan.to_execution()


def _look_into(
    source: S3Source,
    archive: ArchiveVersion,
    request: Request | None,
    options: RunOptions,
    deployed: Deployed,
    s3: S3Client,
) -> Found:
    """What is in the zip, or in the sources of the request."""
    limits = DEFAULT_LIMITS.within(deployed.memory_bytes)
    if request:
        others = tuple(filter(None, deployed.given["SOURCE_BUCKETS"].split(",")))
        readable = Readable(archive.bucket, others, deployed.given["REGION"], s3)
        found = collect(request.sources, readable.find, limits, options.encoding, request.at)
    else:
        found = collect([source.uri], lambda *_: source, limits, options.encoding)
    return Found.of(found.select(options.limit, options.only_label, limits))


def _earlier(run_id: str, request: Request, deployed: Deployed, s3: S3Client) -> tuple[Found, RunOptions]:
    """What an earlier run has left, and the options with what it decides."""
    if request.features_of == run_id:
        raise UsageError("A run cannot begin with its own results", f"{run_id} names itself", "orchard runs")
    earlier = read_earlier(s3, deployed.results_bucket, request.features_of)
    # what has computed the features need not be there any more: it is the environment of the jobs alone
    engine = earlier.engine if earlier.engine in deployed.engines else deployed.engines[0]
    return earlier.for_refit(), replace(request.options, engine=engine)


def _known(run_id: str, named: str, deployed: Deployed, s3: S3Client) -> EarlierRun:
    """The earlier run onto whose components this one is projected."""
    if named == run_id:
        raise UsageError("A run cannot be projected onto its own components", f"{run_id} names itself", "orchard runs")
    return read_fitted(s3, deployed.results_bucket, named)


def _model_of(known: EarlierRun, options: RunOptions, deployed: Deployed, s3: S3Client) -> str:
    """The model of an earlier run, of which others have other features; or the same, exported once more."""
    theirs = known.model
    asked = options.model or theirs["id"]
    if asked == theirs["id"]:
        return asked
    _check_model(deployed.release.bucket, asked, s3)
    read = s3.get_object(Bucket=deployed.release.bucket, Key=f"{model_prefix(asked)}{MANIFEST}")["Body"].read()
    ours = vars(ModelManifest.from_json(read.decode()))
    if is_same(ours, theirs):
        return asked
    raise OptionsError(
        f"The components of {known.files.name} are of another model than {asked}",
        f"they were fitted on features of {called(theirs)}, and {asked} is {called(ours)}",
        f"orchard run ZIP --components-of {known.files.name}",
    )


def _requested(source: S3Source) -> Request:
    return read_request(source.uri, source.read(0, min(source.size, MOST_BYTES + 1)))


def _refusal(error: OrchardError) -> dict[str, Any]:
    return {"accepted": False, "error": {"Error": REFUSED, "Cause": str(error)}, "next": error.next_command}


def _check_run_name(run_id: str) -> None:
    if not is_run_name(run_id):
        cause = "a run's name begins with a letter or a digit and has only letters from a to z, digits, - and _"
        raise UsageError(f"An execution named {run_id!r} cannot be a run", cause, "orchard run ZIP")


def _check_engine(engine: str, deployed: tuple[str, ...]) -> None:
    if engine not in deployed:
        cause = f"only the wheels of {', '.join(deployed)} are deployed"
        fix = f"sam deploy --parameter-overrides Engines={','.join(ENGINES)}"
        raise OptionsError(f"The engine {engine} is not deployed", cause, fix)


def _check_model(bucket: str, model: str, s3: S3Client) -> None:
    if not has_object(s3, bucket, f"{model_prefix(model)}{MANIFEST}"):
        cause = f"s3://{bucket}/{model_prefix(model)} has no manifest"
        raise OptionsError(f"The model {model} is not published", cause)


def _write(plan: RunPlan, s3: S3Client) -> None:
    """The plan, and before it what the unzip job reads of a request."""
    run = RunFiles(plan.jobs.run_uri)
    files: dict[str, bytes] = {}
    if plan.jobs.sources and (inventory := plan.found.inventory):
        for number, source in enumerate(inventory.sources):
            if isinstance(source, Listing):
                files[run.listing(number)] = source.text
        files[plan.jobs.sources] = pins(inventory).encode()
    bucket = ObjectAddress.parse(run.base).bucket
    for key, body in _entries(plan).items():
        files[ObjectAddress(bucket, key).uri] = body
    files[run.plan] = json.dumps(plan.for_file(), indent=2).encode()
    kinds = {".json": "application/json", ".gz": "application/gzip"}
    for uri, body in files.items():
        address = ObjectAddress.parse(uri)
        kind = kinds.get(PurePosixPath(uri).suffix, "application/octet-stream")
        s3.put_object(Bucket=address.bucket, Key=address.key, Body=body, ContentType=kind)


def _entries(plan: RunPlan) -> Mapping[str, bytes]:
    """By what later runs find the features that the run will compute."""
    inventory, options = plan.found.inventory, plan.options
    if inventory is None or "featurize" not in plan.jobs.origin.stages:
        return {}
    maker = made_by(plan.model, options.engine, options.truncated)
    return index_entries(plan.jobs.run_id, inventory, maker, time.time())
