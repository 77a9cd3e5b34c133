"""What a deployment puts into the artefacts bucket."""

import base64
import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_s3 import S3Client

from orchard.errors import EnvironmentNotReadyError
from orchard.features.model import ModelFolder, ModelManifest, sha256_of
from orchard.layout import ReleaseFiles
from orchard.release.assemble import assemble_bundle
from orchard.release.build import Release, build_release, zip_package
from orchard.release.models import publish_model
from orchard.release.publish import publish, remove_all
from orchard.release.wheelhouse import gather_wheels, requirements_file
from tests.support.paths import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in little, whose wheelhouses are in the cache already."""
    root = tmp_path / "project"
    for name, content in {
        "spark_jobs/unzip.py": "print()",
        "bootstrap/install.sh": "true",
        "bootstrap/driver-pod.yaml": "{}",
        "orchard/__init__.py": "",
        "orchard/a/b.py": "",
        "orchard/cli/x.py": "",
        "requirements/node-onnxruntime.txt": "one==1\n",
        "requirements/node-tensorflow.txt": "t==2\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def stock_cache(root: Path, cache: Path, environment: str) -> None:
    """What `gather_wheels` leaves after a download."""
    digest = hashlib.sha256(requirements_file(root, environment).read_bytes()).hexdigest()[:12]
    house = cache / f"{environment}-{digest}"
    house.mkdir(parents=True, exist_ok=True)
    (house / "one-1-py3-none-any.whl").write_text("wheel")
    (house / "requirements.txt").write_text("one==1\n")


@pytest.fixture
def release(project: Path, tmp_path: Path) -> Release:
    stock_cache(project, tmp_path / "cache", "onnxruntime")
    return build_release(project, project / "orchard", tmp_path / "cache", engines=["onnxruntime"])


@pytest.fixture
def model(tmp_path: Path) -> ModelFolder:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.onnx").write_text("network")
    files = {"model.onnx": sha256_of(folder / "model.onnx")}
    manifest = ModelManifest(name="MobileNetV2", weights="random", weights_sha256="0", files=files)
    (folder / "manifest.json").write_text(manifest.to_json())
    return ModelFolder(folder)


@pytest.fixture
def s3() -> Iterator[S3Client]:
    with mock_aws():
        client = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
        client.create_bucket(Bucket="artefacts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


def keys(s3: S3Client) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket="artefacts").get("Contents", [])]


def test_a_release_holds_what_a_run_names(release: Release) -> None:
    assert set(release.files) == {
        "spark_jobs/unzip.py", "bootstrap/install.sh", "bootstrap/driver-pod.yaml", "orchard.zip",
        "requirements/node-onnxruntime.txt", "requirements/node-tensorflow.txt",
    }  # fmt: skip
    assert set(release.wheels) == {
        "wheelhouse/onnxruntime/one-1-py3-none-any.whl", "wheelhouse/onnxruntime/requirements.txt",
    }  # fmt: skip


def test_equal_sources_give_an_equal_release_and_other_sources_another(
    project: Path, tmp_path: Path, release: Release
) -> None:
    cache = tmp_path / "cache"
    assert build_release(project, project / "orchard", cache, engines=["onnxruntime"]).id == release.id
    assert build_release(project, project / "orchard", cache, engines=[]).id == release.id, (
        "which wheels are along does not change the code"
    )
    (project / "orchard" / "a" / "b.py").write_text("x = 1")
    changed = build_release(project, project / "orchard", cache, engines=[]).id
    assert changed != release.id
    (project / "requirements" / "node-tensorflow.txt").write_text("t==3\n")
    assert build_release(project, project / "orchard", cache, engines=[]).id != changed


def test_the_package_for_the_nodes_leaves_out_what_no_node_runs(project: Path) -> None:
    (project / "orchard" / "a" / "__pycache__").mkdir()
    (project / "orchard" / "a" / "__pycache__" / "b.pyc").write_text("")
    with zipfile.ZipFile(io.BytesIO(zip_package(project / "orchard"))) as archive:
        assert archive.namelist() == ["orchard/__init__.py", "orchard/a/b.py"]


def test_the_jobs_import_from_the_real_package_without_unpacking_it(tmp_path: Path) -> None:
    (tmp_path / "orchard.zip").write_bytes(zip_package(ROOT / "orchard"))
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import orchard.jobs.unzip, orchard.jobs.featurize, orchard.jobs.pca\n"
        "from orchard.report.data import Rejections, ReportData\n"
        "from orchard.report.page import render\n"
        "assert orchard.__file__.startswith(sys.argv[1])\n"
        "assert '<html' in render(ReportData({}, [1.0], 1, (), Rejections.of([]), (), None))\n"
    )
    subprocess.run([sys.executable, "-P", "-c", program, str(tmp_path / "orchard.zip")], check=True, cwd=tmp_path)


def test_a_bundle_has_every_file_under_its_key_and_publishes_as_it_is(
    project: Path, tmp_path: Path, model: ModelFolder, s3: S3Client
) -> None:
    stock_cache(project, tmp_path / "cache", "onnxruntime")
    for stage in ("featurize", "pca"):
        (project / "spark_jobs" / f"{stage}.py").write_text("print()")
    bundle = assemble_bundle(
        tmp_path / "bundle", project, project / "orchard", tmp_path / "cache", model, engines=["onnxruntime"]
    )
    names = ReleaseFiles("artefacts", bundle.release)
    assert {names.key("orchard.zip"), names.key("wheelhouse/onnxruntime/one-1-py3-none-any.whl")} <= set(bundle.files)
    uploaded: list[str] = []
    published = partial(
        publish, s3, "artefacts", tmp_path / "bundle", ["onnxruntime"], archives=False, scratch=tmp_path
    )
    assert published(on_upload=uploaded.append) == bundle
    assert sorted(uploaded) == sorted(bundle.files) == sorted(keys(s3))
    assert uploaded[-1] == f"models/{model.manifest.id}/manifest.json", "a model with its manifest is complete"
    found = s3.get_object(Bucket="artefacts", Key=uploaded[-1])["Body"].read()
    assert found == (model.path / "manifest.json").read_bytes()


def test_s3_is_to_compare_every_file_of_a_bundle_with_its_digest(
    project: Path, tmp_path: Path, model: ModelFolder, s3: S3Client
) -> None:
    """S3 refuses an upload whose content has another digest than its header; moto does not."""
    sent: dict[str, str] = {}

    def note(params: dict[str, Any], **_: object) -> None:
        sent[params["url_path"].removeprefix("/")] = params["headers"].get("x-amz-checksum-sha256", "")

    s3.meta.events.register("before-call.s3.PutObject", note)
    stock_cache(project, tmp_path / "cache", "onnxruntime")
    for stage in ("featurize", "pca"):
        (project / "spark_jobs" / f"{stage}.py").write_text("print()")
    bundle = assemble_bundle(
        tmp_path / "bundle", project, project / "orchard", tmp_path / "cache", model, engines=["onnxruntime"]
    )
    publish(s3, "artefacts", tmp_path / "bundle", ["onnxruntime"], archives=False, scratch=tmp_path)
    assert {key: base64.b64decode(checksum).hex() for key, checksum in sent.items()} == {
        key: file.sha256 for key, file in bundle.files.items()
    }


def test_a_bundle_is_assembled_anew(project: Path, tmp_path: Path, model: ModelFolder) -> None:
    stock_cache(project, tmp_path / "cache", "onnxruntime")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "old").write_text("")
    bundle = assemble_bundle(
        tmp_path / "bundle", project, project / "orchard", tmp_path / "cache", model, engines=["onnxruntime"]
    )
    assert "old" not in bundle.files
    assert not (tmp_path / "bundle" / "old").exists()


def test_what_s3_will_not_delete_is_said(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket="artefacts", Key="a", Body=b"")
    answer = {"Errors": [{"Key": "a", "Message": "no"}]}
    monkeypatch.setattr(s3, "delete_objects", lambda **_: answer)
    with pytest.raises(EnvironmentNotReadyError, match="could not be emptied: a: no"):
        remove_all(s3, "artefacts")


def test_a_model_counts_as_published_only_with_its_manifest(s3: S3Client, model: ModelFolder) -> None:
    publish_model(s3, "artefacts", model)
    s3.put_object(Bucket="artefacts", Key=f"models/{model.manifest.id}/model.onnx", Body=b"half")
    s3.delete_object(Bucket="artefacts", Key=f"models/{model.manifest.id}/manifest.json")
    assert publish_model(s3, "artefacts", model) == model.manifest.id
    content = s3.get_object(Bucket="artefacts", Key=f"models/{model.manifest.id}/model.onnx")["Body"].read()
    assert content == b"network"


def test_wheels_that_cannot_be_had_are_an_error_with_pips_reason(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(EnvironmentNotReadyError, match="onnxruntime environment could not be downloaded"):
        gather_wheels(requirements_file(project, "onnxruntime"), tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir()), "no half wheelhouse is left"


def test_node_requirements_pin_what_the_laptop_runs() -> None:
    def pins(name: str) -> dict[str, str]:
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        return dict(
            line.split(" ")[0].split("==") for line in lines if "==" in line and not line.startswith(("#", " "))
        )

    laptop = pins("dev")
    for environment in ("node-onnxruntime", "node-tensorflow"):
        node = pins(environment)
        assert {"numpy", "pillow", "pyarrow", "boto3", "pip"} <= set(node)
        assert node == {name: laptop[name] for name in node}
