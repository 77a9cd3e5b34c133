"""`--components-of`: which earlier run is meant, what is refused before anything is uploaded, and what is asked for."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner, Result

from orchard.aws import sessions
from orchard.aws.stack import Stack
from orchard.cli.app import app
from orchard.cli.target import LocalPlace
from orchard.features.model import ModelFolder
from orchard.layout import RunFiles
from orchard.pipeline.origin import NO_ORIGIN, Origin
from orchard.runs.folder import Marker, mark, read_marker
from tests.support.cloud import awsfakes
from tests.support.cloud.fake import FakeCloud, model_folder
from tests.support.pictures.drawn import fruit_members, write_zip
from tests.support.stored_run import MODEL, Files, leave_run, put_all

OLD = "old-0123456789ab"
RESULTS, INPUT = (awsfakes.OUTPUTS[f"{name}BucketName"] for name in ("Results", "Input"))


@pytest.fixture
def fruits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_zip(tmp_path / "fruits.zip", fruit_members(1, 1))


def orchard(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def request() -> dict[str, object]:
    s3 = boto3.client("s3")
    [key] = [one["Key"] for one in s3.list_objects_v2(Bucket=INPUT)["Contents"] if one["Key"].endswith(".json")]
    found: dict[str, object] = json.loads(s3.get_object(Bucket=INPUT, Key=key)["Body"].read())
    return {"key": key, **found}


def leave_here(folder: Path, run: str = OLD, origin: Origin = NO_ORIGIN) -> Path:
    files, own = Files(), RunFiles(f"s3://out/runs/{run}")
    leave_run(files)
    leave_run(files, own, origin)
    for uri, text in files.texts.items():
        if uri.startswith(f"{own.base}/"):
            path = folder / own.relative(uri)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    mark(folder, Marker(frozenset(path.name for path in folder.iterdir()), run))
    return folder


class TestInAws:
    @pytest.fixture
    def cloud(self, make_cloud: Callable[..., FakeCloud], fruits: Path) -> FakeCloud:
        cloud, files = make_cloud(), Files()
        leave_run(files, RunFiles(f"s3://{RESULTS}/runs/{OLD}"))
        derived = Origin(components=f"s3://another/runs/{OLD}")
        leave_run(files, RunFiles(f"s3://{RESULTS}/runs/derived-0123456789ab"), derived)
        put_all(files, boto3.client("s3"))
        cloud.uploads.clear()
        return cloud

    @pytest.mark.parametrize("named", [OLD, "derived-0123456789ab"])
    def test_a_zip_is_asked_for_by_a_request_that_names_the_run_that_was_fitted(
        self, cloud: FakeCloud, fruits: Path, named: str
    ) -> None:
        done = orchard("run", fruits, "--components-of", named, "--limit", 1, "--no-wait")
        assert done.exit_code == 0, done.stderr
        asked = request()
        assert asked["key"] == "fruits.orchard.json"
        assert asked["components_of"] == OLD
        assert re.fullmatch(rf"\['s3://{INPUT}/sources/[0-9a-f]{{12}}/fruits.zip'\]", str(asked["sources"]))
        assert "limit" in str(asked["options"])
        assert "variance" not in str(asked["options"]), "which is decided"

    def test_a_plan_names_it_and_no_components_of_its_own(self, cloud: FakeCloud, fruits: Path) -> None:
        done = orchard("plan", fruits, "--components-of", OLD)
        assert done.exit_code == 0, done.stderr
        told = " ".join(done.stdout.split())
        assert f"Uses the components of {OLD}" in told
        assert "of the variance" not in told
        assert json.loads(orchard("plan", fruits, "--components-of", OLD, "--json").stdout)["origin"] == {
            "components": OLD
        }

    @pytest.mark.parametrize("verb", ["run", "plan"])
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--components-of", OLD, "--components", 3), "--components and --components-of exclude each other"),
            (("--components-of", OLD, "--variance", 0.9), "--variance and --components-of exclude each other"),
            (("--components-of", OLD, "--fit-split", "Test"), "--fit-split and --components-of exclude each other"),
            (("--components-of", ""), "--components-of names no run"),
            (("--components-of", "fig-0123456789ab"), "fig-0123456789ab"),
        ],
    )
    def test_what_cannot_be_is_refused_before_anything_is_uploaded(
        self, cloud: FakeCloud, fruits: Path, verb: str, arguments: tuple[object, ...], words: str
    ) -> None:
        refused = orchard(verb, fruits, *arguments)
        assert refused.exit_code == 2
        assert words in refused.stderr
        assert not cloud.uploads

    def test_other_weights_are_refused_by_name(
        self, cloud: FakeCloud, fruits: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("orchard.cli.run.exported_model", lambda *_: model_folder(fruits.parent / "m", "mine.h5"))
        refused = orchard("run", fruits, "--components-of", OLD, "--weights", "mine.h5")
        assert refused.exit_code == 2
        assert f"The components of {OLD} are of another model" in refused.stderr
        assert "MobileNetV2 with imagenet weights (abababababab)" in refused.stderr
        assert "MobileNetV2 with mine.h5 weights (000000000000)" in refused.stderr
        assert not cloud.uploads


class TestHere:
    @pytest.fixture
    def cloud(self, make_cloud: Callable[..., FakeCloud], fruits: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
        cloud = make_cloud()

        @contextmanager
        def in_local_cloud(*_: object, **__: object) -> Iterator[LocalPlace]:
            session = sessions.open_session()
            yield LocalPlace(
                session=session,
                stack=Stack.load(session),
                notices=lambda: cloud.notices,
                after_interruption=lambda run, _: f"{run} ends",
                later=lambda *_: "",
                function_logs="tail",
                environment=cloud.environment,
            )

        def exported_model(weights: str, console: object) -> ModelFolder:
            model = model_folder(fruits.parent / "m", weights)
            text = (model.path / "manifest.json").read_text().replace("0" * 64, MODEL["weights_sha256"])
            (model.path / "manifest.json").write_text(text)
            return ModelFolder(model.path)

        monkeypatch.setattr("orchard.cli.target.in_local_cloud", in_local_cloud)
        monkeypatch.setattr("orchard.cli.run.exported_model", exported_model)
        return cloud

    def test_a_folder_of_results_is_put_into_the_local_cloud_and_remembered(
        self, cloud: FakeCloud, fruits: Path
    ) -> None:
        old = leave_here(fruits.parent / "old")
        before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
        done = orchard("run", fruits, "--local", "--components-of", "old", "--out", "new")
        assert done.exit_code == 0, done.stderr
        assert request()["components_of"] == OLD
        listed = boto3.client("s3").list_objects_v2(Bucket=RESULTS, Prefix=f"runs/{OLD}/")["Contents"]
        there = {one["Key"].removeprefix(f"runs/{OLD}/") for one in listed}
        assert {"_manifest.json", "_stages/pca.json", "pca/part-00000.csv", "pca_model/part-00000.csv"} <= there
        assert read_marker(Path("new")).origins == {OLD: str(old)}
        assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before

    def test_of_a_derived_run_the_one_that_was_fitted_is_taken(self, cloud: FakeCloud, fruits: Path) -> None:
        old = leave_here(fruits.parent / "old")
        derived = leave_here(
            fruits.parent / "derived", "derived-0123456789ab", Origin(components=f"s3://out/runs/{OLD}")
        )
        mark(derived, Marker(frozenset(), "derived-0123456789ab", {OLD: str(old)}))
        assert orchard("run", fruits, "--local", "--components-of", "derived", "--out", "new").exit_code == 0
        assert request()["components_of"] == OLD

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--components-of", "absent"), "There is no folder absent"),
            (("--components-of", "old", "--out", "old"), "The results cannot go to old"),
            (("--components-of", "old", "--components", 3), "--components and --components-of exclude each other"),
        ],
    )
    def test_what_cannot_be_is_refused_before_anything_is_started(
        self, cloud: FakeCloud, fruits: Path, arguments: tuple[object, ...], words: str
    ) -> None:
        leave_here(fruits.parent / "old")
        refused = orchard("run", fruits, "--local", *arguments)
        assert refused.exit_code == 2
        assert words in refused.stderr
        assert not cloud.uploads

    def test_weights_out_of_a_file_have_to_be_named(self, cloud: FakeCloud, fruits: Path) -> None:
        old = leave_here(fruits.parent / "old")
        record = old / "_stages/featurize.json"
        record.write_text(record.read_text().replace('"imagenet"', '"mine.h5"'))
        refused = orchard("run", fruits, "--local", "--components-of", "old")
        assert refused.exit_code == 2
        assert f"Next: orchard run {fruits} --local --components-of old --weights mine.h5" in refused.stderr

    def test_a_plan_reads_the_folder(self, cloud: FakeCloud, fruits: Path) -> None:
        leave_here(fruits.parent / "old")
        done = orchard("plan", fruits, "--components-of", "old", "--local")
        assert done.exit_code == 0, done.stderr
        assert "Uses the components of old" in " ".join(done.stdout.split())
