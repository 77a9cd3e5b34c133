"""Put what a bundle holds into the artefacts bucket, and take it all away again."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING

from orchard.errors import EnvironmentNotReadyError
from orchard.layout import ReleaseFiles, model_prefix
from orchard.release.bundle import Bundle, described
from orchard.release.wheelhouse import gather_wheels, requirements_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_s3 import S3Client


def publish(s3: S3Client, bucket: str, folder: Path, told: Callable[[str], None] = lambda _: None) -> Bundle:
    """Upload what is missing of a bundle; S3 compares each file with its SHA-256.

    Args:
        s3: The client.
        bucket: The artefacts bucket.
        folder: The bundle's folder.
        told: Is called with the key of each file that is uploaded.

    Returns:
        What is published now.

    Raises:
        EnvironmentNotReadyError: The bundle is not complete; nothing was uploaded.
    """
    bundle = Bundle.load(folder)
    there = sizes_below(s3, bucket, ReleaseFiles(bucket, bundle.release).key(""), model_prefix(bundle.model))
    for key in sorted(bundle.files, key=lambda key: key.endswith("/manifest.json")):  # says that a model is complete
        if there.get(key) != bundle.files[key].size:
            told(key)
            put_file(s3, bucket, key, folder / key)
    return bundle


def publish_wheels(
    s3: S3Client,
    bucket: str,
    folder: Path,
    engine: str,
    *,
    scratch: Path,
    told: Callable[[str], None] = lambda _: None,
) -> None:
    """Download the wheels of an engine that are too large for a bundle, and publish them with its release.

    Args:
        s3: The client.
        bucket: The artefacts bucket.
        folder: The bundle's folder: it has the pinned requirements of every engine, and pip.
        engine: The engine.
        scratch: A folder with room for the wheels.
        told: Is called with the key of each file that is uploaded.

    Raises:
        EnvironmentNotReadyError: They could not be downloaded, or are not the pinned ones.
    """
    bundle = Bundle.load(folder)
    names = ReleaseFiles(bucket, bundle.release)
    complete = names.key(f"wheelhouse/{engine}/requirements.txt")
    if complete in sizes_below(s3, bucket, complete):
        return
    requirements = requirements_file(folder / names.key(""), engine)
    # pip's wheel is a zip that Python runs as it is, and this Python need not have a pip
    [pip] = (folder / names.key(f"wheelhouse/{bundle.engines[0]}")).glob("pip-*.whl")
    house = gather_wheels(requirements, scratch, pip=(sys.executable, f"{pip}/pip"))
    for path in sorted(house.iterdir(), key=lambda path: path.name == "requirements.txt"):
        key = names.key(f"wheelhouse/{engine}/{path.name}")
        told(key)
        put_file(s3, bucket, key, path)


def remove_all(s3: S3Client, bucket: str) -> int:
    """Empty the artefacts bucket, all versions, so that it can be deleted.

    Args:
        s3: The client.
        bucket: The artefacts bucket.

    Returns:
        How many versions there were.

    Raises:
        EnvironmentNotReadyError: S3 would not delete some of them.
    """
    removed = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})  # type: ignore[typeddict-item]
            if kept := answer.get("Errors", []):
                cause = f"{kept[0].get('Key')}: {kept[0].get('Message')}"
                raise EnvironmentNotReadyError(f"s3://{bucket} could not be emptied", cause)
            removed += len(objects)
    return removed


def put_file(s3: S3Client, bucket: str, key: str, path: Path) -> None:
    """Upload a file; S3 compares it with its SHA-256."""
    checksum = base64.b64encode(bytes.fromhex(described(path).sha256)).decode()
    with path.open("rb") as content:
        s3.put_object(Bucket=bucket, Key=key, Body=content, ChecksumSHA256=checksum)


def sizes_below(s3: S3Client, bucket: str, *prefixes: str) -> dict[str, int]:
    """The objects under some prefixes: key → bytes."""
    listing = s3.get_paginator("list_objects_v2")
    pages = (page for prefix in prefixes for page in listing.paginate(Bucket=bucket, Prefix=prefix))
    return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}
