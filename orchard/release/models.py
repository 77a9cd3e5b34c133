"""Publish a model of a user's own, beside the one that was deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchard.features.model import MANIFEST
from orchard.layout import model_prefix
from orchard.release.publish import put_file, sizes_below

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from orchard.features.model import ModelFolder


def publish_model(s3: S3Client, bucket: str, model: ModelFolder) -> str:
    """Upload a model unless it is there; its manifest comes last. Returns its id."""
    prefix = model_prefix(model.manifest.id)
    if prefix + MANIFEST not in sizes_below(s3, bucket, prefix):
        for name in (*model.manifest.files, MANIFEST):
            put_file(s3, bucket, prefix + name, model.path / name)
    return model.manifest.id
