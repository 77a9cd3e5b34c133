"""Copy a run's files to a folder of this machine.

A folder holds one run. It is replaced only if it holds an earlier run's files and nothing else, which is known by a
marker that names them: a folder that merely has an `images/` in it is somebody's own.
"""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard import layout
from orchard.errors import RunFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

MARKER = ".orchard-results.json"
LOGS = "logs"
NOTICE = "notice.txt"
_ARRIVING = ".orchard-arriving"
_ALWAYS_OURS = frozenset({MARKER, LOGS, NOTICE, _ARRIVING})
_PARALLEL = 8


@dataclass(frozen=True)
class RemoteFile:
    """One object below a prefix.

    Attributes:
        key: Its key.
        name: Its path below the prefix.
        size: Bytes.
    """

    key: str
    name: str
    size: int


def check_folder(folder: Path) -> None:
    """Make sure that a folder may receive a run's files.

    Args:
        folder: It may be absent, empty, or hold an earlier run's files.

    Raises:
        UsageError: It holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "results are a folder of files", "choose another --out")
    ours = _marked(folder)
    strangers = sorted(_names_in(folder) - ours - (_ALWAYS_OURS if ours else set()))
    if strangers:
        raise UsageError(
            f"{folder} holds other things than an earlier run's results",
            f"it would be replaced, and there is {strangers[0]} in it",
            "choose another --out",
        )


def copy_results(
    s3: S3Client, bucket: str, run: str, folder: Path, progress: Callable[[int, int], None] | None = None
) -> None:
    """Copy all the files of a complete run to a folder, in place of an earlier run's.

    Whatever was there stays until everything has arrived.

    Args:
        s3: The client.
        bucket: The results bucket.
        run: The run's id.
        folder: Where to.
        progress: Called with bytes copied so far and bytes in all.

    Raises:
        UsageError: The folder holds something else.
        RunFailedError: The run left no files.
    """
    check_folder(folder)
    files = list_files(s3, bucket, layout.run_prefix(run))
    if not files:
        raise RunFailedError(f"The run {run} left no results", f"nothing is in s3://{bucket}/{layout.run_prefix(run)}")
    new, old = {file.name.split("/", 1)[0] for file in files}, _marked(folder)
    _mark(folder, old | new)  # an interrupted copy, too, is ours to replace
    arriving = folder / _ARRIVING
    _remove(arriving)
    _download(s3, bucket, files, arriving, progress)
    for name in _names_in(folder) & (old | new | {LOGS, NOTICE}):
        _remove(folder / name)
    for path in arriving.iterdir():
        path.rename(folder / path.name)
    arriving.rmdir()
    _mark(folder, new)


def copy_logs(s3: S3Client, bucket: str, run: str, folder: Path) -> list[Path]:
    """Copy what a run's steps and bootstrap actions wrote to `logs/` in a folder; results that are there stay.

    Args:
        s3: The client.
        bucket: The results bucket.
        run: The run's id.
        folder: The folder.

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
    _mark(folder, _marked(folder))
    _remove(folder / LOGS)
    return sorted(_download(s3, bucket, files, folder / LOGS))


def write_notice(folder: Path, text: str) -> Path:
    """Write what people were told about a run to `notice.txt` in its folder.

    Args:
        folder: The folder; it need not exist yet.
        text: The notice.

    Returns:
        The file.

    Raises:
        UsageError: The folder holds something else than runs' files.
    """
    check_folder(folder)
    _mark(folder, _marked(folder))
    path = folder / NOTICE
    path.write_text(text, encoding="utf-8")
    return path


def list_files(s3: S3Client, bucket: str, prefix: str) -> list[RemoteFile]:
    """The objects below a prefix, without the empty ones that stand for folders.

    Args:
        s3: The client.
        bucket: The bucket.
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


def _names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def _marked(folder: Path) -> set[str]:
    """The names in a folder that are an earlier run's, by its marker; none without one."""
    marker = folder / MARKER
    return {MARKER, *json.loads(marker.read_text())["files"]} if marker.exists() else set()


def _mark(folder: Path, names: set[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(json.dumps({"files": sorted(names - {MARKER})}) + "\n")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
