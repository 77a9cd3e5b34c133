"""The three jobs in real Spark, on pictures that the tests draw: what a run's folder holds, and what a rerun does."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyspark.ml.feature import PCA, PCAModel
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession

from orchard.archive.checks import inspect
from orchard.archive.collection import collect, find_source
from orchard.archive.errors import ArchiveRefusedError, SourceMissingError
from orchard.archive.selection import select
from orchard.archive.sources.open import open_source
from orchard.archive.spans import plan_spans
from orchard.errors import EnvironmentNotReadyError, OptionsError, UsageError
from orchard.features.model import ModelFolder
from orchard.jobs.featurize import featurize
from orchard.jobs.files import HadoopFiles
from orchard.jobs.pca import pca
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles
from orchard.options import RunOptions
from tests.support.pictures.drawn import CLASSES, draw_fruit
from tests.support.pictures.hostile import encoded
from tests.support.zips.hostile import METHODS, Entry, build_zip

pytestmark = pytest.mark.slow


def rows(folder: str) -> list[dict[str, Any]]:
    return sorted(pq.read_table(folder).to_pylist(), key=lambda row: row["path"])


def table(folder: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for part in sorted(Path(folder).glob("*.csv")):
        with part.open(newline="") as file:
            found += csv.DictReader(file)
    return found


def test_every_picture_is_in_images_byte_for_byte(run: RunFiles, members: dict[str, bytes]) -> None:
    expected = {path: content for path, content in members.items() if path.endswith(".jpg")}
    del expected["__MACOSX/fruits/._0_100.jpg"], expected["fruits/Training/Kiwi/../../../../etc/0.jpg"]
    found = rows(run.images)
    assert {row["path"]: row["content"] for row in found} == expected
    assert list(found[0]) == [
        "path", "split", "label", "filename", "modification_time", "file_size_bytes", "content",
    ]  # fmt: skip
    by_path = {row["path"]: row for row in found}
    apple = by_path["fruits/Test/Apple Braeburn 1/1_100.jpg"]
    assert (apple["split"], apple["label"], apple["filename"]) == ("Test", "Apple Braeburn 1", "1_100.jpg")
    assert apple["file_size_bytes"] == len(apple["content"])


def test_metadata_tells_the_address_of_each_picture(run: RunFiles, archive: Path) -> None:
    found = {row["s3_path"]: row for row in table(run.metadata)}
    assert len(found) == len(rows(run.images))
    odd = found[f'file://{archive}#fruits/Training/Kiwi/a "quoted", odd name .jpg']
    assert list(odd) == ["s3_path", "label", "filename", "split", "modification_time", "file_size_bytes"]
    assert (odd["label"], odd["split"], odd["filename"]) == ("Kiwi", "Training", 'a "quoted", odd name .jpg')


def test_very_many_pictures_are_described_by_the_tasks_each_in_a_part_of_its_own(
    spark: SparkSession, run: RunFiles, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchard.jobs.unzip.IMAGES_IN_ONE_TABLE", 3)
    in_parts = RunFiles(str(tmp_path / "run"))
    first = unzip(spark, str(archive), in_parts)
    assert not Path(in_parts.metadata_table).exists()
    assert table(in_parts.metadata) == table(run.metadata)
    assert unzip(spark, str(archive), in_parts) == first, "all parts are there, and are in the record"


def test_copies_are_told_by_content_with_their_paths(spark: SparkSession, tmp_path: Path) -> None:
    kiwi, fig = draw_fruit("Kiwi", 1), draw_fruit("Banana", 1)
    broken = Entry("f/Test/Fig/0.jpg", fig, crc=1)
    others = {"f/Test/Fig/1.jpg": kiwi, "f/Train/Fig/1.jpg": fig, "f/Train/Kiwi/1.jpg": kiwi, "Kiwi/2.jpg": kiwi}
    (tmp_path / "f.zip").write_bytes(build_zip([broken, *(Entry(*one) for one in others.items())]))
    record = unzip(spark, str(tmp_path / "f.zip"), RunFiles(str(tmp_path / "run")), max_rejected=0.5)
    assert record.facts["duplicates"] == {
        "copies": 3, "contents": 1, "between_splits": 3, "between_labels": 3, "test_in_training": 1,
        "worst": [
            {
                "copies": 3,
                "places": [
                    {"split": split, "label": label, "count": 1}
                    for split, label in [("", "Kiwi"), ("Test", "Fig"), ("Training", "Kiwi")]
                ],
                "paths": [path for path, content in others.items() if content == kiwi],
            }
        ],
    }  # fmt: skip


def test_what_is_ignored_is_listed_with_its_reason(run: RunFiles) -> None:
    summary = json.loads(Path(run.summary).read_text())
    found = table(run.ignored)
    assert Counter(row["reason"] for row in found) == summary["ignored"]
    assert len(found) == summary["counts"]["ignored"]
    assert {"path": "__MACOSX/fruits/._0_100.jpg", "reason": "macOS resource fork"} in found


def test_stats_count_by_split_and_label(run: RunFiles) -> None:
    counts = {(row["split"], row["label"]): int(row["count"]) for row in table(run.stats)}
    assert counts == {(split, label): n for label in CLASSES for split, n in (("Test", 2), ("Training", 6))} | {
        ("Training", "Kiwi"): 8
    }


def test_what_was_refused_is_listed_with_the_stage_and_the_reason(run: RunFiles) -> None:
    found = {row["path"]: (row["stage"], row["reason"]) for row in table(run.rejected)}
    assert set(found) == {"fruits/Training/Kiwi/../../../../etc/0.jpg", "fruits/Training/Kiwi/broken.jpg"}
    assert found["fruits/Training/Kiwi/../../../../etc/0.jpg"][0] == "unzip"
    stage, reason = found["fruits/Training/Kiwi/broken.jpg"]
    assert stage == "featurize"
    assert reason


def test_the_books_balance(run: RunFiles, members: dict[str, bytes]) -> None:
    counts = json.loads(Path(run.summary).read_text())["counts"]
    assert counts["entries"] == len(members) + 1
    assert counts["entries"] == sum(
        counts[k] for k in ("directories", "ignored", "skipped", "rejected_in_unzip", "images")
    )
    assert counts["images"] == counts["features"] + counts["rejected_in_featurize"] == len(rows(run.images))
    assert counts["features"] == len(rows(run.features)) == len(rows(run.components))
    assert counts["classes"] == len(CLASSES)


def test_features_are_those_of_the_engine_alone(run: RunFiles, random_model: ModelFolder) -> None:
    from orchard.features.engines import load_engine
    from orchard.features.pixels import decode

    engine = load_engine("onnxruntime", random_model)
    contents = {row["path"]: row["content"] for row in rows(run.images)}
    found = rows(run.features)
    assert list(found[0]) == ["path", "split", "label", "features"]
    for row in found[::7]:
        alone = engine(decode(contents[row["path"]])[np.newaxis])[0]
        np.testing.assert_allclose(np.array(row["features"], np.float32), alone, atol=1e-5)


def test_components_are_those_of_spark_ml(spark: SparkSession, run: RunFiles) -> None:
    vectors = spark.read.parquet(run.features).select("path", array_to_vector("features").alias("features"))
    ours, theirs = PCAModel.load(run.pca_model), PCA(k=5, inputCol="features", outputCol="components").fit(vectors)
    np.testing.assert_allclose(ours.explainedVariance, theirs.explainedVariance, atol=1e-6)
    np.testing.assert_allclose(np.abs(ours.pc.toArray()), np.abs(theirs.pc.toArray()), atol=1e-6)
    written = csv.DictReader(Path(run.explained_variance).read_text().splitlines())
    shares = [float(row["explained_variance"]) for row in written]
    np.testing.assert_allclose(shares, theirs.explainedVariance, atol=1e-6)


def test_the_saved_model_gives_the_components_of_the_run(spark: SparkSession, run: RunFiles) -> None:
    vectors = spark.read.parquet(run.features).select("path", array_to_vector("features").alias("features"))
    model = PCAModel.load(run.pca_model)
    assert (model.getK(), model.getInputCol(), model.getOutputCol()) == (5, "features", "components")
    transformed = {row["path"]: row["components"].toArray() for row in model.transform(vectors).collect()}
    for row in rows(run.components):
        assert list(row) == ["path", "split", "label", "components"]
        np.testing.assert_allclose(row["components"], transformed[row["path"]], atol=1e-9)


def test_the_manifest_lists_every_file_with_its_size(run: RunFiles) -> None:
    manifest = json.loads(Path(run.manifest).read_text())
    listed = {entry["path"]: entry["size"] for entry in manifest["files"]}
    there = {
        str(path.relative_to(run.base)): path.stat().st_size
        for path in Path(run.base).rglob("*")
        if path.is_file() and not path.name.startswith(".") and path != Path(run.manifest)
    }
    assert listed == there
    assert {"report.html", "summary.json", "explained_variance.csv"} <= set(listed)
    assert manifest["run_id"] == "my-fruits-0123456789ab"


def test_the_summary_says_with_what_the_run_was_made(run: RunFiles, archive: Path, random_model: ModelFolder) -> None:
    summary = json.loads(Path(run.summary).read_text())
    found = {"uri": f"file://{archive}", "size": archive.stat().st_size, "guessed_names": 0}
    assert summary["archive"] == {**found, "content": collect([str(archive)], find_source).content_id}
    assert sum(summary["ignored"].values()) == summary["counts"]["ignored"]
    assert summary["engine"] == "onnxruntime"
    assert summary["model"]["weights"] == "random"
    assert summary["model"]["weights_sha256"] == random_model.manifest.weights_sha256
    assert summary["parameters"]["kept"] == 5
    assert set(summary["stages"]) == {"unzip", "featurize", "pca"}
    assert summary["cost"] is None
    assert "Random weights" in Path(run.report).read_text()


def test_a_rerun_touches_nothing(spark: SparkSession, run: RunFiles, archive: Path, random_model: ModelFolder) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path(run.base).rglob("*") if path.is_file()}
    unzip(spark, str(archive), run, max_rejected=0.1)
    featurize(spark, run, str(random_model.path), "onnxruntime", max_rejected=0.1)
    pca(spark, run, RunOptions(components=5))
    assert {path: path.stat().st_mtime_ns for path in Path(run.base).rglob("*") if path.is_file()} == before


def test_another_parameter_redoes_only_what_depends_on_it(
    spark: SparkSession, archive: Path, random_model: ModelFolder, tmp_path: Path
) -> None:
    run = RunFiles(str(tmp_path / "run"))
    unzip(spark, str(archive), run)
    featurize(spark, run, str(random_model.path), "onnxruntime", max_rejected=0.1)
    pca(spark, run, RunOptions(components=2))
    features = Path(run.stage("featurize")).stat().st_mtime_ns
    record = pca(spark, run, RunOptions(variance=0.5, fit_split="Training"))
    assert record.facts["parameters"]["fitted_on"] == sum(row["split"] == "Training" for row in rows(run.features))
    assert record.facts["parameters"]["cumulative"] >= 0.5
    assert len(rows(run.components)[0]["components"]) == record.facts["parameters"]["kept"]
    assert Path(run.stage("featurize")).stat().st_mtime_ns == features


@pytest.mark.parametrize("content", [b"", b"just words", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_usable_zip_leaves_no_run(spark: SparkSession, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.zip").write_bytes(content)
    with pytest.raises(ArchiveRefusedError):
        unzip(spark, str(tmp_path / "bad.zip"), RunFiles(str(tmp_path / "run")))
    assert not (tmp_path / "run").exists()


def test_stages_out_of_order_say_which_one_is_missing(
    spark: SparkSession, tmp_path: Path, random_model: ModelFolder
) -> None:
    run = RunFiles(str(tmp_path / "run"))
    with pytest.raises(SourceMissingError):
        unzip(spark, str(tmp_path / "none.zip"), run)
    with pytest.raises(UsageError, match="unzip stage"):
        featurize(spark, run, str(random_model.path), "onnxruntime")
    with pytest.raises(UsageError, match="unzip stage"):
        pca(spark, run, RunOptions())


def test_wishes_that_cannot_be_met_say_what_can(spark: SparkSession, run: RunFiles, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotReadyError, match="model is not there"):
        featurize(spark, run, str(tmp_path), "onnxruntime")
    with pytest.raises(OptionsError, match="'Test', 'Training'"):
        pca(spark, RunFiles(run.base), RunOptions(fit_split="Validation"))


def test_files_are_written_read_and_listed_through_hadoop(spark: SparkSession, tmp_path: Path) -> None:
    files = HadoopFiles(spark)
    base = f"file://{tmp_path}/a b"
    assert files.read_text(f"{base}/x.txt") is None
    files.write_text(f"{base}/x.txt", ["ä\n", '"b"\n'])
    table = [("a,b", 'say "hi"'), ("", 3)]
    files.write_csv(f"{base}/c/y.csv", ("one", "two"), table)
    files.write_csv(f"{base}/z.csv", ("one", "two"), [*table, ("two\nlines", "carriage\rreturn")])
    assert files.read_text(f"{base}/x.txt") == 'ä\n"b"\n'
    assert files.read_text(f"{base}/c/y.csv") == 'one,two\n"a,b","say ""hi"""\n,3\n'
    assert [list(row.values()) for row in files.read_csv(f"{base}/z.csv")] == [
        ["a,b", 'say "hi"'], ["", "3"], ["two\nlines", "carriage\rreturn"],
    ]  # fmt: skip
    assert list(files.read_csv(f"{base}/none.csv")) == []
    listed = [(file.path, file.size) for file in files.files_below(base)]
    assert listed == [("c/y.csv", 30), ("x.txt", 7), ("z.csv", 60)]
    files.delete(base)
    assert not files.exists(base)
    assert files.files_below(base) == []


