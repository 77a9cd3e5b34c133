"""Put what a bundle holds into the artefacts bucket, and take it all away again."""

from __future__ import annotations

import base64
import sys
from typing import TYPE_CHECKING

from orchard.errors import EnvironmentNotReadyError
from orchard.layout import ObjectAddress, ReleaseFiles, model_prefix
from orchard.release.bundle import Bundle, described
from orchard.release.environment import pack_environment
from orchard.release.wheelhouse import gather_wheels, requirements_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from orchard.release.bundle import BundledFile


def publish(
    s3: S3Client,
    bucket: str,
    folder: Path,
    engines: Iterable[str],
    *,
    archives: bool,
    scratch: Path,
    on_upload: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Upload what is missing of a bundle, and of what is made of it; S3 compares each file with its SHA-256.

    Args:
        engines: What runs may choose. Wheels that are too large for the bundle are downloaded: it has the pinned
            requirements of every engine, and pip.
        archives: Make an archive of each engine's wheels, too, for workers that no bootstrap script reaches.
        scratch: A folder with room for what is downloaded and made.
        on_upload: Called with the key of each file that is uploaded.

    Raises:
        EnvironmentNotReadyError: The bundle is not complete, and nothing was uploaded; or wheels could not be
            downloaded, or are not the pinned ones.
    """
    bundle = Bundle.load(folder)
    names = ReleaseFiles(bucket, bundle.release)
    there = sizes_below(s3, bucket, names.key(""), model_prefix(bundle.model))

    def put(key: str, path: Path) -> None:
        on_upload(key)
        put_file(s3, bucket, key, path, bundle.files.get(key))

    for key in sorted(bundle.files, key=lambda key: key.endswith("/manifest.json")):  # says that a model is complete
        if there.get(key) != bundle.files[key].size:
            put(key, folder / key)
    for engine in engines:
        house, archive = names.key(f"wheelhouse/{engine}"), ObjectAddress.parse(names.environment(engine)).key
        if engine not in bundle.engines and f"{house}/requirements.txt" not in there:
            wheels = _wheels(folder, bundle, engine, scratch)
            for path in sorted(wheels.iterdir(), key=lambda path: path.name == "requirements.txt"):  # says so of them
                put(f"{house}/{path.name}", path)
        if archives and archive not in there:
            packed = scratch / "environment.tar.gz"
            pack_environment(_wheels(folder, bundle, engine, scratch).glob("*.whl"), packed)
            put(archive, packed)
    return bundle


def _wheels(folder: Path, bundle: Bundle, engine: str, scratch: Path) -> Path:
    """The folder of an engine's wheels and requirements, downloaded if need be."""
    release = folder / ReleaseFiles("any-bucket", bundle.release).key("")
    if engine in bundle.engines:
        return release / "wheelhouse" / engine
    # pip's wheel is a zip that Python runs as it is, and this Python need not have a pip
    [pip] = (release / "wheelhouse" / bundle.engines[0]).glob("pip-*.whl")
    return gather_wheels(requirements_file(release, engine), scratch, pip=(sys.executable, f"{pip}/pip"))


def remove_all(s3: S3Client, bucket: str) -> int:
    """Empty the artefacts bucket, all versions, so that it can be deleted.

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


def put_file(s3: S3Client, bucket: str, key: str, path: Path, known: BundledFile | None = None) -> None:
    """Upload a file; S3 compares it with its SHA-256, which is computed unless it is known."""
    checksum = base64.b64encode(bytes.fromhex((known or described(path)).sha256)).decode()
    with path.open("rb") as content:
        s3.put_object(Bucket=bucket, Key=key, Body=content, ChecksumSHA256=checksum)


def sizes_below(s3: S3Client, bucket: str, *prefixes: str) -> dict[str, int]:
    """The objects under some prefixes: key → bytes."""
    listing = s3.get_paginator("list_objects_v2")
    pages = (page for prefix in prefixes for page in listing.paginate(Bucket=bucket, Prefix=prefix))
    return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}
