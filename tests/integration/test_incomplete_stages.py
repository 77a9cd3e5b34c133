"""What too many rejections leave behind, and what killed and competing jobs do: real Spark on this machine's disk."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

import orchard.jobs.unzip
from orchard.errors import OrchardError, TooManyRejectedError, UsageError
from orchard.features.model import ModelFolder
from orchard.jobs.featurize import featurize
from orchard.jobs.pca import pca
from orchard.jobs.rejections import write_rejections
from orchard.jobs.stages import StageTakenOverError
from orchard.jobs.unzip import unzip
from orchard.layout import STAGES, RunFiles
from orchard.options import RunOptions
from tests.support.pictures.drawn import draw_fruit, fruit_members, write_zip

pytestmark = pytest.mark.slow


def rows(folder: str) -> list[dict[str, Any]]:
    return sorted(pq.read_table(folder).to_pylist(), key=lambda row: row["path"])


def state(run: RunFiles) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in Path(run.base).rglob("*") if path.is_file()}


def damage(archive: Path, content: bytes) -> None:
    whole = bytearray(archive.read_bytes())
    whole[whole.index(content) + len(content) // 2] ^= 1
    archive.write_bytes(whole)


def test_too_many_rejections_end_each_stage_and_more_may_be_allowed_at_no_cost(
    spark: SparkSession, random_model: ModelFolder, tmp_path: Path
) -> None:
    run, model = RunFiles(str(tmp_path / "run")), str(random_model.path)
    cut = {f"a/cut/{number}.jpg": draw_fruit("Kiwi", number)[:500] for number in (1, 2)}
    wrong = draw_fruit("Kiwi", 3)
    members = fruit_members(training=1, test=1) | cut | {"a/wrong.jpg": wrong, "a/\r.jpg": b"x"}
    archive = write_zip(tmp_path / "my fruits.zip", members, zipfile.ZIP_STORED)
    damage(archive, wrong)

    with pytest.raises(
        TooManyRejectedError, match=r"^2 of 12 images were rejected, more than the allowed 5%"
    ) as failure:
        unzip(spark, str(archive), run)
    assert "1 like 'a/wrong.jpg': its checksum (CRC-32) is wrong" in failure.value.cause
    assert r"1 like 'a/\r.jpg': its name holds a control character" in failure.value.cause
    assert failure.value.cause.endswith(f"; all are in {run.rejected}/")
    assert failure.value.next_command == f"orchard run '{archive}' --max-rejected 17%"
    assert Path(run.rejected_by("unzip")).exists()

    before = state(run)
    with pytest.raises(TooManyRejectedError, match=r"^2 of 12"):
        unzip(spark, str(archive), run, max_rejected=0.16)
    assert unzip(spark, str(archive), run, max_rejected=0.17).counts["images"] == 10
    assert state(run) == before, "the work was done"

    for _ in range(2):
        with pytest.raises(
            TooManyRejectedError, match=r"^4 of 12 images were rejected, more than the allowed 17%"
        ) as failure:
            featurize(spark, run, model, "onnxruntime", max_rejected=0.17)
        assert failure.value.cause.startswith("2 like 'a/cut/1.jpg': truncated JPEG; 1 like ")
        before = before if set(before) == set(state(run)) else state(run)
    assert state(run) == before, "the second time found the first one's work"
    assert featurize(spark, run, model, "onnxruntime", max_rejected=0.34).counts["features"] == 8
    assert state(run) == before


@pytest.mark.parametrize("lost_in", ["unzip", "featurize"])
def test_a_run_that_has_lost_every_picture_says_so(
    spark: SparkSession, random_model: ModelFolder, tmp_path: Path, lost_in: str
) -> None:
    run, picture = RunFiles(str(tmp_path / "run")), draw_fruit("Plum 2", 1)[:500]
    archive = write_zip(tmp_path / "one.zip", {"a/1.jpg": picture}, zipfile.ZIP_STORED)
    if lost_in == "unzip":
        damage(archive, picture)
    unzip(spark, str(archive), run, max_rejected=1)
    featurize(spark, run, str(random_model.path), "onnxruntime", max_rejected=1)
    with pytest.raises(OrchardError, match="not one image has features"):
        pca(spark, run, RunOptions())
    assert not Path(run.manifest).exists()


def test_what_a_killed_job_left_is_done_again_and_nothing_of_it_stays(
    spark: SparkSession, random_model: ModelFolder, tmp_path: Path
) -> None:
    run = RunFiles(str(tmp_path / "run"))
    archive = str(write_zip(tmp_path / "fruits.zip", fruit_members(training=2, test=1)))
    stages: dict[str, Callable[[], object]] = {
        "unzip": lambda: unzip(spark, archive, run),
        "featurize": lambda: featurize(spark, run, str(random_model.path), "onnxruntime"),
        "pca": lambda: pca(spark, run, RunOptions(components=2)),
    }
    for do in stages.values():
        do()
    folders = (run.images, run.features, run.components)
    complete = [rows(folder) for folder in folders]
    counts = json.loads(Path(run.summary).read_text())["counts"]
    for folder, name in zip(folders, STAGES, strict=True):
        # all parts there, one of an earlier attempt beside them, a record cut in half, and a manifest
        part = next(Path(folder).glob("*.parquet"))
        shutil.copy(part, part.with_name("part-99999-stale.parquet"))
        record = Path(run.stage(name))
        record.write_text(record.read_text()[:100])
        if name != "unzip":  # Hadoop's checksum beside it gives away the one
            record.with_name(f".{record.name}.crc").unlink()
    with pytest.raises(UsageError, match="unzip stage of this run is not complete"):
        stages["pca"]()
    for name, do in stages.items():
        do()
        assert Path(run.manifest).exists() == (name == "pca")
    assert [rows(folder) for folder in folders] == complete
    assert json.loads(Path(run.summary).read_text())["counts"] == counts
    assert not list(Path(run.base).rglob("*stale*"))


def test_of_two_jobs_of_one_stage_the_one_that_began_first_fails(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = RunFiles(str(tmp_path / "run")), str(write_zip(tmp_path / "2.zip", fruit_members(2, 0)))
    archive = str(write_zip(tmp_path / "1.zip", fruit_members(1, 0)))

    def meanwhile(*arguments: Any) -> None:  # noqa: ANN401
        monkeypatch.undo()
        unzip(spark, other, run)
        write_rejections(*arguments)

    monkeypatch.setattr(orchard.jobs.unzip, "write_rejections", meanwhile)
    with pytest.raises(StageTakenOverError):
        unzip(spark, archive, run)
    before = state(run)
    assert unzip(spark, other, run).counts["images"] == len(rows(run.images)) == 8
    assert state(run) == before
