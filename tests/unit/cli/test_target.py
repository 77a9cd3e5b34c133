"""AWS and the local cloud are entered differently, and are alike inside."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchard.cli.settings import Settings
from orchard.cli.target import in_aws, in_local_cloud
from orchard.errors import EnvironmentNotReadyError
from orchard.local.moto.notices import Notice
from orchard.local.moto.translate import StackSource
from orchard.release.bundle import Bundle
from tests.support.cloud import awsfakes
from tests.support.cloud.fake import FakeCloud, model_folder


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    awsfakes.isolate(monkeypatch)
    with awsfakes.executing():
        yield FakeCloud()


def test_a_stack_in_aws(cloud: FakeCloud) -> None:
    with in_aws(Settings()) as place:
        assert place.stack.results_bucket == cloud.outputs["ResultsBucketName"]
        assert list(place.notices()) == []
        farewell = place.after_interruption("fruits-1", None)
    assert "goes on" in farewell
    assert "  orchard watch fruits-1\n" in farewell
    assert farewell.endswith("  orchard results fruits-1")
    assert place.later("diagnose", "fruits-1") == "orchard diagnose fruits-1"


def test_commands_lead_back_to_the_same_place(cloud: FakeCloud) -> None:
    awsfakes.deploy(awsfakes.session(), name="my-fruits", outputs=cloud.outputs)
    with in_aws(Settings(region="eu-west-1", stack="my-fruits")) as place:
        assert place.later("diagnose", "fruits-1") == "orchard --region eu-west-1 --stack my-fruits diagnose fruits-1"


def test_no_stack_is_not_ready(cloud: FakeCloud) -> None:
    place = in_aws(Settings(stack="staging"))
    with pytest.raises(EnvironmentNotReadyError, match="no stack 'staging' in eu-west-1"):
        place.__enter__()


@pytest.fixture
def local(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCloud:
    """The fake cloud in the place of the local one, which gets a bundle to publish."""

    class LocalCloud:
        def __init__(self, stack: StackSource, port: int) -> None:
            cloud.environment["PORT"] = str(port)
            self._stack = stack

        def __enter__(self) -> FakeCloud:
            cloud.folder = tmp_path  # type: ignore[attr-defined]
            assert self._stack.parameters == {"Engines": "onnxruntime"}
            cloud.bundle = Bundle.load(self._stack.layers["Artefacts"] / "bundle")  # type: ignore[attr-defined]
            return cloud

        def __exit__(self, *_: object) -> None:
            cloud.starts_runs = False

    module = types.ModuleType("orchard.local.cloud")
    module.LocalCloud = LocalCloud  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "orchard.local.cloud", module)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "requirements.txt").write_text("")
    monkeypatch.setattr("orchard.release.build.gather_wheels", lambda requirements, cache: tmp_path / "wheels")
    monkeypatch.setattr("orchard.cache.local_dir", lambda: tmp_path / "local")
    return cloud


def test_the_local_cloud_has_a_release_and_a_model(local: FakeCloud, tmp_path: Path) -> None:
    told: list[str] = []
    model = model_folder(tmp_path / "model")
    with in_local_cloud(model, "onnxruntime", told.append, port=7) as place:
        bundle: Bundle = local.bundle  # type: ignore[attr-defined]
        assert place.environment == local.environment
        assert place.environment["PORT"] == "7"
        local.notices.append(Notice("Orchard: done", "Run fruits-1 is done.", "arn"))  # type: ignore[arg-type]
        assert list(place.notices()) == ["Orchard: done\n\nRun fruits-1 is done."]
        assert place.function_logs == f"tail {tmp_path}/logs/*"
    assert bundle.model == model.manifest.id
    assert f"releases/{bundle.release}/spark_jobs/unzip.py" in bundle.files
    assert told == ["assembling jobs, bootstrap, wheels and the model", "starting the local cloud"]
    assert not list((tmp_path / "local").iterdir()), "the layer is gone"
