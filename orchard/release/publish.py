"""Put a release and a model into the artefacts bucket, and say that they are the current ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orchard.layout import CURRENT_RELEASE_KEY, ReleaseFiles, model_prefix

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from orchard.features.model import ModelFolder
    from orchard.release.build import Release


def publish(
    s3: S3Client,
    bucket: str,
    release: Release,
    model: ModelFolder,
    told: Callable[[str], None] = lambda _: None,
) -> str:
    """Upload what is missing of a release and a model; `current.json` comes last, so that a run never sees half.

    Args:
        s3: The client.
        bucket: The artefacts bucket.
        release: What to publish.
        model: The model that runs use unless they name another.
        told: Is called with the key of each file that is uploaded.

    Returns:
        The model's id.
    """
    names = ReleaseFiles(bucket, release.id)
    there = _keys_below(s3, bucket, names.key(""))
    for name, content in release.files.items():
        if names.key(name) not in there:
            told(names.key(name))
            s3.put_object(Bucket=bucket, Key=names.key(name), Body=content)
    for name, path in release.wheels.items():
        if names.key(name) not in there:
            told(names.key(name))
            s3.upload_file(str(path), bucket, names.key(name))
    model_id = publish_model(s3, bucket, model)
    current = json.dumps({"release": release.id, "model": model_id})
    s3.put_object(Bucket=bucket, Key=CURRENT_RELEASE_KEY, Body=current.encode())
    return model_id


def publish_model(s3: S3Client, bucket: str, model: ModelFolder) -> str:
    """Upload a model unless it is there; its manifest comes last. Returns its id."""
    prefix = model_prefix(model.manifest.id)
    if prefix + "manifest.json" not in _keys_below(s3, bucket, prefix):
        for name in (*model.manifest.files, "manifest.json"):
            s3.upload_file(str(model.path / name), bucket, prefix + name)
    return model.manifest.id


def _keys_below(s3: S3Client, bucket: str, prefix: str) -> set[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}