def test_a_subset_is_the_images_that_the_plan_counts_and_the_books_name_the_others(
    spark: SparkSession, random_model: ModelFolder, archive: Path, tmp_path: Path
) -> None:
    planned = inspect(open_source(str(archive)))
    [chosen] = select([planned], 10, ["Kiwi", "Banana"])
    run = RunFiles(str(tmp_path / "run"))
    record = unzip(spark, str(archive), run, limit=10, only_label=["Kiwi", "Banana"])
    wanted = [member.path for span in plan_spans(chosen) for member in span.members()]
    assert {row["path"] for row in rows(run.images)} == set(wanted)
    assert len(table(run.metadata)) == record.counts["images"] == len(wanted) == 10
    assert record.counts["skipped"] == planned.images - 10
    counts = {(row["split"], row["label"]): int(row["count"]) for row in table(run.stats)}
    assert counts == chosen.counts
    assert len(table(run.ignored)) == planned.ignored
    assert len(table(run.rejected)) == planned.rejected == 1, "which is no part of the subset, nor of its share"
    assert unzip(spark, str(archive), run, limit=10, only_label=["Kiwi", "Banana"]) == record
    featurize(spark, run, str(random_model.path), "onnxruntime", max_rejected=0.1)
    pca(spark, run, RunOptions(components=2))
    summary = json.loads(Path(run.summary).read_text())
    assert summary["counts"]["skipped"] == planned.images - 10
    assert "Skipped, by --limit or --only-label" in Path(run.report).read_text()
    assert unzip(spark, str(archive), run, limit=11).counts["images"] == 11, "another subset is other work"


