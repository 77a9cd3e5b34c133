"""`orchard run` against a cloud that pretends: what is uploaded, told, brought home, and how it ends."""

import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner, Result

from orchard.aws import sessions
from orchard.aws.stack import Stack
from orchard.cli.app import app
from orchard.cli.ending import Asked, _likeliest_log, as_kept, what_is_kept
from orchard.cli.run import run_sources
from orchard.cli.target import LocalPlace
from orchard.errors import UsageError, WeightsUnavailableError, quoted
from orchard.features.model import ModelFolder
from orchard.layout import OPTIONS_METADATA_KEY
from orchard.options import RunOptions
from orchard.pipeline.state import RunState
from orchard.runs.progress import Progress, StepProgress
from orchard.runs.upload import Upload
from tests.support.cloud import awsfakes
from tests.support.cloud.fake import RESULTS, SUMMARY, FakeCloud, model_folder
from tests.support.pictures.drawn import CLASSES, fruit_members, write_zip

runner = CliRunner()


@pytest.fixture
def fruits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_zip(tmp_path / "My Fruits.ZIP", fruit_members(1, 1))


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFolder:
    folder = model_folder(tmp_path / "model", "random")
    monkeypatch.setattr("orchard.features.export.model_for", lambda weights, cache: folder)
    return folder


def run(*arguments: object) -> Result:
    return runner.invoke(app, ["run", *map(str, arguments)])


def options_of(cloud: FakeCloud) -> RunOptions:
    [upload] = [one for one in cloud.uploads if one["Bucket"] == cloud.outputs["InputBucketName"]]
    return RunOptions.from_metadata(upload["Metadata"][OPTIONS_METADATA_KEY])


