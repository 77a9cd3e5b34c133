"""Other components of an earlier run are those of a fresh run, and the earlier run stays as it is, byte for byte."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.ml.feature import PCAModel
from pyspark.sql import SparkSession

import orchard.jobs.pca as job
from orchard.errors import UsageError
from orchard.features.model import ModelFolder
from orchard.jobs.featurize import featurize
from orchard.jobs.files import HadoopFiles
from orchard.jobs.pca import pca
from orchard.jobs.stages import is_published
from orchard.layout import RunFiles
from orchard.options import RunOptions
from orchard.pipeline.origin import Origin

pytestmark = pytest.mark.slow

FIVE = RunOptions(components=5)


def digests(folder: str) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def components(run: RunFiles) -> dict[str, list[float]]:
    return {row["path"]: row["components"] for row in pq.read_table(run.components).to_pylist()}


def copy_of(run: RunFiles, folder: Path) -> RunFiles:
    shutil.copytree(run.base, folder / "origin")
    return RunFiles(str(folder / "origin"))


def test_a_refit_has_the_components_of_a_fresh_run_and_writes_nothing_but_its_own(
    spark: SparkSession, run: RunFiles, tmp_path: Path
) -> None:
    before, derived, files = digests(run.base), RunFiles(str(tmp_path / "derived-0123456789ab")), HadoopFiles(spark)
    origin = Origin(features=run.base)
    record = pca(spark, derived, FIVE, origin)

    assert digests(run.base) == before
    fresh, found = components(run), components(derived)
    assert found.keys() == fresh.keys()
    np.testing.assert_allclose([found[path] for path in fresh], list(fresh.values()), rtol=0, atol=1e-9)
    assert PCAModel.load(derived.pca_model).pc.toArray().shape == (1280, 5)
    assert record.inputs["origin"] == {"features": run.base}
    assert is_published(files, derived)
    left = {path.partition("/")[0] for path in digests(derived.base) if not path.endswith(".crc")}
    assert left == {
        *("_stages", "pca", "pca_model", "explained_variance.csv", "report.html", "summary.json", "_manifest.json"),
    }  # fmt: skip

    of_origin, own = (json.loads(Path(one.summary).read_text()) for one in (run, derived))
    assert own["origin"] == {"features": run.name}
    assert list(own["stages"]) == ["pca"]
    same = ("counts", "archive", "model", "engine", "ignored", "parameters")
    assert {name: own[name] for name in same} == {name: of_origin[name] for name in same}
    page = Path(derived.report).read_text(encoding="utf-8")
    assert run.name in page
    assert page.count("data:image/") == Path(run.report).read_text(encoding="utf-8").count("data:image/")

    assert pca(spark, derived, FIVE, origin) == record, "a rerun does nothing"
    again = RunFiles(str(tmp_path / "again-0123456789ab"))
    assert pca(spark, again, RunOptions(components=3), origin).counts == {"projected": record.counts["projected"]}
    assert components(derived) == found, "two refits of one run know nothing of each other"


def test_features_may_be_computed_anew_of_pictures_that_lie_elsewhere_and_a_refit_of_them_names_both(
    spark: SparkSession, run: RunFiles, random_model: ModelFolder, tmp_path: Path
) -> None:
    second, third = (RunFiles(str(tmp_path / name)) for name in ("second-0123456789ab", "third-0123456789ab"))
    pictures = Origin(images=run.base)
    featurize(spark, second, str(random_model.path), "onnxruntime", max_rejected=0.1, origin=pictures)
    pca(spark, second, FIVE, pictures)
    pca(spark, third, FIVE, Origin(images=run.base, features=second.base))
    fresh = components(run)
    for one in (second, third):
        found = components(one)
        np.testing.assert_allclose([found[path] for path in fresh], list(fresh.values()), rtol=0, atol=1e-6)
    assert json.loads(Path(third.summary).read_text())["origin"] == {"images": run.name, "features": second.name}
    assert not Path(second.images).exists()


@pytest.mark.parametrize(
    ("harm", "cause"),
    [
        (lambda origin: Path(origin.stage("featurize")).unlink(), "featurize.json is missing or incomplete"),
        (lambda origin: next(Path(origin.features).glob("*.parquet")).unlink(), r"parquet is missing"),
        (lambda origin: shutil.rmtree(origin.base), "unzip.json is missing or incomplete"),
    ],
)
def test_an_origin_that_is_not_whole_is_told_before_anything_is_written(
    spark: SparkSession, run: RunFiles, tmp_path: Path, harm: object, cause: str
) -> None:
    origin, derived = copy_of(run, tmp_path), tmp_path / "derived-0123456789ab"
    harm(origin)  # type: ignore[operator]
    with pytest.raises(UsageError, match=f"of the run origin, with which this one begins, is not complete: .*{cause}"):
        pca(spark, RunFiles(str(derived)), FIVE, Origin(features=origin.base))
    assert not derived.exists()


@pytest.mark.parametrize("when", ["fit_moments", "write_report"])
def test_an_origin_that_is_deleted_in_the_middle_is_the_cause_that_is_told(
    spark: SparkSession, run: RunFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    origin, derived = copy_of(run, tmp_path), RunFiles(str(tmp_path / "derived-0123456789ab"))
    does = getattr(job, when)

    def after_its_deletion(*given: object, **named: object) -> object:
        shutil.rmtree(origin.base, ignore_errors=True)
        return does(*given, **named)

    monkeypatch.setattr(job, when, after_its_deletion)
    with pytest.raises(UsageError, match="The unzip stage of the run origin, with which this one begins") as told:
        pca(spark, derived, FIVE, Origin(features=origin.base))
    assert told.value.next_command == "orchard run ZIP --fresh"
    assert not Path(derived.manifest).exists()
