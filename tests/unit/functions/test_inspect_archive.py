"""An archive is accepted with a plan, or refused with a reason; what is not the archive's fault is an error."""

import gzip
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from io import BytesIO
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.inspect_archive.app import handler
from orchard.archive.errors import SourceUnreachableError
from orchard.aws import clients
from orchard.features.model import ModelManifest
from orchard.jobs.stages import VERSIONS
from orchard.layout import STAGES, RunFiles
from orchard.options import RunOptions
from orchard.pipeline.origin import Origin
from tests.support.cloud.s3_answers import ACCESS_DENIED, IN_DEEP_ARCHIVE, KEY, SSE_C, Answer, answering, denied, there
from tests.support.pictures.drawn import fruit_members
from tests.support.stack.lambda_context import FakeContext
from tests.support.stored_run import MODEL, Files, leave_run, put_all
from tests.support.stored_run import RUN as STORED

RUN = "fruits-0123456789ab"


@pytest.fixture(autouse=True)
def _stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RESULTS_BUCKET", "out")
    monkeypatch.setenv("ARTEFACTS_BUCKET", "artefacts")
    monkeypatch.setenv("RELEASE", "cafe00000000")
    monkeypatch.setenv("MODEL", "own")
    monkeypatch.setenv("ENGINES", "onnxruntime")
    monkeypatch.setenv("NODE_ROOT", "/mnt/orchard")
    for name in ("DRIVER_POD_TEMPLATE", "EXECUTOR_POD_TEMPLATE", "EKS_LOG_GROUP"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MAXIMUM_USD", "0")
    monkeypatch.setenv("MAXIMUM_RUNS", "4")
    monkeypatch.setenv("COMPUTE", "emr-ec2")
    monkeypatch.setenv("REGION", "eu-south-1")
    monkeypatch.setenv("CHARGED", "true")
    for name in ("STACK_NAME", "SERVICE_ROLE", "NODE_PROFILE", "SECURITY_CONFIGURATION"):
        monkeypatch.setenv(name, f"the {name}")
    monkeypatch.setenv("SUBNETS", "subnet-0aaa,subnet-0bbb")
    monkeypatch.setenv("SECURITY_GROUPS", "")
    monkeypatch.setenv("SOURCE_BUCKETS", "")
    with mock_aws():
        s3 = clients.s3()
        for bucket in ("input", "out", "artefacts"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket="input", VersioningConfiguration={"Status": "Enabled"})
        yield


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


FRUITS = zipped(fruit_members(training=2, test=1))


def upload(body: bytes = FRUITS, options: str | None = None, key: str = "my früits.zip") -> dict[str, Any]:
    metadata = {} if options is None else {"orchard-options": options}
    put = clients.s3().put_object(Bucket="input", Key=key, Body=body, Metadata=metadata)
    archive = {"bucket": "input", "key": key, "version_id": put.get("VersionId"), "etag": put["ETag"].strip('"')}
    return {"run_id": RUN, "input": {"archive": {**archive, "size": len(body)}}}


def inspected(event: dict[str, Any]) -> dict[str, Any]:
    return handler(event, FakeContext())


def arguments(plan: dict[str, Any]) -> dict[str, list[str]]:
    """Those of the steps, by their names."""
    return {step["Name"]: step["HadoopJarStep"]["Args"] for step in plan["steps"]}


def written_plan() -> dict[str, Any]:
    return json.loads(clients.s3().get_object(Bucket="out", Key=f"runs/{RUN}/plan.json")["Body"].read())


def test_an_archive_is_accepted_with_its_plan_which_is_also_written() -> None:
    event = upload()
    plan = inspected(event)
    assert plan["accepted"] is True
    assert plan["counts"]["images"] == 12
    assert arguments(plan)["unzip"][-1] == f"--version-id={event['input']['archive']['version_id']}"
    assert arguments(plan)["featurize"][-5:-2] == ["s3://artefacts/models/own", "--engine", "onnxruntime"]
    assert arguments(plan)["featurize"][-2:] == ["--max-rejected", "0.05"]
    assert json.loads(json.dumps(plan)) == plan
    assert written_plan()["run_id"] == RUN
    assert written_plan()["steps"] == arguments(plan)


def test_what_a_run_will_compute_is_left_where_later_runs_look_for_it() -> None:
    inspected(upload())
    listed = clients.s3().list_objects_v2(Bucket="out", Prefix="index/")["Contents"]
    sizes = {one["Key"].split("/")[1]: one["Size"] for one in listed}
    assert sizes == {"contents": 0, "pictures": 12 * 8}
    [content] = [one["Key"] for one in listed if not one["Size"]]
    maker = f"own-onnxruntime-reject-{VERSIONS['unzip']}.{VERSIONS['featurize']}"
    assert content == f"index/contents/{written_plan()['content']}/{maker}/{RUN}"
    [pictures] = [one["Key"] for one in listed if one["Size"]]
    assert pictures.startswith(f"index/pictures/{maker}/")
    assert pictures.endswith(f"/{RUN}")


def test_the_options_travel_with_the_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINES", "onnxruntime,tensorflow")
    options = RunOptions(components=5, engine="tensorflow", fit_split="Training")
    plan = inspected(upload(options=options.to_metadata()))
    assert arguments(plan)["pca"][-4:] == ["--components", "5", "--fit-split", "Training"]
    assert plan["cluster"]["BootstrapActions"][0]["ScriptBootstrapAction"]["Args"][1] == "/mnt/orchard/tensorflow"


def test_a_cluster_is_made_of_what_the_stack_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    event = upload()
    cluster = inspected(event)["cluster"]
    assert (cluster["ServiceRole"], cluster["JobFlowRole"]) == ("the SERVICE_ROLE", "the NODE_PROFILE")
    assert cluster["SecurityConfiguration"] == "the SECURITY_CONFIGURATION"
    assert {"Key": "orchard:stack", "Value": "the STACK_NAME"} in cluster["Tags"]
    assert cluster["BootstrapActions"][0]["ScriptBootstrapAction"]["Args"][2] == "eu-south-1"
    assert cluster["Instances"]["Ec2SubnetIds"] == ["subnet-0aaa", "subnet-0bbb"]
    assert "ServiceAccessSecurityGroup" not in cluster["Instances"]
    monkeypatch.setenv("SECURITY_GROUPS", "sg-1,sg-2,sg-3")
    made = inspected(event)["cluster"]["Instances"]
    assert (made["EmrManagedMasterSecurityGroup"], made["EmrManagedSlaveSecurityGroup"]) == ("sg-1", "sg-2")
    assert made["ServiceAccessSecurityGroup"] == "sg-3"


@pytest.mark.parametrize(
    ("stack", "user", "cause", "then"),
    [
        ("0.01", None, "The run would cost more than the $0.01 allowed", "sam deploy --parameter-overrides Maximum"),
        ("5", 0.01, "The run would cost more than the $0.01 allowed", "orchard run 'my früits.zip' --max-usd 0.0"),
        (
            "5",
            6,
            "A run may not cost $6.00: the stack's MaximumUsd is $5.00",
            "sam deploy --parameter-overrides Maximum",
        ),
    ],
)
def test_what_costs_more_than_the_user_or_the_stack_allows_is_refused(
    monkeypatch: pytest.MonkeyPatch, stack: str, user: float | None, cause: str, then: str
) -> None:
    monkeypatch.setenv("MAXIMUM_USD", stack)
    refusal = inspected(upload(options=RunOptions(max_usd=user).to_metadata()))
    assert refusal["accepted"] is False
    assert refusal["error"]["Cause"].startswith(cause)
    assert refusal["next"].startswith(then)


def test_the_stacks_money_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inspected(upload())["options"]["max_usd"] is None
    monkeypatch.setenv("MAXIMUM_USD", "5")
    assert inspected(upload())["options"]["max_usd"] == written_plan()["options"]["max_usd"] == 5
    assert inspected(upload(options=RunOptions(max_usd=2).to_metadata()))["options"]["max_usd"] == 2


@pytest.mark.parametrize("compute", ["emr-serverless", "emr-eks"])
def test_on_job_runs_the_plan_has_jobs_and_no_cluster(compute: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPUTE", compute)
    monkeypatch.setenv("MAXIMUM_VCPUS", "72")
    plan = inspected(upload())
    assert plan["compute"] == written_plan()["compute"] == compute
    assert [re.split("[ /]", job["Name"]) for job in plan["jobs"]] == [[RUN, stage] for stage in STAGES]
    assert not {"cluster", "steps"} & set(plan)


def test_the_plan_says_whether_anybody_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inspected(upload())["charged"] is written_plan()["charged"] is True
    monkeypatch.setenv("CHARGED", "false")
    assert inspected(upload())["charged"] is written_plan()["charged"] is False


def test_another_published_model_may_be_asked_for() -> None:
    clients.s3().put_object(Bucket="artefacts", Key="models/other/manifest.json", Body=b"{}")
    plan = inspected(upload(options=RunOptions(model="other").to_metadata()))
    assert "s3://artefacts/models/other" in arguments(plan)["featurize"]


@pytest.mark.parametrize(
    ("body", "options", "cause"),
    [
        (b"", None, "not a zip"),
        (b"just some text", None, "not a zip"),
        (zipped({}), None, "it is empty"),
        (zipped({"readme.txt": b"no picture"}), None, "has no images"),
        (FRUITS[: len(FRUITS) // 2], None, ""),
        (FRUITS, RunOptions(fit_split="Validation").to_metadata(), "no split 'Validation': it has Test, Training"),
        (FRUITS, RunOptions(model="none").to_metadata(), "The model none is not published"),
        (
            FRUITS,
            RunOptions(only_label=("Kiwwi",)).to_metadata(),
            "No image has the label 'Kiwwi': the nearest: 'Kiwi'",
        ),
        (FRUITS, '{"only_label": "Kiwi"}', 'The option only_label cannot be "Kiwi": it takes labels'),
        (FRUITS, '{"limit": 0}', "The option limit cannot be 0: it takes a whole number from 1"),
        (FRUITS, '{"engine": "caffe"}', 'The option engine cannot be "caffe"'),
        (FRUITS, '{"components": 10.5}', "The option components cannot be 10.5: it takes a whole number"),
        (FRUITS, '{"variance": true}', "The option variance cannot be true"),
        (FRUITS, '{"fit_split": 5}', "The option fit_split cannot be 5"),
        (FRUITS, "[1]", "not a JSON object: [1]"),
        (FRUITS, "not json", "options cannot be read"),
        (
            zipped(fruit_members(training=2, test=1) | {"../a.jpg": b""}),
            None,
            "1 of 13 images was rejected, more than the allowed 5%: 1 like '../a.jpg'",
        ),
    ],
)
def test_what_is_the_users_to_mend_is_a_refusal_and_writes_nothing(
    body: bytes, options: str | None, cause: str
) -> None:
    refusal = inspected(upload(body, options))
    assert refusal["accepted"] is False
    assert refusal["error"]["Error"] == "ArchiveRefused"
    assert cause in refusal["error"]["Cause"]
    assert refusal["error"]["Cause"]
    assert clients.s3().list_objects_v2(Bucket="out")["KeyCount"] == 0


@pytest.mark.parametrize("given", [None, [], "null", 7, {}, {"run_id": RUN}, {"archive": {"bucket": "input"}}])
def test_an_input_that_names_no_archive_is_a_refusal(given: object) -> None:
    refusal = inspected({"run_id": RUN, "input": given})
    assert refusal["error"]["Error"] == "ArchiveRefused"
    assert "The input of this execution names no archive" in refusal["error"]["Cause"]
    assert refusal["next"] == "orchard run ZIP"


@pytest.mark.parametrize(
    "name", ["früits", "fruits.zip", "it's", "(1)", "a=b", "a@b", "..", "_hidden", "-rf", "!", "x" * 81]
)
def test_a_name_that_can_be_no_folder_or_tag_is_a_refusal(name: str) -> None:
    refusal = inspected({**upload(), "run_id": name})
    assert refusal["error"]["Error"] == "ArchiveRefused"
    assert f"An execution named {name!r} cannot be a run" in refusal["error"]["Cause"]


@pytest.mark.parametrize("name", [RUN, "0f9d5a1c-1b2e-4c7a-9a63-f4d2b7f0c111", "A_b-9", "x" * 80])
def test_any_other_name_is_the_run_s_whatever_the_input_says(name: str) -> None:
    event = {**upload(), "run_id": name}
    event["input"]["run_id"] = "somebody-else-s"
    plan = inspected(event)
    assert plan["run_uri"] == f"s3://out/runs/{name}"
    assert plan["log_uri"] == f"s3://out/logs/{name}/"
    assert plan["cluster"]["Name"] == f"orchard {name}"
    assert {"Key": "orchard:run-id", "Value": name} in plan["cluster"]["Tags"]
    assert "somebody-else-s" not in json.dumps(plan)


def test_the_version_of_the_event_is_inspected_not_the_newest() -> None:
    event = upload()
    upload(b"something else")
    assert inspected(event)["accepted"] is True


def test_an_upload_that_was_replaced_where_there_are_no_versions_is_refused() -> None:
    clients.s3().put_bucket_versioning(Bucket="input", VersioningConfiguration={"Status": "Suspended"})
    event = upload(key="plain.zip")
    event["input"]["archive"]["version_id"] = None
    upload(b"something else", key="plain.zip")
    assert "replaced" in inspected(event)["error"]["Cause"]


def test_an_upload_that_was_deleted_is_refused() -> None:
    event = upload()
    archive = event["input"]["archive"]
    clients.s3().delete_object(Bucket="input", Key=archive["key"], VersionId=archive["version_id"])
    assert "deleted" in inspected(event)["error"]["Cause"]


def test_an_engine_that_is_not_deployed_is_refused_with_what_deploys_it() -> None:
    decision = inspected(upload(options=RunOptions(engine="tensorflow").to_metadata()))
    assert decision["error"]["Cause"].startswith("The engine tensorflow is not deployed")
    assert decision["next"] == "sam deploy --parameter-overrides Engines=onnxruntime,tensorflow"


@pytest.mark.parametrize(
    ("head", "get", "cause", "mend"),
    [
        (there(x_amz_storage_class="DEEP_ARCHIVE"), IN_DEEP_ARCHIVE, "DEEP_ARCHIVE: restore it", "aws s3api restore-o"),
        (Answer(403), denied(f"kms:Decrypt on resource: {KEY} because x"), KEY, "sam deploy --parameter-overrides S"),
        (Answer(400), SSE_C, "upload it without --sse-c", "aws s3 cp fruits.zip s3://input/fruits.zip"),
        (Answer(403), ACCESS_DENIED, "S3 refuses: Access Denied", "aws s3 ls s3://input/fruits.zip"),
    ],
)
def test_what_s3_refuses_is_a_refusal_with_its_meaning_and_what_to_type(
    head: Answer, get: Answer, cause: str, mend: str
) -> None:
    event = upload(key="fruits.zip")
    clients.s3.cache_clear()
    answering(clients.s3(), head, get)
    decision = inspected(event)
    clients.s3.cache_clear()
    assert decision["accepted"] is False
    assert decision["error"]["Error"] == "ArchiveRefused"
    assert cause in decision["error"]["Cause"]
    assert decision["next"].startswith(mend)


@pytest.mark.parametrize(
    ("key", "cause", "mend"),
    [
        (
            "my fruits.7z",
            "its name ends in .7z: it is another kind",
            "7z x 'my fruits.7z' -o'my fruits' && (cd 'my fruits'",
        ),
        (
            "a/b.tar.gz",
            "its name ends in .tar.gz: it is",
            "mkdir b && tar -xf b.tar.gz -C b && (cd b && zip -qr0 ../b.zip",
        ),
        ("b.TGZ", "its name ends in .TGZ: it is", "mkdir b && tar -xf b.TGZ -C b"),
        ("b.rar", "its name ends in .rar: it is", "mkdir b && unrar x b.rar b/"),
        ("b.zip.part", "it is a part of a zip; upload the whole zip", "file b.zip.part"),
        ("fruits.zip/", "it is a folder, and a run is made of one zip", "zip -qr0 fruits.zip.zip fruits.zip"),
        ("fruits/", "it is a folder, and a run is made of one zip", "zip -qr0 fruits.zip fruits"),
        ("a\ud83c.zip", "its key contains half of a surrogate pair", "unzip -t"),
    ],
)
def test_what_is_no_zip_by_its_name_is_refused_unread_with_what_makes_one_of_it(
    key: str, cause: str, mend: str
) -> None:
    etag = "" if key.endswith("/") else "abc"
    archive = {"bucket": "input", "key": key, "version_id": None, "etag": etag, "size": 0}
    decision = inspected({"run_id": RUN, "input": {"archive": archive}})
    assert decision["accepted"] is False
    assert cause in decision["error"]["Cause"]
    assert decision["next"].startswith(mend)


def test_an_s3_that_cannot_be_reached_is_no_refusal() -> None:
    event = upload()
    clients.s3.cache_clear()
    answering(clients.s3(), Answer(501), Answer(501))
    with pytest.raises(SourceUnreachableError):
        inspected(event)
    clients.s3.cache_clear()


class TestARequest:
    """A request's sources are pinned, counted together, and named by the plan; a bad one is refused with its line."""

    def asked(self, *sources: str, options: object = None) -> dict[str, Any]:
        body = json.dumps({"sources": sources, "options": options}, indent=1).encode()
        return inspected(upload(body, key="früits.orchard.json"))

    def put(self, key: str, body: bytes = FRUITS) -> str:
        clients.s3().put_object(Bucket="input", Key=key, Body=body)
        return f"s3://input/{key}"

    def test_zips_and_prefixes_are_one_run(self) -> None:
        zips = [self.put("sources/train.zip"), self.put("sources/test.zip")]
        self.put("raw/kiwi/1.jpg", b"picture")
        plan = self.asked(*zips, "s3://input/raw/", options={"components": 5})
        assert plan["accepted"] is True
        assert plan["counts"]["images"] == 25
        assert plan["sources"] == "s3://input/sources/train.zip and 2 more"
        sources = f"s3://out/runs/{RUN}/sources.json"
        taken = ["--archive", sources, "--run", f"s3://out/runs/{RUN}", "--max-rejected", "0.05"]
        assert arguments(plan)["unzip"][-6:] == taken
        assert arguments(plan)["pca"][-2:] == ["--components", "5"]
        assert written_plan()["sources"] == [*zips, "s3://input/raw/"]
        pinned = json.loads(clients.s3().get_object(Bucket="out", Key=f"runs/{RUN}/sources.json")["Body"].read())
        assert [one["uri"] for one in pinned["sources"]] == [*zips, "s3://input/raw/"]
        assert all(one["version_id"] for one in pinned["sources"][:2])
        listing = clients.s3().get_object(Bucket="out", Key=f"runs/{RUN}/sources/00003.csv.gz")["Body"].read()
        assert gzip.decompress(listing).decode().splitlines()[1].startswith('"kiwi/1.jpg","7","')

    def test_a_thousand_sources_leave_the_execution_small(self) -> None:
        one = zipped(fruit_members(training=1, test=0))
        first = self.put(f"sources/{'é' * 500}.zip", one)
        for n in range(999):
            self.put(f"raw/{n}/kiwi/1.jpg", b"picture")
        plan = self.asked(first, *(f"s3://input/raw/{n}/" for n in range(999)))
        assert plan["counts"]["images"] == 1_003
        assert len(json.dumps(plan)) < 32_000

    @pytest.mark.parametrize(
        ("source", "cause"),
        [
            ("s3://input/absent.zip", "there is no such object"),
            ("s3://input/absent/", "there is nothing under this prefix"),
            ("s3://input/words.zip", "no zip"),
            ("s3://elsewhere/a.zip", "elsewhere only when the stack's parameter SourceBuckets names it"),
            ("s3://out/runs/", "out only when the stack's parameter SourceBuckets names it"),
            ("s3://input/früits.orchard.json", "it names itself"),
        ],
    )
    def test_a_source_that_cannot_be_is_refused_with_its_line(self, source: str, cause: str) -> None:
        self.put("words.zip", b"just words")
        refusal = self.asked(self.put("a.zip"), source)
        assert refusal["accepted"] is False
        assert "line 4" in refusal["error"]["Cause"]
        assert cause in refusal["error"]["Cause"]
        assert clients.s3().list_objects_v2(Bucket="out")["KeyCount"] == 0

    @pytest.mark.parametrize(
        "sources",
        [
            ["s3://input/{long}.zip"],
            ["s3://input/{long}/"],
            ["s3://{long}/a.zip"],
            ["s3://elsewhere/{long}/"],
            ["{long}"],
            ["s3://input/{long}/", "s3://input/{long}/a/"],
            ["s3://input/früits.zip", "s3://input/raw/{long}"],
        ],
    )
    @pytest.mark.parametrize("length", [900, 1_000_000])
    def test_a_refusal_stays_small_whatever_the_request_holds(self, sources: list[str], length: int) -> None:
        refusal = self.asked(*(one.format(long="\u202e" * (length // 3)) for one in sources))
        assert refusal["accepted"] is False
        assert len(json.dumps(refusal)) < 30_000, "the cause of a failed execution may have 32,768 characters"

    def test_labels_without_end_are_refused(self) -> None:
        refusal = self.asked(self.put("a.zip"), options={"only_label": [f"{n:0255}" for n in range(16)]})
        assert "line 6" in refusal["error"]["Cause"]
        assert "of 4,000 characters in all at most" in refusal["error"]["Cause"]

    @pytest.mark.parametrize("options", [{"engine": "caffe"}, {"fit_split": "Validation"}, {"model": "none"}])
    def test_options_that_cannot_be_are_refused(self, options: object) -> None:
        assert self.asked(self.put("a.zip"), options=options)["accepted"] is False

    def test_other_buckets_are_read_where_the_stack_names_them_and_in_its_region_only(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REGION", "eu-west-1")
        monkeypatch.setenv("SOURCE_BUCKETS", "elsewhere,far")
        for bucket, region in (("elsewhere", "eu-west-1"), ("far", "eu-south-1")):
            s3 = boto3.client("s3", region_name=region)
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]
            s3.put_object(Bucket=bucket, Key="p/1.jpg", Body=b"picture")
            s3.put_object(Bucket=bucket, Key="q/1.jpg", Body=b"picture")
        asked: list[str] = []
        clients.s3().meta.events.register("before-call.s3.HeadBucket", lambda model, **_: asked.append(model.name))
        assert self.asked("s3://elsewhere/p/", "s3://elsewhere/q/")["counts"]["images"] == 2
        assert asked == ["HeadBucket"], "once for a thousand sources, too"
        far = self.asked("s3://far/p/")
        assert "line 3 of früits.orchard.json, s3://far/p/: the bucket far is in eu-south-1" in far["error"]["Cause"]
        assert far["next"] == "aws s3 cp --recursive s3://far/p/ s3://input/sources/"
        unnamed = self.asked("s3://third/p/")
        assert unnamed["next"] == "sam deploy --parameter-overrides SourceBuckets=elsewhere,far,third"


class TestEarlierResults:
    """A request that names an earlier run is planned from that run's records, and from nothing else."""

    def asked(self, features_of: str = "r", **options: object) -> dict[str, Any]:
        body = json.dumps({"features_of": features_of, "options": options}).encode()
        return inspected(upload(body, key="r-refit.orchard.json"))

    def leave(self, harm: str = "") -> None:
        files = Files()
        leave_run(files)
        if harm:
            files.delete(harm)
        put_all(files, clients.s3())

    def test_one_step_is_planned_that_takes_pictures_and_features_where_they_are(self) -> None:
        self.leave()
        plan = self.asked(components=5, fit_split="training")
        assert plan["accepted"] is True
        taken = ["--components", "5", "--fit-split", "Training", "--features-of", "s3://out/runs/r"]
        run = ["--run", f"s3://out/runs/{RUN}"]
        assert {name: words[4:] for name, words in arguments(plan).items()} == {"pca": [*run, *taken]}
        assert (plan["origin"], plan["model"]) == ({"features": "s3://out/runs/r"}, "feed00000000")
        assert (plan["sources"], plan["counts"]["images"]) == ("s3://in/fruits.zip", 6)
        assert list(plan["estimate"]["minutes"]) == ["start", "pca", "stop"]
        assert written_plan()["origin"] == plan["origin"]
        left = clients.s3().list_objects_v2(Bucket="out", Prefix=f"runs/{RUN}/")["Contents"]
        assert [one["Key"].rpartition("/")[2] for one in left] == ["plan.json"]

    def test_on_emr_serverless_it_is_one_job(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COMPUTE", "emr-serverless")
        monkeypatch.setenv("MAXIMUM_VCPUS", "")
        self.leave()
        [job] = self.asked(components=5)["jobs"]
        assert job["Name"] == f"{RUN} pca"
        assert job["JobDriver"]["SparkSubmit"]["EntryPointArguments"][-2:] == ["--features-of", "s3://out/runs/r"]

    def test_what_has_computed_the_features_need_not_be_deployed_any_more(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ENGINES", "tensorflow")
        self.leave()
        assert self.asked()["options"]["engine"] == "tensorflow"

    @pytest.mark.parametrize(
        ("harm", "asked", "options", "cause", "fix"),
        [
            ("", "gone", {}, "There is no run gone", "orchard runs"),
            ("", RUN, {}, "A run cannot begin with its own results", "orchard runs"),
            (STORED.manifest, "r", {}, "The run r is not complete", "orchard status r"),
            (STORED.features, "r", {}, "No run can begin with the results of r", "orchard run ZIP"),
            (
                "",
                "r",
                {"fit_split": "Validation"},
                "has no split 'Validation': it has Test, Training",
                "orchard refit r --plan",
            ),
            ("", "r", {"limit": 3}, "line 1: limit was decided when the features were computed", "aws s3 cp"),
        ],
    )
    def test_a_run_that_cannot_be_begun_with_is_refused(
        self, harm: str, asked: str, options: dict[str, object], cause: str, fix: str
    ) -> None:
        self.leave(harm)
        refusal = self.asked(asked, **options)
        assert refusal["accepted"] is False
        assert cause in refusal["error"]["Cause"]
        assert refusal["next"].startswith(fix)
        assert clients.s3().list_objects_v2(Bucket="out", Prefix=f"runs/{RUN}/")["KeyCount"] == 0


class TestComponentsOfAnEarlierRun:
    """A request that names sources and an earlier run is planned as any other, but with that one's model."""

    def asked(self, components_of: str = "r", **options: object) -> dict[str, Any]:
        clients.s3().put_object(Bucket="input", Key="sources/new.zip", Body=FRUITS)
        asked = {"sources": ["s3://input/sources/new.zip"], "components_of": components_of, "options": options}
        return inspected(upload(json.dumps(asked).encode(), key="new.orchard.json"))

    def publish(self, model: str, **manifest: object) -> None:
        text = json.dumps(asdict(ModelManifest("MobileNetV2", "imagenet", MODEL["weights_sha256"], {})) | manifest)
        clients.s3().put_object(Bucket="artefacts", Key=f"models/{model}/manifest.json", Body=text.encode())

    def leave(self, harm: str = "", derived: bool = False) -> None:
        files = Files()
        leave_run(files)
        if derived:
            leave_run(files, RunFiles("s3://out/runs/derived"), Origin(components=STORED.base))
        if harm:
            files.delete(harm)
        put_all(files, clients.s3())
        self.publish(MODEL["id"])

    @pytest.mark.parametrize("derived", [False, True])
    def test_all_stages_are_planned_and_the_last_is_told_where_the_components_are(self, derived: bool) -> None:
        self.leave(derived=derived)
        plan = self.asked("derived" if derived else "r", engine="onnxruntime")
        assert plan["accepted"] is True
        found = {name: words[4:] for name, words in arguments(plan).items()}
        assert found["pca"] == ["--run", f"s3://out/runs/{RUN}", "--components-of", "s3://out/runs/r"]
        assert list(found) == ["unzip", "featurize", "pca"]
        assert found["featurize"][3] == "s3://artefacts/models/feed00000000"
        assert (plan["origin"], plan["model"]) == ({"components": "s3://out/runs/r"}, "feed00000000")

    def test_the_same_model_exported_once_more_will_do(self) -> None:
        self.leave()
        self.publish("mine")
        assert self.asked(model="mine")["model"] == "mine"

    @pytest.mark.parametrize(
        ("harm", "asked", "options", "cause", "fix"),
        [
            ("", "gone", {}, "There is no run gone", "orchard runs"),
            ("", RUN, {}, "A run cannot be projected onto its own components", "orchard runs"),
            (STORED.manifest, "r", {}, "The run r is not complete", "orchard status r"),
            (STORED.pca_model, "r", {}, "No run can begin with the results of r: The pca stage", "orchard run ZIP"),
            (STORED.components, "r", {}, "No run can begin with the results of r: The pca stage", "orchard run ZIP"),
            ("", "r", {"model": "gone"}, "The model gone is not published", ""),
            (
                "",
                "r",
                {"model": "other"},
                "with imagenet weights (abababababab), and other is MobileNetV2 with mine.h5 weights (ffffffffffff)",
                "orchard run ZIP --components-of r",
            ),
            ("", "r", {"variance": 0.8}, "line 1: variance says which components are fitted", "aws s3 cp"),
        ],
    )
    def test_what_cannot_be_projected_is_refused_by_name(
        self, harm: str, asked: str, options: dict[str, object], cause: str, fix: str
    ) -> None:
        self.leave(harm)
        self.publish("other", weights="mine.h5", weights_sha256="f" * 64)
        refusal = self.asked(asked, **options)
        assert refusal["accepted"] is False
        assert cause in refusal["error"]["Cause"]
        assert refusal["next"].startswith(fix)
        assert clients.s3().list_objects_v2(Bucket="out", Prefix=f"runs/{RUN}/")["KeyCount"] == 0

    def test_a_model_that_is_not_there_any_more_is_named(self) -> None:
        files = Files()
        leave_run(files)
        put_all(files, clients.s3())
        assert "The model feed00000000 is not published" in self.asked()["error"]["Cause"]
