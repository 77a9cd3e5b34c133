"""Zips with pictures of an earlier one, in the local cloud: what somebody has computed is computed no more."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest

from orchard.features.model import ModelFolder
from orchard.local.cloud import LocalCloud
from orchard.options import RunOptions
from orchard.runs import download
from tests.integration.faults.outcome import Outcome
from tests.integration.real_pipeline import RealPipeline, stack
from tests.support.cloud.in_process import InProcessRunner
from tests.support.pictures.drawn import draw_fruit, fruit_members, write_zip

pytestmark = pytest.mark.slow

CHANGED = "fruits/Training/Kiwi/0_100.jpg"
NEW = [f"fruits/Test/Kiwi/new {number}.jpg" for number in range(2)]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, random_model: ModelFolder) -> Iterator[RealPipeline]:
    source = stack(tmp_path_factory.mktemp("nodes"), tmp_path_factory.mktemp("layer"), random_model)
    with LocalCloud(source, tmp_path_factory.mktemp("home"), runner=InProcessRunner, cores=2, poll_seconds=1) as cloud:
        found = RealPipeline(cloud, random_model)
        found.options = RunOptions(components=5)
        yield found


def zipped(folder: Path, members: dict[str, bytes]) -> bytes:
    return write_zip(folder / "fruits.zip", members).read_bytes()


def run(pipeline: RealPipeline, key: str, body: bytes) -> Outcome:
    found = pipeline.outcome(pipeline.upload(key, body))
    assert found.status == "SUCCEEDED", found.said
    return found


def stages(found: Outcome) -> list[str]:
    [cluster] = found.clusters
    return list(cluster.steps)


def read(pipeline: RealPipeline, found: Outcome, name: str) -> Any:  # noqa: ANN401 (JSON)
    bucket, key = pipeline.cloud.outputs["ResultsBucketName"], f"runs/{found.run_id}/{name}"
    return json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def table(pipeline: RealPipeline, found: Outcome, name: str, folder: Path) -> dict[str, list[float]]:
    out = folder / found.run_id
    download.copy_results(boto3.client("s3"), pipeline.cloud.outputs["ResultsBucketName"], found.run_id, out)
    rows = pq.read_table(out / name, columns=["path", "components" if name == "pca" else name]).to_pydict()
    return dict(zip(rows["path"], rows[next(column for column in rows if column != "path")], strict=True))


def test_what_was_computed_once_is_computed_never_again(pipeline: RealPipeline, tmp_path: Path) -> None:
    members = fruit_members(training=3, test=2)
    first = run(pipeline, "fruits.zip", zipped(tmp_path, members))
    assert stages(first) == ["unzip", "featurize", "pca"]

    # the same pictures in another order, under another name
    again = run(pipeline, "again.zip", zipped(tmp_path, dict(reversed(members.items()))))
    assert stages(again) == ["pca"]
    assert read(pipeline, again, "summary.json")["origin"] == {"features": first.run_id}
    assert table(pipeline, again, "pca", tmp_path) == table(pipeline, first, "pca", tmp_path)
    assert read(pipeline, again, "plan.json")["saved"]["minutes"] > 0

    # some new ones, and one with other content
    grown = members | {path: draw_fruit("Kiwi", 70 + number) for number, path in enumerate(NEW)}
    grown[CHANGED] = draw_fruit("Kiwi", 60)
    more = run(pipeline, "more.zip", zipped(tmp_path, grown))
    assert stages(more) == ["unzip", "featurize", "pca"]
    known = read(pipeline, more, "_stages/featurize.json")["facts"]["known"]
    assert known["features"] == read(pipeline, more, "plan.json")["known"] == len(grown) - 3
    assert read(pipeline, more, "summary.json")["origin"] == {"known": first.run_id}
    before, features = (table(pipeline, one, "features", tmp_path) for one in (first, more))
    assert len(features) == len(grown)
    assert {path for path in features if features[path] != before.get(path)} == {CHANGED, *NEW}

    # and on the components of the first they are among themselves
    uri = f"s3://{pipeline.cloud.outputs['InputBucketName']}/again.zip"
    request = json.dumps({"sources": [uri], "components_of": first.run_id}).encode()
    among = run(pipeline, "among.orchard.json", request)
    assert stages(among) == ["pca"]
    summary = read(pipeline, among, "summary.json")
    assert summary["origin"] == {"features": first.run_id, "components": first.run_id}
    assert summary["predictions"]["known"] == summary["predictions"]["pictures"] == len(members)
    projected, fitted = (table(pipeline, one, "pca", tmp_path) for one in (among, first))
    assert {path: pytest.approx(values) for path, values in fitted.items()} == projected
    said = pq.read_table(tmp_path / among.run_id / "pca").to_pydict()
    assert max(said["distance"]) < 1e-9
    assert min(said["votes"]) >= 1