class TestInABucketThatWasThere:
    def test_the_run_of_an_upload_without_a_version_is_found_by_what_it_is_about(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        cloud = make_cloud(existing_bucket=True)
        cloud.start("my-fruits-0123456789ab", "My Fruits.zip", None, "another")
        done = run(fruits, "--json")
        assert done.exit_code == 0, done.stderr
        found = json.loads(done.stdout)["run_id"]
        assert found.startswith("my-fruits-")
        assert found != "my-fruits-0123456789ab"
        assert options_of(cloud) == RunOptions()

    def test_nothing_of_somebody_else_s_is_overwritten(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        cloud = make_cloud(existing_bucket=True)
        boto3.client("s3").put_object(Bucket=cloud.outputs["InputBucketName"], Key="My Fruits.zip", Body=b"theirs")
        done = run(fruits)
        assert done.exit_code == 2
        assert "There is another My Fruits.zip in orchard-input" in done.stderr
        assert "Next: aws s3 rm 's3://orchard-input/My Fruits.zip'" in done.stderr

    def test_an_upload_that_starts_nothing_is_a_matter_for_the_doctor(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cloud = make_cloud(existing_bucket=True)
        cloud.starts_runs = False
        monkeypatch.setattr("orchard.runs.follow.PATIENCE", 0)
        monkeypatch.setattr("orchard.runs.started._PAUSE", 0.05)
        done = run(fruits)
        assert done.exit_code == 1
        assert "no event of orchard-input has reached the pipeline" in done.stderr
        assert "Next: orchard doctor" in done.stderr


class TestInAws:
    def test_upload_follow_copy_and_tell(self, make_cloud: Callable[..., FakeCloud], fruits: Path) -> None:
        cloud = make_cloud()
        result = run(fruits, "--out", "mine")
        assert result.exit_code == 0, result.stderr
        assert [upload["Key"] for upload in cloud.uploads] == ["My Fruits.zip"]
        assert {path.name for path in (fruits.parent / "mine").iterdir()} >= {"report.html", "summary.json", "rejected"}
        told = result.stderr.splitlines()
        assert any("uploaded My Fruits.ZIP" in line for line in told)
        steps = [line[10:] for line in told if line[:8].strip().count(":") == 1 and line[8:10] == "  "]
        assert [line for line in steps if "cluster j-" not in line] == [
            "reading the zip's list of members", "asking for a cluster", "waiting for the steps", "notifying",
        ]  # fmt: skip
        assert "57, which explain 90.1% of the variance" in result.stdout
        assert "mine/report.html" in result.stdout

    def test_results_go_to_a_folder_of_the_runs_name_unless_told_otherwise(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        make_cloud()
        assert run(fruits).exit_code == 0
        [folder] = (fruits.parent / "out").iterdir()
        assert folder.name.startswith("my-fruits-")
        assert (folder / "report.html").exists()

    def test_the_options_travel_with_the_upload(self, make_cloud: Callable[..., FakeCloud], fruits: Path) -> None:
        cloud = make_cloud()
        chosen = ["--components", 20, "--engine", "tensorflow", "--fit-split", "Training", "--max-rejected", "12%"]
        label = min(CLASSES)
        chosen += ["--truncated", "keep", "--limit", 9, "--only-label", label, "--only-label", label]
        nodes = ["--node-size", "xlarge", "--core-nodes", 2, "--spot-nodes", 1]
        assert run(fruits, *chosen, *nodes).exit_code == 0
        assert options_of(cloud) == RunOptions(
            components=20,
            engine="tensorflow",
            fit_split="Training",
            max_rejected=0.12,
            truncated="keep",
            limit=9,
            only_label=(label,),
            node_size="xlarge",
            core_nodes=2,
            spot_nodes=1,
        )

    def test_money_for_which_there_is_no_size_is_refused_before_a_local_cloud_is_started(
        self, fruits: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("orchard.cli.run.exported_model", lambda *_: pytest.fail("something was prepared"))
        refused = run(fruits, "--local", "--max-usd", 0.01)
        assert refused.exit_code == 2
        assert "Error: The run would cost more than the $0.01 allowed" in refused.stderr
        assert f"Next: orchard run {quoted(str(fruits))} --local --max-usd 0.0" in refused.stderr

    def test_without_weights_the_releases_own_model_is_used(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        cloud = make_cloud()
        assert run(fruits).exit_code == 0
        assert options_of(cloud).model is None

    def test_weights_are_published_as_a_model_of_the_run(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path, model: ModelFolder
    ) -> None:
        cloud = make_cloud()
        result = run(fruits, "--weights", "random")
        assert result.exit_code == 0, result.stderr
        assert options_of(cloud).model == model.manifest.id
        key = f"models/{model.manifest.id}/manifest.json"
        bucket = cloud.outputs["ArtefactsBucketName"]
        assert awsfakes.session().client("s3").head_object(Bucket=bucket, Key=key)
        assert "RANDOM WEIGHTS" in result.stderr

    def test_random_weights_are_told_again_with_the_results(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        summary = SUMMARY | {"model": {"name": "MobileNetV2", "weights": "random"}}
        make_cloud(results=RESULTS | {"summary.json": json.dumps(summary)})
        assert "RANDOM WEIGHTS" in run(fruits).stderr

    def test_json_is_all_there_is_on_stdout(self, make_cloud: Callable[..., FakeCloud], fruits: Path) -> None:
        make_cloud()
        result = run(fruits, "--out", "mine", "--json")
        told = json.loads(result.stdout)
        assert told["status"] == "SUCCEEDED"
        assert told["report"] == "mine/report.html"
        assert told["summary"] == SUMMARY
        assert told["seconds"] >= 0

    def test_nobody_has_to_wait(self, make_cloud: Callable[..., FakeCloud], fruits: Path) -> None:
        make_cloud()
        result = run(fruits, "--no-wait", "--json", "--out", "mine")
        assert result.exit_code == 0
        assert json.loads(result.stdout)["status"] == "STARTED"
        name = json.loads(result.stdout)["run_id"]
        assert f"  orchard watch {name}\n" in result.stderr
        assert f"  orchard results {name} --out mine\n" in result.stderr
        assert not (fruits.parent / "out").exists()

    def test_ctrl_c_leaves_the_run_alone_and_says_how_to_come_back(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_cloud()

        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("orchard.cli.display.follow", interrupted)
        result = run(fruits, "--out", "my results")
        assert result.exit_code == 130
        assert "goes on without you" in result.stderr
        assert "  orchard watch my-fruits-" in result.stderr
        assert re.search(r"^  orchard results my-fruits-\w+ --out 'my results'$", result.stderr, re.MULTILINE)

    def test_no_stack(self, make_cloud: Callable[..., FakeCloud], fruits: Path) -> None:
        make_cloud()
        result = runner.invoke(app, ["run", str(fruits)], env={"ORCHARD_STACK": "staging"})
        assert result.exit_code == 3
        assert "sam build && sam deploy --stack-name staging" in result.stderr


class TestBeforeAnythingIsUploaded:
    @pytest.fixture
    def cloud(self, make_cloud: Callable[..., FakeCloud]) -> Iterator[FakeCloud]:
        cloud = make_cloud()
        yield cloud
        assert cloud.uploads == []

    @pytest.mark.parametrize(
        "arguments",
        [("--components", 3, "--variance", 0.5), ("--components", 0), ("--variance", 1.5), ("--engine", "abacus")],
    )
    def test_options_that_make_no_sense(self, cloud: FakeCloud, fruits: Path, arguments: tuple[object, ...]) -> None:
        result = run(fruits, *arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: ")

    def test_a_file_that_is_not_there(self, cloud: FakeCloud, fruits: Path) -> None:
        assert run("absent.zip").exit_code == 2

    def test_a_folder_of_somebody_elses(self, cloud: FakeCloud, fruits: Path) -> None:
        result = run(fruits, "--out", fruits.parent)
        assert result.exit_code == 2
        assert "contains something other" in result.stderr

    def test_weights_that_are_not_to_be_had(
        self, cloud: FakeCloud, fruits: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unavailable(name: str) -> None:
            raise WeightsUnavailableError("The ImageNet weights are not available", "there are three ways out", "curl")

        monkeypatch.setattr("orchard.features.weights.resolve_weights", unavailable)
        result = run(fruits, "--weights", "imagenet")
        assert result.exit_code == 3
        assert "three ways out" in result.stderr

    def test_a_split_that_the_zip_does_not_have(self, cloud: FakeCloud, tmp_path: Path) -> None:
        result = run(write_zip(tmp_path / "fruits.zip", fruit_members(1, 1)), "--fit-split", "Validation")
        assert result.exit_code == 2
        assert "The archive has no split 'Validation'" in result.stderr

    def test_a_java_home_without_java(
        self, cloud: FakeCloud, fruits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is said before the model is prepared, which takes a while."""
        monkeypatch.setenv("JAVA_HOME", str(tmp_path))
        monkeypatch.setattr("orchard.features.export.model_for", lambda *_: pytest.fail("a model was prepared"))
        for command in (("run", fruits, "--local"), ("local", "up")):
            result = runner.invoke(app, [*map(str, command), "--weights", "random"])
            assert result.exit_code == 3
            assert "JAVA_HOME" in result.stderr

    def test_a_local_run_nobody_waits_for(self, cloud: FakeCloud, fruits: Path) -> None:
        result = run(fruits, "--local", "--no-wait")
        assert result.exit_code == 2
        assert "Next: orchard local up" in result.stderr


class TestFailures:
    def test_a_refused_archive_is_exit_2_with_the_reason(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        make_cloud(outcome={"Error": "ArchiveRefused", "Cause": "My Fruits.zip is not a zip: it is empty"}, results={})
        result = run(fruits, "--out", "mine")
        assert result.exit_code == 2
        assert "Error: My Fruits.ZIP was refused" in result.stderr
        assert "it is empty" in result.stderr
        assert f"Next: orchard plan '{fruits}'" in result.stderr
        assert not (fruits.parent / "mine").exists()

    def test_what_a_plan_would_not_find_wrong_is_mended_by_what_the_pipeline_says(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        deploy = "sam deploy --parameter-overrides Engines=onnxruntime,tensorflow"
        make_cloud(outcome={"Error": "ArchiveRefused", "Cause": "It is not deployed.", "next": deploy}, results={})
        assert f"Next: {deploy}\n" in run(fruits).stderr

    def test_a_failed_run_is_exit_1_with_the_cause_and_the_logs(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        logs = {"j-1/steps/s-1/stderr.gz": "log", "j-1/steps/s-1/controller.gz": "log"}
        make_cloud(outcome={"Error": "RunFailed", "Cause": "The disk is full."}, results={}, logs=logs)
        result = run(fruits, "--out", "mine")
        assert result.exit_code == 1
        assert "failed\n  The disk is full.\n" in result.stderr
        assert "the logs are in mine/logs\n" in result.stderr
        assert "Next: orchard diagnose my-fruits-" in result.stderr
        assert (fruits.parent / "mine/logs/j-1/steps/s-1/stderr.gz").exists()

    def test_without_logs_there_is_still_something_to_ask(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        make_cloud(outcome={"Error": "RunFailed", "Cause": "No capacity."}, results={})
        result = run(fruits)
        assert result.exit_code == 1
        assert "Next: orchard diagnose my-fruits-" in result.stderr
        assert "the logs are in" not in result.stderr

    def test_an_upload_that_starts_nothing(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("orchard.runs.follow.PATIENCE", 0.1)
        make_cloud().starts_runs = False
        result = run(fruits)
        assert result.exit_code == 1
        assert "The upload started no run" in result.stderr
        assert "Next: sam logs --region eu-west-1 --stack-name orchard" in result.stderr


class TestLocally:
    """`--local` wraps the very same code: only the place is another."""

    @pytest.fixture
    def cloud(
        self, make_cloud: Callable[..., FakeCloud], model: ModelFolder, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[..., FakeCloud]:
        def start(**script: Mapping[str, str]) -> FakeCloud:
            cloud = make_cloud(**script)

            @contextmanager
            def in_local_cloud(folder: object, engine: str, told: object, port: int = 0) -> Iterator[LocalPlace]:
                cloud.environment["ENTERED"] = engine
                session = sessions.open_session()
                stack = Stack.load(session)
                yield LocalPlace(
                    session=session,
                    stack=stack,
                    notices=lambda: cloud.notices,
                    after_interruption=lambda run, _: f"{run} ends",
                    later=lambda *_: "",
                    function_logs="tail",
                    environment=cloud.environment,
                )
                cloud.environment["ENTERED"] += " and left"

            monkeypatch.setattr("orchard.cli.target.in_local_cloud", in_local_cloud)
            return cloud

        return start

    def test_a_run_from_end_to_end(self, cloud: Callable[..., FakeCloud], fruits: Path) -> None:
        local = cloud()
        result = run(fruits, "--local", "--weights", "random", "--out", "mine")
        assert result.exit_code == 0, result.stderr
        assert local.environment["ENTERED"] == "onnxruntime and left"
        assert (fruits.parent / "mine/report.html").exists()
        assert (fruits.parent / "mine/notice.txt").read_text().startswith("Orchard: my-fruits-")

    def test_after_a_failure_the_log_is_what_is_left_of_the_cloud(
        self, cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        logs = {"j-1/steps/s-1/stderr.gz": "log", "j-1/steps/s-1/controller.gz": "log"}
        cloud(outcome={"Error": "RunFailed", "Cause": "The disk is full."}, results={}, logs=logs)
        result = run(fruits, "--local", "--weights", "random", "--out", "mine")
        assert result.exit_code == 1
        assert "Next: zless mine/logs/j-1/steps/s-1/stderr.gz" in result.stderr

    def test_after_a_failure_the_list_of_rejections_is_kept_and_messages_name_what_there_is(
        self, cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        uri = f"s3://{awsfakes.OUTPUTS['InputBucketName']}/My Fruits.zip"
        results = {"rejected/part-unzip.csv": "path,stage,reason\r\n", "rejected/part-featurize.csv": "x" * 50}
        cloud(outcome={"Error": "RunFailed", "Cause": f"{uri} holds noise."}, results=results)
        result = run(fruits, "--local", "--weights", "random", "--out", "mine")
        assert result.exit_code == 1
        assert f"{fruits} holds noise." in result.stderr
        assert "the rejected images are listed in mine/rejected" in result.stderr
        assert (fruits.parent / "mine/rejected/part-featurize.csv").read_text() == "x" * 50

    def test_after_a_failure_without_a_log_there_is_nothing_to_ask(
        self, cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        cloud(outcome={"Error": "RunFailed", "Cause": "No capacity."}, results={})
        result = run(fruits, "--local", "--weights", "random", "--out", "mine")
        assert result.exit_code == 1
        assert result.stderr.endswith("failed\n  No capacity.\n")

    def test_the_weights_are_imagenet_by_default(
        self, cloud: Callable[..., FakeCloud], fruits: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cloud()
        asked: list[str] = []

        def exported_model(weights: str, console: object) -> ModelFolder:
            asked.append(weights)
            return model_folder(fruits.parent / "m")

        monkeypatch.setattr("orchard.cli.run.exported_model", exported_model)
        assert run(fruits, "--local").exit_code == 0
        assert asked == ["imagenet"]

    def test_the_notice_of_a_refusal_is_kept(self, cloud: Callable[..., FakeCloud], fruits: Path) -> None:
        cloud(outcome={"Error": "ArchiveRefused", "Cause": "it is empty"}, results={})
        result = run(fruits, "--local", "--weights", "random", "--out", "mine")
        assert result.exit_code == 2
        assert [path.name for path in (fruits.parent / "mine").glob("[!.]*")] == ["notice.txt"]


def test_what_is_told_of_a_cloud_that_has_ended_is_what_there_is_of_it() -> None:
    upload = Upload("in", "früits.zip", "v1", "e", "fruits-1", 9)
    uploaded = {"s3://in/sources/1/a.zip": "b/a.zip"}
    asked = Asked("früits.zip", "orchard plan früits.zip", "orchard run früits.zip --local", "a b/früits.zip", uploaded)
    kept = what_is_kept("out", upload, asked, Path("mine"), None, "zless mine/logs/j/stdout.gz")
    notice = """all are in
s3://out/runs/fruits-1/rejected/

Where
s3://out/logs/fruits-1/j/stdout.gz

Archive
s3://in/früits.zip
s3://in/sources/1/a.zip and 1 more

Results
s3://out/runs/fruits-1/

Next
orchard diagnose fruits-1
orchard report fruits-1
orchard results fruits-1 --out out/fruits-1
"""
    assert as_kept(notice, kept).splitlines() == [
        "all are in", "mine/rejected/", "",
        "Where", "mine/logs/j/stdout.gz", "",
        "Archive", "a b/früits.zip", "b/a.zip and 1 more", "",
        "Results", "mine/", "",
        "Next", "zless mine/logs/j/stdout.gz", "mine/report.html", "mine",
    ]  # fmt: skip


class TestTheLogToRead:
    """After a failure the user is sent to one log: the one in which the cause most likely is."""

    STEP_1 = Path("logs/j-1/steps/s-1/stderr.gz")
    STEP_2 = Path("logs/j-1/steps/s-2/stdout.gz")
    SPARK_2 = Path("logs/j-1/steps/s-2/stderr.gz")
    CONTROLLER = Path("logs/j-1/steps/s-2/controller.gz")
    BOOT = Path("logs/j-1/node/i-1/bootstrap-actions/1/stderr.gz")

    def likeliest(self, *logs: Path) -> Path | None:
        steps = (StepProgress("unzip", "s-1", "COMPLETED"), StepProgress("featurize", "s-2", "FAILED"))
        failed = Progress("FAILED", (), "", RunState(cluster="j-1"), "TERMINATED", steps, timedelta())
        return _likeliest_log(failed, list(logs))

    def test_the_failed_steps_stdout_where_python_writes(self) -> None:
        assert self.likeliest(self.BOOT, self.CONTROLLER, self.STEP_1, self.SPARK_2, self.STEP_2) == self.STEP_2

    def test_else_the_failed_steps_stderr_where_spark_writes(self) -> None:
        assert self.likeliest(self.BOOT, self.CONTROLLER, self.STEP_1, self.SPARK_2) == self.SPARK_2

    def test_else_a_bootstrap_actions(self) -> None:
        assert self.likeliest(self.STEP_1, self.BOOT) == self.BOOT

    def test_else_whatever_there_is(self) -> None:
        assert self.likeliest(self.CONTROLLER) == self.CONTROLLER
        assert self.likeliest() is None


def test_the_function_without_the_command(make_cloud: Callable[..., FakeCloud], fruits: Path) -> None:
    make_cloud()
    result = run_sources([fruits], RunOptions(), out=fruits.parent / "mine")
    assert (result.status, result.folder, result.summary) == ("SUCCEEDED", fruits.parent / "mine", SUMMARY)
    with pytest.raises(UsageError):
        run_sources([fruits.with_suffix(".tar")], RunOptions())


class TestSeveralSources:
    """Files of this machine are uploaded to where they start nothing, and a request names them with what is in S3."""

    def test_a_request_asks_for_one_run_of_all(self, make_cloud: Callable[..., FakeCloud], fruits: Path) -> None:
        cloud = make_cloud()
        bucket = cloud.outputs["InputBucketName"]
        done = run(fruits, "s3://elsewhere/figs/", "--components", 5, "--no-wait", "--json")
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)["run_id"].startswith("my-fruits-")
        [uploaded, asked] = [one["Key"] for one in cloud.uploads if one["Bucket"] == bucket]
        assert re.fullmatch("sources/[0-9a-f]{12}/My Fruits.zip", uploaded)
        assert asked == "My Fruits.orchard.json"
        request = json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=asked)["Body"].read())
        assert request["sources"] == [f"s3://{bucket}/{uploaded}", "s3://elsewhere/figs/"]
        assert request["options"]["components"] == 5

    def test_a_local_cloud_reads_nothing_of_aws(self, fruits: Path) -> None:
        done = run(fruits, "s3://elsewhere/figs/", "--local")
        assert done.exit_code == 2
        assert "s3://elsewhere/figs/ is not on this machine" in done.stderr
        assert "Next: aws s3 cp --recursive s3://elsewhere/figs/ ." in done.stderr

    def test_a_folder_is_uploaded_as_a_zip_and_told_of(
        self, make_cloud: Callable[..., FakeCloud], fruits: Path
    ) -> None:
        cloud = make_cloud()
        with zipfile.ZipFile(fruits) as archive:
            archive.extractall("figs")
        Path("figs/notes.txt").write_text("none")
        done = run("figs", "--no-wait")
        assert done.exit_code == 0, done.stderr
        assert [one["Key"] for one in cloud.uploads] == ["figs.zip"]
        assert "1 files stay here: 1 .txt" in " ".join(done.stderr.split())
        empty = run("figs/..", "--fit-split", "Validation", "--no-wait")
        assert empty.exit_code == 2
