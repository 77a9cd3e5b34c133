"""`orchard refit` asks for other components of a run by a request, and reads a folder without changing it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from orchard.errors import UsageError
from orchard.layout import RunFiles, run_files
from orchard.pipeline.origin import Origin
from orchard.runs.bring import bring
from orchard.runs.earlier import read_earlier, read_folder
from orchard.runs.folder import Marker, mark, read_marker
from orchard.runs.upload import refit_key
from tests.support.cloud.fake import FakeCloud, orchard
from tests.support.stored_run import Files, leave_run, put_all

EARLIER = "fruits-0123456789ab"


@pytest.fixture
def cloud(make_cloud: Callable[..., FakeCloud], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    """A cloud with a complete run, whose results are there."""
    monkeypatch.chdir(tmp_path)
    cloud, files = make_cloud(), Files()
    leave_run(files, run_files("orchard-results", EARLIER))
    put_all(files, boto3.client("s3"))
    cloud.start(EARLIER)
    cloud.ended(EARLIER)
    return cloud


def requested(cloud: FakeCloud) -> tuple[str, dict[str, Any]]:
    [upload] = [one for one in cloud.uploads if one["Bucket"] == cloud.outputs["InputBucketName"]]
    body = boto3.client("s3").get_object(Bucket=upload["Bucket"], Key=upload["Key"])["Body"].read()
    return upload["Key"], json.loads(body)


class TestInAws:
    def test_a_request_is_written_and_its_run_followed(self, cloud: FakeCloud) -> None:
        done = orchard("refit", "fruits", "--components", "5", "--fit-split", "Training", "--out", "mine")
        assert done.exit_code == 0, done.stderr
        key, body = requested(cloud)
        assert key == "fruits-refit.orchard.json"
        assert body == {"features_of": EARLIER, "options": {"components": 5, "fit_split": "Training"}}
        assert "asked for other components of fruits-0123456789ab by s3://orchard-input/fruits-ref" in done.stderr
        assert "57, which explain 90.1% of the variance" in done.stdout
        assert Path("mine/summary.json").exists()

    def test_it_may_only_be_started(self, cloud: FakeCloud) -> None:
        done = orchard("refit", EARLIER, "--variance", "0.5", "--no-wait", "--json")
        told = json.loads(done.stdout)
        assert (told["status"], told["folder"]) == ("STARTED", None)
        assert told["run_id"].startswith("fruits-refit-")
        assert requested(cloud)[1]["options"] == {"variance": 0.5}

    def test_its_time_and_price_are_told_before(self, cloud: FakeCloud) -> None:
        told = json.loads(orchard("refit", "fruits", "--components", "5", "--plan", "--json").stdout)
        assert (told["origin"], told["stages"]) == ({"features": EARLIER}, ["pca"])
        assert list(told["estimate"]["minutes"]) == ["start", "pca", "stop"]
        assert (told["counts"]["images"], told["options"]["components"]) == (6, 5)
        shown = orchard("refit", "fruits", "--plan").stdout
        assert f"the features of {EARLIER}" in shown
        assert "Copies" not in shown
        assert not cloud.uploads

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("refit", ""), "It is empty"),
            (("refit", "plums"), "There is no run 'plums'"),
            (("refit", EARLIER, "--components", "5", "--variance", "0.5"), "not both"),
            (("refit", EARLIER, "--plan", "--fit-split", "Validation"), "it has Test, Training"),
            (("refit", EARLIER, "--fit-split", "Validation"), "Next: orchard refit fruits-0123456789ab --plan"),
            (("refit", "mine", "--local", "--no-wait"), "There is no folder mine"),
            (("refit", EARLIER, "--engine", "tensorflow"), "No such option: --engine"),
        ],
    )
    def test_what_cannot_be(self, cloud: FakeCloud, words: tuple[str, ...], said: str) -> None:
        result = orchard(*words)
        assert result.exit_code == 2
        assert said in " ".join(result.stderr.split())
        assert not cloud.uploads

    @pytest.mark.parametrize(
        "words",
        [("refit", "out/mine"), ("similar", "out/mine", "a.jpg"), ("run", "s3://b/c/", "--components-of", "out/mine")],
    )
    def test_a_folder_of_results_is_told_by_which_option_it_is_meant(
        self, cloud: FakeCloud, tmp_path: Path, words: tuple[str, ...]
    ) -> None:
        results_in(tmp_path / "out" / "mine")
        result = orchard(*words)
        assert result.exit_code == 2
        assert (
            "Error: out/mine is a folder of this machine\n  a folder of results is read with --local" in result.stderr
        )
        assert "Next: the same command with --local" in result.stderr

    def test_a_run_that_is_not_complete_is_told_before_anything_is_asked_for(self, cloud: FakeCloud) -> None:
        cloud.remove(f"runs/{EARLIER}/_manifest.json", "ResultsBucketName")
        result = orchard("refit", EARLIER, "--components", "5")
        assert result.exit_code == 2
        assert f"The run {EARLIER} is not complete" in result.stderr
        assert f"Next: orchard status {EARLIER}" in result.stderr
        assert not cloud.uploads


FIRST, SECOND = (RunFiles(f"s3://out/runs/{name}-0123456789ab") for name in ("first", "second"))


def results_in(folder: Path, files: Files | None = None, left: RunFiles = FIRST) -> Path:
    """The results of a run as `orchard run --local` leaves them."""
    if files is None:
        leave_run(files := Files(), left)
    for uri, text in files.texts.items():
        if uri.startswith(f"{left.base}/"):
            path = folder / left.relative(uri)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    mark(folder, Marker(frozenset(path.name for path in folder.iterdir()), left.name))
    return folder


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestOnThisMachine:
    def test_only_what_is_needed_of_a_folder_is_brought_and_nothing_in_it_changed(
        self, cloud: FakeCloud, tmp_path: Path
    ) -> None:
        folder = results_in(tmp_path / "fruits")
        before, s3 = everything(folder), boto3.client("s3")
        earlier = read_folder(folder)
        assert bring(s3, "orchard-results", earlier) == {str(folder): "first-0123456789ab"}
        found = read_earlier(s3, "orchard-results", "first-0123456789ab")
        assert (found.counts, found.model, found.engine) == (earlier.counts, earlier.model, earlier.engine)
        listed = s3.list_objects_v2(Bucket="orchard-results", Prefix="runs/first-0123456789ab/")["Contents"]
        made = [uri for stage in ("unzip", "featurize") for uri in FIRST.outputs(stage)]
        folders = {FIRST.relative(uri).partition("/")[0] for uri in made}
        assert {one["Key"].split("/")[2] for one in listed} == {*folders, "_manifest.json", "_stages", "summary.json"}
        assert everything(folder) == before

    def test_of_a_folder_that_uses_another_s_files_those_are_brought(self, cloud: FakeCloud, tmp_path: Path) -> None:
        files = Files()
        leave_run(files, FIRST)
        leave_run(files, SECOND, Origin(features=FIRST.base))
        first, second = results_in(tmp_path / "a/first", files), results_in(tmp_path / "b/second", files, SECOND)
        with pytest.raises(UsageError, match=f"uses files of the run {FIRST.name}, which is not beside it") as no:
            read_folder(second)
        beside = tmp_path / "b" / FIRST.name
        assert no.value.next_command == f"orchard results {FIRST.name} --out {beside}"
        results_in(beside, files)
        assert read_folder(second).for_refit().origin == Origin(features=str(beside))
        mark(second, Marker(read_marker(second).files, SECOND.name, {FIRST.name: str(first)}))
        earlier = read_folder(second)
        assert earlier.for_refit().origin == Origin(features=str(first))
        assert bring(boto3.client("s3"), "orchard-results", earlier) == {str(first): FIRST.name}

    def test_of_a_folder_that_has_another_run_by_now_nothing_is_taken(self, cloud: FakeCloud, tmp_path: Path) -> None:
        files = Files()
        leave_run(files, FIRST)
        leave_run(files, SECOND, Origin(features=FIRST.base))
        second, other = (
            results_in(tmp_path / "second", files, SECOND),
            results_in(tmp_path / "first", left=SECOND, files=files),
        )
        mark(second, Marker(read_marker(second).files, SECOND.name, {FIRST.name: str(other)}))
        with pytest.raises(UsageError, match=f"{FIRST.name}, which is not in {other} any more"):
            read_folder(second)

    @pytest.mark.parametrize(
        ("harm", "words", "fix"),
        [
            ("_manifest.json", "does not hold a complete run", "orchard results first-0123456789ab --out"),
            ("_stages/featurize.json", "featurize.json is missing or incomplete", ""),
            ("features/part-00000.csv", "features/part-00000.csv is missing", ""),
        ],
    )
    def test_a_folder_of_which_something_is_missing_is_refused(
        self, cloud: FakeCloud, tmp_path: Path, harm: str, words: str, fix: str
    ) -> None:
        folder = results_in(tmp_path / "fruits")
        (folder / harm).unlink()
        result = orchard("refit", str(folder), "--local", "--components", "3")
        assert result.exit_code == 2
        assert words in " ".join(result.stderr.split())
        assert fix in result.stderr

    def test_a_folder_is_planned_without_any_cloud(self, tmp_path: Path) -> None:
        folder = results_in(tmp_path / "fruits")
        told = json.loads(orchard("refit", str(folder), "--local", "--plan", "--json").stdout)
        assert (told["stages"], told["options"]["variance"]) == (["pca"], 0.9)

    @pytest.mark.parametrize("out", ["fruits", "other/../fruits", "link", "fruits/new"])
    def test_its_results_do_not_take_the_place_of_those_that_it_uses(
        self, cloud: FakeCloud, tmp_path: Path, out: str
    ) -> None:
        folder = results_in(tmp_path / "fruits")
        (tmp_path / "link").symlink_to(folder)
        before = everything(folder)
        result = orchard("refit", str(folder), "--local", "--out", out)
        assert result.exit_code == 2
        assert "choose another --out" in result.stderr
        assert everything(folder) == before


@pytest.mark.parametrize(
    ("run", "key"),
    [
        (EARLIER, "fruits-refit.orchard.json"),
        ("fruits-refit-0123456789ab", "fruits-refit.orchard.json"),
        ("Fruits_again", "Fruits_again-refit.orchard.json"),
    ],
)
def test_a_request_is_called_after_the_run(run: str, key: str) -> None:
    assert refit_key(run) == key
