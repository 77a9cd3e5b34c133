"""Put an earlier run that lies in a folder of this machine into a results bucket, as far as another begins with it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from orchard.layout import STAGES, RunFiles, run_prefix
from orchard.runs.earlier import FolderFiles
from orchard.runs.folder import run_in

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from orchard.runs.earlier import EarlierRun

_PARALLEL = 8


def bring(s3: S3Client, bucket: str, earlier: EarlierRun) -> dict[str, str]:
    """Upload what the stages have left that another run needs, and what says that it is whole.

    Args:
        earlier: The run, with the records of these stages, read from a folder. Nothing in it is changed.

    Returns:
        Folder → the id of the run whose results are in it: its own, if they are needed, and those of its origins.
    """
    needed: dict[str, set[str]] = {}
    for stage, record in earlier.records.items():
        needed.setdefault(earlier.origin.files(stage, earlier.files).base, set()).update(record.files)
    runs: dict[str, str] = {}
    uploads: list[tuple[str, str]] = []
    for base, names in needed.items():
        files = RunFiles(base)
        runs[base] = run_in(Path(base))
        about = [files.manifest, files.summary, *map(files.stage, STAGES)]
        there = {file.path for file in FolderFiles().files_below(base)}
        names |= {files.relative(uri) for uri in about} & there
        uploads += [(files.absolute(name), f"{run_prefix(runs[base])}{name}") for name in sorted(names)]
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for _ in pool.map(lambda one: s3.upload_file(one[0], bucket, one[1]), uploads):
            pass
    return runs
