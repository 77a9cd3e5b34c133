"""A zip most of whose pictures an earlier run has features of, in real Spark: only the others are computed."""

import csv
import json
import random
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from orchard.errors import UsageError
from orchard.features.model import ModelFolder
from orchard.jobs.featurize import featurize
from orchard.jobs.pca import pca
from orchard.jobs.stages import StageRecord
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles
from orchard.options import RunOptions
from orchard.pipeline.origin import Origin
from tests.support.pictures.drawn import draw_fruit, write_zip

pytestmark = pytest.mark.slow

CHANGED = "fruits/Training/Kiwi/1_100.jpg"
NEW = [f"fruits/Test/Kiwi/new {number}.jpg" for number in range(3)]
AGAIN = "fruits/Test/Kiwi/a copy of what is broken.jpg"


def rows(run: RunFiles) -> dict[str, dict[str, object]]:
    return {row["path"]: row for row in pq.read_table(run.features).to_pylist()}


def rejected(run: RunFiles) -> dict[str, str]:
    with Path(run.rejected_by("featurize")).open(newline="") as file:
        return {row["path"]: row["reason"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def grown(members: dict[str, bytes]) -> dict[str, bytes]:
    """The data set with a few new pictures, one that has changed, and one of those that cannot be read twice."""
    found = {path: content for path, content in members.items() if ".." not in path}
    found |= {path: draw_fruit("Kiwi", 90 + number) for number, path in enumerate(NEW)}
    found[CHANGED] = draw_fruit("Kiwi", 80)
    found[AGAIN] = members["fruits/Training/Kiwi/broken.jpg"]
    shuffled = list(found.items())
    random.Random(1).shuffle(shuffled)  # noqa: S311 (nothing is to be kept secret)
    return dict(shuffled)


def unzipped(spark: SparkSession, members: dict[str, bytes], folder: Path) -> RunFiles:
    found = RunFiles(str(folder / "grown-0123456789ab"))
    unzip(spark, str(write_zip(folder / "grown.zip", members)), found, max_rejected=1)
    return found


def with_known(spark: SparkSession, found: RunFiles, model: ModelFolder, known: RunFiles) -> StageRecord:
    origin = Origin(known=known.base)
    return featurize(spark, found, str(model.path), "onnxruntime", max_rejected=1, origin=origin)


@pytest.mark.usefixtures("spark")
def test_what_is_known_is_copied_bit_for_bit_and_the_rest_computed(
    spark: SparkSession, run: RunFiles, grown: dict[str, bytes], random_model: ModelFolder, tmp_path: Path
) -> None:
    before = {file: file.stat().st_mtime_ns for file in Path(run.base).rglob("*")}
    found = unzipped(spark, grown, tmp_path)
    record = with_known(spark, found, random_model, run)
    known = record.facts["known"]
    assert known["run"] == run.base
    assert known["completed"] == json.loads(Path(run.stage("featurize")).read_text())["completed"]
    assert (known["features"], known["rejected"]) == (record.counts["features"] - 4, 2)
    assert record.counts["features"] + record.counts["rejected_in_featurize"] == len(pq.read_table(found.images))
    was, now = rows(run), rows(found)
    assert now.keys() - was.keys() == set(NEW)
    assert {path for path in was if now[path] != was[path]} == {CHANGED}
    [reason] = rejected(run).values()
    assert rejected(found) == {"fruits/Training/Kiwi/broken.jpg": reason, AGAIN: reason}

    # as a run that knows nothing computes it
    fresh = RunFiles(str(tmp_path / "fresh-0123456789ab"))
    shutil.copytree(found.base, fresh.base, ignore=lambda folder, _: ["features", "digests"] if folder else [])
    anew = featurize(spark, fresh, str(random_model.path), "onnxruntime", max_rejected=1)
    assert "known" not in anew.facts
    assert rows(fresh) == now
    assert anew.counts == record.counts

    # what was copied is known to the next run, too
    third = with_known(spark, fresh, random_model, found)
    assert third.facts["known"]["features"] == len(now)
    assert third.facts["known"]["rejected"] == 2
    assert rows(fresh) == now
    assert {file: file.stat().st_mtime_ns for file in Path(run.base).rglob("*")} == before

    pca(spark, found, RunOptions(components=3))
    speed = json.loads(Path(found.summary).read_text())["stages"]["featurize"]["images_per_second"]
    assert speed == round(4 / record.seconds, 1), "of those that were computed"


def test_features_that_are_gone_or_of_another_kind_are_no_known_ones(
    spark: SparkSession,
    run: RunFiles,
    grown: dict[str, bytes],
    random_model: ModelFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, gone = unzipped(spark, grown, tmp_path), RunFiles(str(tmp_path / "earlier-0123456789ab"))
    shutil.copytree(run.base, gone.base)

    def ends(*args: object) -> object:
        shutil.rmtree(gone.features)
        return copies(*args)  # type: ignore[arg-type]

    from orchard.jobs.known import copy_features as copies

    with monkeypatch.context() as patched:
        patched.setattr("orchard.jobs.featurize.copy_features", ends)
        with pytest.raises(UsageError, match=r"run earlier-0123456789ab, whose .*: features/.* is missing") as told:
            with_known(spark, found, random_model, gone)
    assert told.value.next_command == "orchard run ZIP --fresh"
    assert not Path(found.stage("featurize")).exists()
    with pytest.raises(UsageError, match="are none of this one's: it has truncated reject, and this run keep"):
        featurize(spark, found, str(random_model.path), "onnxruntime", truncated="keep", origin=Origin(known=run.base))
