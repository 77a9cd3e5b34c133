"""The model of a run, by its id: kept in the cache, or brought from the artefacts bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchard import cache
from orchard.cache.held import held_folder, put
from orchard.errors import EnvironmentNotReadyError, command_line
from orchard.features.errors import ModelDamagedError
from orchard.features.model import ENGINE_FILES, MANIFEST, ModelFolder
from orchard.layout import model_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_s3 import S3Client

ENGINE = "onnxruntime"
"""What computes a picture's features here, whichever engine computed the run's: they differ by less than 1e-4."""


def find_model(model: Mapping[str, Any]) -> ModelFolder | None:
    """A model in the cache: one that a run in a local cloud was made with, or that `bring_model` brought.

    Args:
        model: What the run's summary says of its model.

    Returns:
        The model, its file for `ENGINE` verified by its SHA-256; None if it is not there, or damaged.
    """
    for folder in sorted(cache.models_dir().glob("*")):
        found = ModelFolder(folder)
        try:
            if found.manifest.id == model["id"]:
                found.check(ENGINE)
                return found
        except ModelDamagedError:
            continue
    return None


def bring_model(s3: S3Client, bucket: str, model: Mapping[str, Any]) -> ModelFolder:
    """Copy a model's file for `ENGINE` from the artefacts bucket to the cache.

    Args:
        model: As for `find_model`.

    Returns:
        The model, verified.

    Raises:
        EnvironmentNotReadyError: It is not in the bucket, or not as its manifest says.
    """
    from botocore.exceptions import ClientError

    from orchard.aws.errors import is_absent

    cache.check_cache()
    folder, prefix = cache.models_dir() / model["id"], model_prefix(model["id"])
    with held_folder(folder.parent) as scratch:
        new = scratch / "new"
        new.mkdir()
        try:
            for name in (MANIFEST, ENGINE_FILES[ENGINE]):
                s3.download_file(bucket, prefix + name, str(new / name))
        except ClientError as error:
            if not is_absent(error):
                raise
            raise _gone(model, f"s3://{bucket}/{prefix} does not hold it any more") from None
        found = ModelFolder(new)
        try:
            found.check(ENGINE)
        except ModelDamagedError as error:
            raise _gone(model, f"what s3://{bucket}/{prefix} holds is not the model: {error.cause}") from None
        if found.manifest.id != model["id"]:
            raise _gone(model, f"s3://{bucket}/{prefix} holds the model {found.manifest.id}")
        put(new, folder)
    return ModelFolder(folder)


def model_missing(run: str, model: Mapping[str, Any]) -> EnvironmentNotReadyError:
    """What to tell where a run's folder is here, and its model is not."""
    cause = (
        f"it was made with {model['name']} and {model['weights']} weights, model {model['id']}, which is not in "
        f"{cache.models_dir()}; of a run in AWS, orchard similar {run} brings it"
    )
    return EnvironmentNotReadyError(f"The model of the run {run} is not on this machine", cause, _export(model))


def _gone(model: Mapping[str, Any], cause: str) -> EnvironmentNotReadyError:
    return EnvironmentNotReadyError(f"The run's model {model['id']} is not there", cause, _export(model))


def _export(model: Mapping[str, Any]) -> str:
    out = str(cache.models_dir() / model["id"])
    return command_line(["python", "-m", "orchard.features.export", "--weights", model["weights"], "--out", out])
