"""Copy a run's files to a folder of this machine (`orchard.runs.folder`)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchard import layout
from orchard.errors import RunFailedError, UsageError
from orchard.runs.folder import (
    ARRIVING,
    LOGS,
    MARKER,
    NOTICE,
    Marker,
    check_folder,
    check_writable,
    mark,
    names_in,
    read_marker,
    remove,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

REJECTED = "rejected"
_HEADER = "path,stage,reason\r\n"  # alone in a file where nothing was rejected
_PARALLEL = 8


@dataclass(frozen=True)
class RemoteFile:
    """One object below a prefix.

    Attributes:
        name: Its path below the prefix.
        size: Bytes.
    """

    key: str
    name: str
    size: int


def result_names(wanted: Iterable[str]) -> tuple[str, ...]:
    """The results that somebody asks for.

    Args:
        wanted: Names of `orchard.layout.RESULTS`, with or without their endings.

    Returns:
        The names as they are in the run's folder, each once.

    Raises:
        UsageError: There is no such result.
    """
    known = {name.partition(".")[0]: name for name in layout.RESULTS} | {name: name for name in layout.RESULTS}
    strangers = [name for name in wanted if name not in known]
    if strangers:
        there = ", ".join(name.partition(".")[0] for name in layout.RESULTS)
        raise UsageError(f"{strangers[0]!r} is not a part of a run", f"choose {there}")
    return tuple(dict.fromkeys(known[name] for name in wanted))


def copy_results(
    s3: S3Client,
    bucket: str,
    run: str,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    *,
    only: Collection[str] = (),
    partial: bool = False,
) -> list[RemoteFile]:
    """Copy the files of a run to a folder, in place of an earlier run's.

    Whatever was there stays until everything has arrived.

    Args:
        folder: Where to. If it holds files of the same run, those that are not asked for stay.
        progress: Called with bytes copied so far and bytes in all.
        only: Names of `orchard.layout.RESULTS`; all that there is when empty.
        partial: Copy what there is, also of a run that is not complete.

    Raises:
        UsageError: The folder holds something else, cannot be written, or its disk has no room.
        RunFailedError: There is nothing to copy, the run is not complete, or a file is not as its manifest says.
    """
    check_folder(folder)
    prefix = layout.run_prefix(run)
    files = [file for file in list_files(s3, bucket, prefix) if not only or _top(file.name) in only]
    if not partial:
        _check_manifest(json.loads(read_manifest(s3, bucket, run)), files, only, run)
    if not files:
        raise RunFailedError(f"The run {run} left no results", f"nothing is in s3://{bucket}/{prefix}")
    check_writable(folder, sum(file.size for file in files))
    old = read_marker(folder)
    stays = old.files if only and old.run == run else frozenset[str]()
    new = {_top(file.name) for file in files}
    mark(folder, Marker(old.files | new, run if stays else ""))  # an interrupted copy, too, is ours to replace
    arriving = folder / ARRIVING
    remove(arriving)
    _download(s3, bucket, files, arriving, progress)
    for name in names_in(folder) & (new if stays else old.files | new | {LOGS, NOTICE}):
        if name != MARKER:
            remove(folder / name)
    for path in arriving.iterdir():
        path.rename(folder / path.name)
    arriving.rmdir()
    mark(folder, Marker(stays | new, run, old.origins if old.run == run else {}))
    return files


def read_manifest(s3: S3Client, bucket: str, run: str) -> bytes:
    """What the manifest of a complete run holds.

    Raises:
        RunFailedError: There is none.
    """
    address = layout.ObjectAddress.parse(layout.run_files(bucket, run).manifest)
    try:
        return s3.get_object(Bucket=address.bucket, Key=address.key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        partial = f"orchard results {run} --partial copies what there is"
        cause = f"{address.uri} does not exist: the run goes on, failed or was stopped ({partial})"
        raise RunFailedError(f"The run {run} is not complete", cause, f"orchard status {run}") from None


def _check_manifest(manifest: dict[str, Any], files: list[RemoteFile], only: Collection[str], run: str) -> None:
    found = {file.name: file.size for file in files}
    for name, size in ((file["path"], file["size"]) for file in manifest["files"]):
        if (not only or _top(name) in only) and found.get(name) != size:
            there = f"has {found[name]:,} bytes" if name in found else "is not there"
            cause = f"{name} {there}, and had {size:,} bytes when the run was complete (--partial copies what there is)"
            raise RunFailedError(f"The results of the run {run} were changed", cause)


def copy_logs(s3: S3Client, bucket: str, run: str, folder: Path) -> list[Path]:
    """Copy what a run's steps and bootstrap actions wrote to `logs/` in a folder; results that are there stay.

    Returns:
        The copied files, sorted; none when no cluster came so far.

    Raises:
        UsageError: The folder holds something else than runs' files.
    """
    check_folder(folder)
    files = [
        file
        for file in list_files(s3, bucket, layout.log_prefix(run))
        if "/steps/" in file.name or "/bootstrap-actions/" in file.name
    ]
    if not files:
        return []
    mark(folder, read_marker(folder))
    remove(folder / LOGS)
    return sorted(_download(s3, bucket, files, folder / LOGS))


def copy_rejections(s3: S3Client, bucket: str, run: str, folder: Path) -> Path | None:
    """Copy the list of what a failed run has rejected.

    Returns:
        Where it is: `rejected/` in the folder, or in its `logs/` if the folder holds an earlier run's results. None if
        nothing was rejected.

    Raises:
        UsageError: The folder holds something else than runs' files.
    """
    check_folder(folder)
    files = list_files(s3, bucket, f"{layout.run_prefix(run)}{REJECTED}/")
    if all(file.size <= len(_HEADER) for file in files):
        return None
    old = read_marker(folder)
    inside = folder if old.run in ("", run) else folder / LOGS
    mark(folder, Marker(old.files | {REJECTED}, old.run))
    remove(inside / REJECTED)
    _download(s3, bucket, files, inside / REJECTED)
    return inside / REJECTED


def list_files(s3: S3Client, bucket: str, prefix: str) -> list[RemoteFile]:
    """The objects below a prefix, without the empty ones that stand for folders.

    Args:
        prefix: The prefix, with its final slash.

    Returns:
        The objects, in the order of their keys.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [
        RemoteFile(item["Key"], item["Key"].removeprefix(prefix), item["Size"])
        for page in pages
        for item in page.get("Contents", [])
        if not item["Key"].endswith("/")
    ]


def _download(
    s3: S3Client,
    bucket: str,
    files: list[RemoteFile],
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    total = sum(file.size for file in files)

    def fetch(file: RemoteFile) -> tuple[Path, int]:
        target = folder / file.name
        if not target.resolve().is_relative_to(folder.resolve()):
            raise RunFailedError("The results cannot be copied", f"the key {file.key!r} leads out of the folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, file.key, str(target))
        if target.stat().st_size != file.size:
            raise RunFailedError("The results changed while they were copied", f"{file.key!r} has a different size now")
        return target, file.size

    done, paths = 0, []
    with ThreadPoolExecutor(_PARALLEL) as pool:
        try:
            for path, size in pool.map(fetch, files):
                done += size
                paths.append(path)
                if progress is not None:
                    progress(done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return paths


def _top(name: str) -> str:
    return name.split("/", 1)[0]
