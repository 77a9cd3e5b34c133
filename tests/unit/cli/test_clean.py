"""`orchard clean` deletes what is named, after showing it and asking; a run that goes on keeps everything."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchard import layout
from orchard.cache.held import held_folder
from tests.support.cloud import awsfakes
from tests.support.cloud.fake import FakeCloud, orchard


@pytest.fixture
def cloud(make_cloud: Callable[..., FakeCloud]) -> FakeCloud:
    """Two runs that are done, with their files."""
    cloud = make_cloud(logs={"j-1/steps/s-1/stderr.gz": "log"})
    for run in ("fruits-1", "pears-1"):
        cloud.start(run)
        cloud.ended(run)
        cloud.leave(run)
    return cloud


def keys(bucket: str = "orchard-results") -> set[str]:
    answer = awsfakes.session().client("s3").list_object_versions(Bucket=bucket)
    return {one["Key"] for kind in ("Versions", "DeleteMarkers") for one in answer.get(kind, [])}  # type: ignore[attr-defined]


def refit(run: str, **origin: str) -> None:
    """Leave a run that has begun with the results of others."""
    plan = {"origin": {what: f"s3://orchard-results/runs/{name}" for what, name in origin.items()}}
    body = json.dumps(plan).encode()
    awsfakes.session().client("s3").put_object(Bucket="orchard-results", Key=f"runs/{run}/plan.json", Body=body)


class TestStored:
    def test_it_shows_asks_and_deletes_what_was_named(self, cloud: FakeCloud) -> None:
        others = {key for key in keys() if not key.startswith("runs/fruits-1/")}
        result = orchard("clean", "outputs", "fruits", typed="y\n")
        assert result.exit_code == 0, result.stderr
        title, line = result.stdout.splitlines()
        assert title.split() == ["Run", "Objects", "Size", "Last", "written"]
        assert line.split()[:2] == ["fruits-1", "4"]
        assert "Delete 4 objects (" in result.stderr
        assert "in s3://orchard-results/ for good? [y/N]" in result.stderr
        assert "Deleted 4 objects (" in result.stderr
        assert keys() == others | {"deleted/fruits-1.json"}

    def test_outputs_that_other_runs_need_stay_unless_told(self, cloud: FakeCloud) -> None:
        refit("second-1", features="fruits-1", images="pears-1")
        refit("third-1", components="second-1")
        refit("fourth-1", known="third-1")
        before = keys()
        refused = orchard("clean", "outputs", "fruits-1", "--yes")
        assert refused.exit_code == 2
        assert "Other runs need the outputs of the run fruits-1" in refused.stderr
        assert "second-1: their images, features or components are in it" in refused.stderr
        assert "Next: orchard clean outputs fruits-1 --needed" in refused.stderr
        assert orchard("clean", "outputs", "second-1", "pears-1", "--yes").exit_code == 2, "third-1 needs one of both"
        assert keys() == before
        old = orchard("clean", "outputs", "--older-than", "0h", "--dry-run", "--json")
        assert json.loads(old.stdout)["needed"] == {}, "with those that need them everything may go"

        assert orchard("clean", "outputs", "fourth-1", "third-1", "--yes").exit_code == 0
        assert orchard("clean", "outputs", "fruits-1", "--needed", "--yes").exit_code == 0
        assert not {key for key in keys() if key.startswith(("runs/fruits-1/", "runs/third-1/"))}
        assert orchard("clean", "outputs", "second-1", "pears-1", "--yes").exit_code == 0

    def test_logs_are_asked_for_by_their_own_name(self, cloud: FakeCloud) -> None:
        assert orchard("clean", "logs", "--all", "--yes").exit_code == 0
        assert {key.split("/")[0] for key in keys()} == {"runs"}

    @pytest.mark.parametrize("words", [("--dry-run",), ("--older-than", "1d"), ("--older-than", "1d", "--yes")])
    def test_what_is_not_old_or_only_looked_at_stays(self, cloud: FakeCloud, words: tuple[str, ...]) -> None:
        before = keys()
        result = orchard("clean", "outputs", *(words if "--older-than" in words else (*words, "--all")))
        assert result.exit_code == 0, result.stderr
        assert keys() == before

    def test_a_dry_run_says_how_much_it_would_be(self, cloud: FakeCloud) -> None:
        told = orchard("clean", "logs", "--all", "--dry-run")
        assert told.stderr == "This would delete 2 objects (6 bytes).\n"

    def test_no_means_no(self, cloud: FakeCloud) -> None:
        before = keys()
        assert orchard("clean", "outputs", "--all", typed="n\n").stderr.endswith("Nothing was deleted.\n")
        assert orchard("clean", "outputs", "--all").exit_code == 2
        assert keys() == before

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("outputs",), "Name what to delete"),
            (("outputs", "plums"), "There is no run with outputs 'plums'"),
            (("outputs", "fruits-1", "--all"), "not both"),
            (("outputs", "--older-than", "soon"), "is not an age"),
            (("everything", "--all"), "'everything' cannot be cleaned"),
        ],
    )
    def test_what_cannot_be_meant(self, cloud: FakeCloud, words: tuple[str, ...], said: str) -> None:
        result = orchard("clean", *words, "--yes")
        assert result.exit_code == 2
        assert said in result.stderr

    def test_json(self, cloud: FakeCloud) -> None:
        told = json.loads(orchard("clean", "outputs", "pears-1", "--yes", "--json").stdout)
        assert (told["thing"], told["objects"], told["deleted"]) == ("outputs", 4, True)
        [run] = told["runs"]
        assert (run["run"], run["objects"], run["bytes"]) == ("pears-1", 4, told["bytes"])


class TestARunThatGoesOn:
    @pytest.fixture
    def cloud(self, make_cloud: Callable[..., FakeCloud]) -> FakeCloud:
        cloud = make_cloud(goes_on=True)
        cloud.start("fruits-1")
        cloud.leave("fruits-1")
        cloud.leave("pears-1")
        return cloud

    def test_is_refused_by_name(self, cloud: FakeCloud) -> None:
        before = keys()
        result = orchard("clean", "outputs", "fruits-1", "pears-1", "--yes")
        assert result.exit_code == 2
        assert "Error: The run fruits-1 is still going on" in result.stderr
        assert "Next: orchard stop fruits-1" in result.stderr
        assert keys() == before

    @pytest.mark.parametrize("what", ["features", "known"])
    def test_what_it_needs_stays_too(self, cloud: FakeCloud, what: str) -> None:
        refit("fruits-1", **{what: "pears-1"})
        told = orchard("clean", "outputs", "--all", "--yes", "--json")
        assert json.loads(told.stdout)["needed"] == {"pears-1": ["fruits-1"]}
        assert "outputs of the run pears-1 are kept, since fruits-1 needs them; --needed deletes them" in told.stderr
        assert {key.split("/")[1] for key in keys()} >= {"fruits-1", "pears-1"}

    def test_is_left_out_of_all(self, cloud: FakeCloud) -> None:
        result = orchard("clean", "outputs", "--all", "--yes")
        assert result.exit_code == 0
        assert "The run fruits-1 is still going on; its outputs are kept.\n" in result.stderr
        assert {key.split("/")[1] for key in keys() if key.startswith("runs/")} == {"fruits-1"}


class TestUploads:
    @pytest.fixture
    def cloud(self, make_cloud: Callable[..., FakeCloud]) -> FakeCloud:
        return make_cloud()

    @pytest.fixture
    def uploaded(self, cloud: FakeCloud) -> dict[str, str]:
        """Two versions of one zip: the runs that they will start, and their ids."""
        s3 = awsfakes.session().client("s3")
        ids = [s3.put_object(Bucket="orchard-input", Key="fruits.zip", Body=b"PK")["VersionId"] for _ in range(2)]
        return {layout.run_id("orchard-input", "fruits.zip", version_id=one): one for one in ids}

    def test_one_that_may_just_be_starting_its_run_stays(self, uploaded: dict[str, str]) -> None:
        result = orchard("clean", "uploads", "--all", "--yes")
        assert result.exit_code == 0
        assert result.stderr.count("is still going on; its uploads are kept") == 2
        assert keys("orchard-input") == {"fruits.zip"}

    def test_all_versions_go(self, uploaded: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("orchard.runs.follow.PATIENCE", -1.0)
        awsfakes.session().client("s3").delete_object(Bucket="orchard-input", Key="fruits.zip")
        run = next(iter(uploaded))
        assert orchard("clean", "uploads", run, "--yes").exit_code == 0
        assert keys("orchard-input") == {"fruits.zip"}
        assert orchard("clean", "uploads", "--all", "--yes").exit_code == 0
        assert keys("orchard-input") == set()

    def test_a_run_that_has_ended_needs_its_upload_no_more(self, cloud: FakeCloud, uploaded: dict[str, str]) -> None:
        run, other = uploaded
        cloud.start(run)
        cloud.ended(run)
        assert orchard("clean", "uploads", run, "--yes").exit_code == 0
        left = awsfakes.session().client("s3").list_object_versions(Bucket="orchard-input")["Versions"]
        assert [one["VersionId"] for one in left] == [uploaded[other]]

    def test_what_a_request_names_that_may_come_yet_stays_for_a_day(self, cloud: FakeCloud) -> None:
        s3 = awsfakes.session().client("s3")
        s3.put_object(Bucket="orchard-input", Key="sources/1/a.zip", Body=b"PK")
        assert "its uploads are kept" in orchard("clean", "uploads", "--all", "--yes").stderr
        assert keys("orchard-input") == {"sources/1/a.zip"}
        body = b'{"sources": ["s3://orchard-input/sources/1/a.zip"]}'
        made = s3.put_object(Bucket="orchard-input", Key="a.orchard.json", Body=body)
        run = layout.run_id("orchard-input", "a.orchard.json", version_id=made["VersionId"])
        cloud.start(run, "a.orchard.json", made["VersionId"])
        cloud.ended(run)
        assert orchard("clean", "uploads", run, "--yes").exit_code == 0
        assert keys("orchard-input") == set()

    def test_what_a_run_reads_that_goes_on_stays_whoever_has_uploaded_it(
        self, make_cloud: Callable[..., FakeCloud], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("orchard.runs.follow.PATIENCE", -1.0)
        cloud, s3 = make_cloud(goes_on=True), awsfakes.session().client("s3")
        s3.put_object(Bucket="orchard-input", Key="fruits.zip", Body=b"PK")
        body = b'{"sources": ["s3://orchard-input/fruits.zip"]}'
        made = s3.put_object(Bucket="orchard-input", Key="a.orchard.json", Body=body)
        run = layout.run_id("orchard-input", "a.orchard.json", version_id=made["VersionId"])
        cloud.start(run, "a.orchard.json", made["VersionId"])
        cloud.waits(run)
        told = orchard("clean", "uploads", "--all", "--yes").stderr
        assert "1 of the uploads stay: other runs have named them, too, or go on and read them." in told
        assert keys("orchard-input") == {"a.orchard.json", "fruits.zip"}


class TestLocal:
    @pytest.fixture
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """What a machine keeps, and one file that is somebody's own."""
        monkeypatch.setenv("ORCHARD_HOME", str(tmp_path))
        for name in ("local/cloud-1-a/logs/x.log", "local/cloud-2-b/logs/y.log", "models/m/model.onnx", "jars/s3a.jar"):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("12345")
        (tmp_path / "mine.txt").write_text("mine")
        os.utime(tmp_path / "local/cloud-1-a", (0, 0))
        return tmp_path

    def left(self, home: Path) -> set[str]:
        return {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}

    def test_parts_by_name(self, home: Path) -> None:
        result = orchard("clean", "local", "clouds", "models", typed="y\n")
        assert result.exit_code == 0, result.stderr
        assert f"Delete 3 files (15 bytes) in {home}? [y/N]" in result.stderr
        assert [line.split()[0] for line in result.stdout.splitlines()] == ["Part", "clouds", "clouds", "models"]
        assert self.left(home) == {"jars/s3a.jar", "mine.txt"}

    def test_all_of_it_is_what_can_be_made_again(self, home: Path) -> None:
        assert orchard("clean", "local", "--all", "--yes").exit_code == 0
        assert self.left(home) == {"mine.txt"}
        assert orchard("clean", "local", "--all").stderr == "Nothing on this machine matches.\n"

    def test_by_age(self, home: Path) -> None:
        told = json.loads(orchard("clean", "local", "--older-than", "30d", "--yes", "--json").stdout)
        assert [one["path"] for one in told["paths"]] == [str(home / "local/cloud-1-a")]
        assert "local/cloud-2-b/logs/y.log" in self.left(home)

    def test_a_dry_run_and_a_no_delete_nothing(self, home: Path) -> None:
        before = self.left(home)
        assert orchard("clean", "local", "--all", "--dry-run").stderr == "This would delete 4 files (20 bytes).\n"
        assert orchard("clean", "local", "--all", typed="n\n").stderr.endswith("Nothing was deleted.\n")
        assert self.left(home) == before

    def test_what_a_running_cloud_needs_is_refused(self, home: Path) -> None:
        with held_folder(home / "local", "cloud-3-"):
            before = self.left(home)
            result = orchard("clean", "local", "jars", "--yes")
            assert result.exit_code == 2
            assert "A local cloud is running" in result.stderr
            assert self.left(home) == before

    @pytest.mark.parametrize(
        ("words", "said"), [((), "Name what to delete"), (("pip",), "no local 'pip'"), (("jars", "--all"), "not both")]
    )
    def test_what_cannot_be_meant(self, home: Path, words: tuple[str, ...], said: str) -> None:
        result = orchard("clean", "local", *words, "--yes")
        assert result.exit_code == 2
        assert said in result.stderr