def test_what_is_not_taken_as_it_is_or_is_missing_is_told(
    spark: SparkSession, random_model: ModelFolder, tmp_path: Path
) -> None:
    fruits = [draw_fruit("Kiwi", number) for number in range(len(METHODS))]
    drawn = [Entry(f"Kiwi/{method}.jpg", fruit, method) for method, fruit in zip(METHODS, fruits, strict=True)]
    photograph = encoded(Image.new("RGB", (8160, 6144), "green"), "JPEG")
    others = [Entry("Kiwi/photograph.jpg", photograph), Entry("Kiwi/cut.jpg", draw_fruit("Kiwi", 9)[:-200])]
    (tmp_path / "fruits.zip").write_bytes(build_zip([*drawn, *others]))
    run = RunFiles(str(tmp_path / "run"))
    assert unzip(spark, str(tmp_path / "fruits.zip"), run).counts["images"] == len(drawn) + 2
    books = {"features": len(drawn) + 1, "rejected_in_featurize": 1, "reduced": 1, "incomplete": 0}
    model = str(random_model.path)
    assert featurize(spark, run, model, "onnxruntime", max_rejected=1).counts == books
    [rejected] = table(run.rejected)
    assert (rejected["path"], rejected["reason"]) == ("Kiwi/cut.jpg", "truncated JPEG")
    books = {"features": len(drawn) + 2, "rejected_in_featurize": 0, "reduced": 1, "incomplete": 1}
    assert featurize(spark, run, model, "onnxruntime", truncated="keep").counts == books
    pca(spark, run, RunOptions(components=50))
    summary = json.loads(Path(run.summary).read_text())
    assert (summary["counts"]["reduced"], summary["counts"]["incomplete"]) == (1, 1)
    assert summary["parameters"]["shortfall"] == "50 were asked for, but 9 images differ in no more than 8 directions."
    assert "50 were asked for" in Path(run.report).read_text()
    assert {len(row["components"]) for row in rows(run.components)} == {8}
    assert PCAModel.load(run.pca_model).getK() == 8
