"""New pictures among those of an earlier run, in real Spark: its components, its model, the vote of its pictures."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.ml.feature import PCAModel
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession

import orchard.jobs.pca
from orchard.errors import UsageError
from orchard.features.model import ModelFolder
from orchard.jobs.featurize import featurize
from orchard.jobs.files import HadoopFiles
from orchard.jobs.pca import pca
from orchard.jobs.stages import StageRecord
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles
from orchard.options import RunOptions
from orchard.pipeline.origin import Origin
from tests.support.pictures.drawn import draw_fruit, write_zip
from tests.support.pictures.photographs import photograph
from tests.support.report_markup import payload, rows, section, text

pytestmark = pytest.mark.slow

COPY = "new/Kiwi/copy.jpg"
NEW = {
    COPY: draw_fruit("Kiwi", 0),  # in the origin, too
    **{f"new/{label}/{n}.jpg": draw_fruit(label, 500 + n) for label in ("Banana", "Plum 2") for n in range(3)},
    "new/Banana/a plum in disguise.jpg": draw_fruit("Plum 2", 900),
    "new/inbox/1.jpg": draw_fruit("Kiwi", 901),
    "new/inbox/noise.jpg": photograph(96),
}


def table(folder: str) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in pq.read_table(folder).to_pylist()}


def below(folder: str) -> dict[str, tuple[bytes, int]]:
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def apply(spark: SparkSession, run: RunFiles, origin: RunFiles) -> StageRecord:
    return pca(spark, run, RunOptions(), Origin(components=origin.base))


@pytest.fixture(scope="module")
def featurized(spark: SparkSession, random_model: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """New pictures with their features."""
    folder = tmp_path_factory.mktemp("new")
    files = RunFiles(str(folder / "new-ba9876543210"))
    unzip(spark, str(write_zip(folder / "new.zip", NEW)), files)
    featurize(spark, files, str(random_model.path), "onnxruntime")
    return files


@pytest.fixture(scope="module")
def applied(spark: SparkSession, run: RunFiles, featurized: RunFiles) -> RunFiles:
    """They, projected onto the components of `run`, of which nothing changes."""
    before = below(run.base)
    apply(spark, featurized, run)
    assert below(run.base) == before
    return featurized


def test_components_are_those_of_sparks_own_transform(spark: SparkSession, run: RunFiles, applied: RunFiles) -> None:
    model = PCAModel.load(run.pca_model).setInputCol("vector").setOutputCol("expected")
    features = spark.read.parquet(applied.features).withColumn("vector", array_to_vector("features"))
    expected = {row["path"]: row["expected"].toArray() for row in model.transform(features).collect()}
    found = table(applied.components)
    assert found.keys() == expected.keys() == NEW.keys()
    for path, row in found.items():
        np.testing.assert_allclose(row["components"], expected[path], rtol=1e-9)


def test_known_pictures_vote_on_each_new_one(run: RunFiles, applied: RunFiles) -> None:
    known = table(run.components)
    values = np.array([row["components"] for row in known.values()])
    labels = [row["label"] for row in known.values()]
    said = json.loads(Path(applied.summary).read_text())["predictions"]
    right = []
    for path, row in table(applied.components).items():
        assert list(row) == ["path", "split", "label", "components", "predicted_label", "votes", "distance"]
        distances = np.linalg.norm(values - row["components"], axis=1)
        nearest = [labels[n] for n in np.argsort(distances)[:5]]
        assert row["distance"] == pytest.approx(distances.min(), abs=1e-9)
        assert row["votes"] == nearest.count(row["predicted_label"])
        voting = nearest[: said["voters"]]
        assert voting.count(row["predicted_label"]) == max(map(voting.count, voting))
        if row["label"] in labels:
            right.append(row["predicted_label"] == row["label"])
        assert (row["distance"] < 1e-9) == (path == COPY)
    assert (said["pictures"], said["of_known_labels"], said["right"]) == (len(NEW), len(right), sum(right))
    assert (said["nearest"], said["known"]) == (5, len(known))
    assert said["unlike_any"] == sum(row["distance"] > said["limit"] for row in table(applied.components).values())


def test_what_the_origin_has_is_not_there_again(run: RunFiles, applied: RunFiles) -> None:
    assert not Path(applied.pca_model).exists()
    assert not Path(applied.explained_variance).exists()
    summary, origins = (json.loads(Path(one.summary).read_text()) for one in (applied, run))
    assert summary["origin"] == {"components": Path(run.base).name}
    assert summary["parameters"] == origins["parameters"]
    manifest = {file["path"] for file in json.loads(Path(applied.manifest).read_text())["files"]}
    assert not any(path.startswith("pca_model") for path in manifest)


def test_the_report_shows_new_pictures_among_the_known(run: RunFiles, applied: RunFiles) -> None:
    page = Path(applied.report).read_text()
    told, known = payload(page), table(run.components)
    old = [path for path, split in zip(told["points"]["path"], told["points"]["split"], strict=True)
           if split == told["known"]]  # fmt: skip
    assert sorted(old) == sorted(known)
    assert len(told["points"]["path"]) == len(known) + len(NEW)
    listed = rows(section(page, "predictions").split("Image by image")[1])
    found = table(applied.components)
    assert [row[3].split()[0] for row in listed] == [
        f"{row['distance']:.4g}" for row in sorted(found.values(), key=lambda row: -row["distance"])
    ]
    assert {row[0] for row in rows(section(page, "classes"))} == {"Banana", "inbox", "Kiwi", "Plum 2"}
    assert f"{len(known)} known images of the run {Path(run.base).name}" in text(page)


def test_a_rerun_finds_it_done_and_a_run_with_features_of_a_derived_one_takes_the_origin_itself(
    spark: SparkSession, run: RunFiles, applied: RunFiles, tmp_path: Path
) -> None:
    record = apply(spark, applied, run)
    assert apply(spark, applied, run) == record
    again = RunFiles(str(tmp_path / "again-ba9876543210"))
    both = pca(spark, again, RunOptions(), Origin(features=applied.base, components=applied.base))
    assert both.inputs["origin"] == {"features": applied.base, "components": run.base}
    assert table(again.components) == table(applied.components)


@pytest.mark.parametrize("lost", ["_manifest.json", "pca_model", "pca", "_stages/pca.json", "images"])
def test_an_origin_that_is_not_whole_is_refused_by_name(
    spark: SparkSession, run: RunFiles, featurized: RunFiles, tmp_path: Path, lost: str
) -> None:
    broken, new = RunFiles(str(tmp_path / "broken-0123456789ab")), RunFiles(str(tmp_path / "new-ba9876543210"))
    for source, copy in ((run, broken), (featurized, new)):
        shutil.copytree(source.base, copy.base)
    path = Path(broken.base, lost)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(UsageError, match="The run broken-0123456789ab, onto whose components") as refused:
        apply(spark, new, broken)
    assert refused.value.next_command == "orchard status broken-0123456789ab"


@pytest.mark.parametrize("late", [False, True], ids=["while they vote", "at the very end"])
def test_an_origin_that_is_deleted_meanwhile_is_named_and_nothing_is_complete(
    spark: SparkSession,
    run: RunFiles,
    featurized: RunFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    late: bool,
) -> None:
    going, new = RunFiles(str(tmp_path / "going-0123456789ab")), RunFiles(str(tmp_path / "new-ba9876543210"))
    for source, copy in ((run, going), (featurized, new)):
        shutil.copytree(source.base, copy.base)
    name = "write_report" if late else "write_predictions"
    vote = getattr(orchard.jobs.pca, name)

    def delete_and_vote(*given: Any, **named: Any) -> Any:  # noqa: ANN401 (whatever it takes)
        if not late:
            shutil.rmtree(going.base)
        answer = vote(*given, **named)
        shutil.rmtree(going.base, ignore_errors=True)
        return answer

    monkeypatch.setattr(orchard.jobs.pca, name, delete_and_vote)
    with pytest.raises(UsageError, match="The run going-0123456789ab, onto whose components"):
        apply(spark, new, going)
    assert not Path(new.manifest).exists()


def test_features_of_other_weights_are_refused_by_name(
    spark: SparkSession, run: RunFiles, featurized: RunFiles, tmp_path: Path
) -> None:
    new = RunFiles(str(tmp_path / "new-ba9876543210"))
    shutil.copytree(featurized.base, new.base)
    record = json.loads(Path(new.stage("featurize")).read_text())
    record["facts"]["model"] |= {"weights": "mine.h5", "weights_sha256": "f" * 64}
    HadoopFiles(spark).write_text(new.stage("featurize"), [json.dumps(record)])
    with pytest.raises(UsageError, match="cannot be projected onto the components of my-fruits") as refused:
        apply(spark, new, run)
    assert "MobileNetV2 with mine.h5 weights (ffffffffffff)" in refused.value.cause
    assert "with random weights" in refused.value.cause


def test_a_run_is_not_its_own_origin(spark: SparkSession, run: RunFiles) -> None:
    before = below(run.base)
    with pytest.raises(UsageError, match="its own components"):
        apply(spark, run, run)
    assert below(run.base) == before
