"""Runs as their stages leave them, in a store that is a dictionary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchard.jobs.stages import Stage, StageRecord, publish, require_records
from orchard.jobs.tables import Part
from orchard.layout import STAGES, ObjectAddress, RunFiles, StoredFile
from orchard.pipeline.origin import NO_ORIGIN, Origin
from orchard.runs.reuse import index_entries, made_by

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from orchard.archive.collection import Collection

RUN = RunFiles("s3://out/runs/r")
ARCHIVE = {"archive": "s3://in/fruits.zip", "version_id": "v1"}


class Files:
    """Stands for Hadoop's file systems: URI → text."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def read_text(self, uri: str) -> str | None:
        return self.texts.get(uri)

    def write_text(self, uri: str, chunks: Iterable[str]) -> None:
        self.texts[uri] = "".join(chunks)

    def delete(self, uri: str) -> None:
        self.texts = {name: text for name, text in self.texts.items() if name != uri and not name.startswith(f"{uri}/")}

    def files_below(self, uri: str) -> list[StoredFile]:
        root = f"{uri}/"
        return sorted(
            (
                StoredFile(name.removeprefix(root), len(text))
                for name, text in self.texts.items()
                if name.startswith(root)
            ),
            key=lambda file: file.path,
        )


def stage(files: Files, name: str = "unzip", **inputs: str | None) -> Stage:
    return Stage(files, RUN, name, inputs or ARCHIVE)  # type: ignore[arg-type]


def write(files: Files, name: str, part: str = "part-0.parquet") -> None:
    """What a stage leaves: something in each folder, and each file."""
    for output in RUN.outputs(name):
        single = output.endswith(".csv")
        files.write_text(output if single else f"{output}/{part}", [f"{name}'s"])
        if not single:
            files.write_text(f"{output}/_SUCCESS", [""])


TABLES = {"unzip": RUN.images, "featurize": RUN.features, "pca": RUN.components}


def reported(files: Files, name: str) -> list[Part]:
    """What the tasks say of the file that `write` leaves of a stage's table."""
    uri = f"{TABLES[name]}/part-0.parquet"
    return [Part(uri, len(files.texts[uri]), 1)]


def end(files: Files, working: Stage, name: str = "unzip") -> StageRecord:
    return working.complete(working.written({TABLES[name]: reported(files, name)}), {"images": 1})


def do(files: Files, name: str = "unzip", **inputs: str | None) -> StageRecord:
    working = stage(files, name, **inputs)
    working.start()
    write(files, name)
    return end(files, working, name)


def do_all(files: Files) -> None:
    unzipped = do(files)
    featurized = do(files, "featurize", unzip=unzipped.completed)
    do(files, "pca", featurize=featurized.completed)
    files.write_text(RUN.report, ["<html>"])
    files.write_text(RUN.summary, ["{}"])
    publish(files, RUN, "r")  # type: ignore[arg-type]


def required(files: Files, *names: str) -> list[StageRecord]:
    return require_records(files, RUN, names or STAGES)  # type: ignore[arg-type]


UNZIPPED = {"entries": 9, "directories": 1, "ignored": 1, "skipped": 0, "rejected_in_unzip": 1, "images": 6}
FEATURIZED = {"rejected_in_featurize": 1, "features": 5}
STATS = "split,label,count\nTest,Fig,2\nTraining,Fig,4\n"
MODEL = {"id": "feed00000000", "name": "MobileNetV2", "weights": "imagenet", "weights_sha256": "ab" * 32}
FACTS: dict[str, dict[str, Any]] = {
    "unzip": {"archive": {"uri": "s3://in/fruits.zip", "size": 900}, "classes": 1, "ignored": {}, "unread": 0},
    "featurize": {"engine": "onnxruntime", "model": MODEL},
    "pca": {"parameters": {"kept": 3}},
}


def leave_run(
    files: Files,
    run: RunFiles = RUN,
    origin: Origin = NO_ORIGIN,
    *,
    content: str = "",
    made_by: Mapping[str, str] = MappingProxyType({}),
    lost: int = 0,
) -> RunFiles:
    """Write what a complete run leaves: of the stages that it has done itself, with books that balance.

    Args:
        content: The id of what it read.
        made_by: What made its features, as the inputs of the stage have it.
        lost: How many images were rejected beside the one that the directory rejects.
    """
    before = ""
    unzipped = {**UNZIPPED, "entries": 9 + lost, "rejected_in_unzip": 1 + lost}
    counts = {"unzip": unzipped, "featurize": FEATURIZED, "pca": {"projected": 5}}
    facts = {**FACTS, "unzip": {**FACTS["unzip"], "archive": {**FACTS["unzip"]["archive"], "content": content}}}
    facts = facts if content else FACTS
    for number, name in enumerate(STAGES):
        if name not in origin.stages:
            before = json.loads(files.texts[origin.files(name, run).stage(name)])["completed"]
            continue
        inputs = {STAGES[number - 1]: before, **origin.as_input} if number else {}
        inputs |= made_by if name == "featurize" else {}
        working = Stage(files, run, name, inputs)  # type: ignore[arg-type]
        working.start()
        for output in run.outputs(name):
            text = STATS if output == run.stats else f"{name}'s"
            files.write_text(output if output.endswith(".csv") else f"{output}/part-00000.csv", [text])
        before = working.complete(working.written({}), counts[name], **facts[name]).completed
    files.write_text(run.report, ["<html>"])
    files.write_text(run.summary, [json.dumps({"run_id": run.name})])
    publish(files, run, run.name, origin)  # type: ignore[arg-type]
    return run


def put_all(files: Files, s3: S3Client) -> None:
    """Put all of it into S3."""
    for uri, text in files.texts.items():
        address = ObjectAddress.parse(uri)
        s3.put_object(Bucket=address.bucket, Key=address.key, Body=text.encode())


MADE_BY = {"model": MODEL["id"], "engine": "onnxruntime", "truncated": "reject"}


def leave_indexed(
    s3: S3Client,
    run: RunFiles,
    read: Collection,
    files: Files,
    origin: Origin = NO_ORIGIN,
    *,
    at: float = 0,
    lost: int = 0,
    **made: str,
) -> RunFiles:
    """Put into S3 what a run leaves by its inspection and its jobs, `MADE_BY` but for what is said."""
    by = {**MADE_BY, **made}
    left = leave_run(files, run, origin, content=read.content_id, made_by=by, lost=lost)
    put_all(files, s3)
    for key, body in index_entries(run.name, read, made_by(**by), at).items():
        s3.put_object(Bucket=ObjectAddress.parse(run.base).bucket, Key=key, Body=body)
    return left
