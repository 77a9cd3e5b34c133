"""What Spark has written is what `orchard.similar` reads, and its answers are of these images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pyspark.ml.feature import PCAModel
from pyspark.sql import SparkSession

import orchard
from orchard.cache import models_dir
from orchard.features.model import ModelFolder
from orchard.layout import RunFiles
from orchard.runs.similar.index import read_projection
from orchard.runs.similar.results import Results

pytestmark = pytest.mark.slow


def test_every_image_of_a_real_run_finds_itself_under_its_address(
    spark: SparkSession, run: RunFiles, random_model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHARD_HOME", str(tmp_path))
    models_dir().mkdir()
    (models_dir() / "a-model").symlink_to(random_model.path)
    pictures = pq.read_table(run.images, columns=["path", "label", "content"]).to_pylist()
    readable = set(pq.read_table(run.components, columns=["path"]).column("path").to_pylist())
    addresses = pd.read_csv(run.metadata_table)["s3_path"]
    answers = orchard.similar(run.base).nearest(*(one["content"] for one in pictures))
    for picture, answer in zip(pictures, answers, strict=True):
        if picture["path"] not in readable:
            assert answer.error.startswith("truncated JPEG")
            continue
        *copies, other = answer.neighbours[:3]  # one picture is there twice
        [itself] = [one for one in copies if one.path == picture["path"]]
        assert (itself.label, itself.s3_path.partition("#")[2]) == (picture["label"], picture["path"])
        assert itself.distance < 1e-2 * other.distance
    assert {one.s3_path for answer in answers for one in answer.neighbours} <= set(addresses)
    projection = read_projection(Results.in_folder(Path(run.base)))
    assert np.array_equal(projection, PCAModel.load(run.pca_model).pc.toArray())
