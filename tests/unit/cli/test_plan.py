"""`orchard plan` reads the zip, and tells what a run of it would be."""

import json
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
import typer
from moto import mock_aws
from typer.testing import CliRunner

from orchard.archive.collection import collect, find_source
from orchard.cli.app import app
from orchard.layout import run_files
from orchard.options import RunOptions
from tests.support.cloud import awsfakes
from tests.support.pictures.drawn import CLASSES, fruit_members, write_zip
from tests.support.stored_run import Files, leave_indexed

runner = CliRunner()


@pytest.fixture
def fruits(tmp_path: Path) -> Path:
    members = fruit_members(training=5, test=1)
    noise = {"__MACOSX/._r.jpg": b"", "fruits/readme.txt": b"hello", "fruits/../../escape.jpg": b"x"}
    return write_zip(tmp_path / "fruits.zip", members | noise)


def plan(*arguments: str) -> dict[str, Any]:
    result = runner.invoke(app, ["plan", *arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    facts: dict[str, Any] = json.loads(result.stdout)
    return facts


def test_the_books_of_the_archive_balance(fruits: Path) -> None:
    counts = plan(str(fruits))["counts"]
    assert counts["images"] == 6 * len(CLASSES)
    assert counts["classes"] == len(CLASSES)
    assert counts["splits"] == {"Test": len(CLASSES), "Training": 5 * len(CLASSES)}
    assert counts["entries"] == sum(
        counts[part] for part in ("directories", "ignored", "skipped", "rejected", "images")
    )


def test_what_is_left_out_has_a_reason(fruits: Path) -> None:
    facts = plan(str(fruits))
    assert [member["path"] for member in facts["rejected"]] == ["fruits/../../escape.jpg"]
    assert all(member["reason"] for member in facts["rejected"])
    assert sum(facts["ignored"].values()) == facts["counts"]["ignored"] == 2


def test_the_cluster_and_what_it_costs(fruits: Path) -> None:
    facts = plan(str(fruits))
    assert facts["cluster"]["nodes"] == "1 x m5.xlarge"
    assert facts["estimate"]["total_usd"] == pytest.approx(sum(facts["estimate"]["usd"].values()), abs=0.001)
    assert facts["estimate"]["price_date"]


def test_the_engine_makes_a_difference(fruits: Path) -> None:
    minutes = [plan(str(fruits), "--engine", engine)["estimate"]["minutes"] for engine in ("onnxruntime", "tensorflow")]
    assert minutes[0]["start"] < minutes[1]["start"]


def test_the_nodes_are_as_the_user_chooses(fruits: Path) -> None:
    chosen = plan(str(fruits), "--core-nodes", "2", "--spot-nodes", "1", "--node-size", "4xlarge")["cluster"]
    assert chosen["nodes"] == "1 x m5.xlarge + 2 x m5.4xlarge + 1 x m5.4xlarge (Spot)"
    assert chosen["reason"].endswith("as you chose")


def test_prices_are_the_users_own_where_a_file_gives_them(fruits: Path, tmp_path: Path) -> None:
    own = tmp_path / "prices.toml"
    own.write_text('date = "2027-03"\n[ec2]\n"m5.xlarge" = 21.4\n')
    before, after = (plan(str(fruits), *more)["estimate"] for more in ((), ("--prices", str(own))))
    assert after["usd"]["EC2"] == pytest.approx(100 * before["usd"]["EC2"], rel=0.01)
    assert after["price_date"] == "2027-03"
    absent = runner.invoke(app, ["plan", str(fruits), "--prices", str(tmp_path / "absent.toml")])
    assert absent.exit_code == 2
    assert "The prices cannot be read" in absent.stderr


def test_a_few_sizes_stand_side_by_side(fruits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchard.compute.emr_plan.IMAGES_PER_VCPU_SECOND", {"onnxruntime": 0.0005})
    facts = plan(str(fruits))
    [planned] = [one for one in facts["sizes"] if one["planned"]]
    assert planned["nodes"] == facts["cluster"]["nodes"] == "1 x m5.xlarge + 7 x m5.2xlarge"
    assert (planned["minutes"], planned["usd"]) == tuple(facts["estimate"][f"total_{of}"] for of in ("minutes", "usd"))
    assert [one["worker_vcpus"] for one in facts["sizes"]] == [8, 16, 32, 56]
    told = " ".join(runner.invoke(app, ["plan", str(fruits)]).stdout.split())
    for one in facts["sizes"]:
        mark = ", planned" if one["planned"] else ""
        assert f"{one['nodes']}: {one['minutes']:.0f} minutes, ${one['usd']:.2f}{mark} " in told
    slower = plan(str(fruits), "--max-usd", f"{planned['usd'] - 0.01:.2f}")
    assert slower["estimate"]["total_usd"] < planned["usd"]
    assert slower["cluster"]["worker_vcpus"] < planned["worker_vcpus"]


def test_what_costs_more_than_is_allowed_whatever_the_size_is_refused(fruits: Path) -> None:
    refused = runner.invoke(app, ["plan", str(fruits), "--max-usd", "0.01"])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "The run would cost more than the $0.01 allowed" in refused.stderr
    assert "what costs least, 1 x m5.xlarge, is estimated at $0.0" in refused.stderr
    assert f"Next: orchard run {fruits} --max-usd 0.0" in refused.stderr


@pytest.mark.parametrize(
    ("compute", "paid", "memory", "beside"),
    [("emr-serverless", "EMR Serverless", 8, False), ("emr-eks", "EMR on EKS", 7, True)],
)
def test_a_stack_on_job_runs_has_workers_and_says_what_is_paid_beside_them(
    fruits: Path, compute: str, paid: str, memory: int, beside: bool
) -> None:
    on_clusters, facts = plan(str(fruits)), plan(str(fruits), "--compute", compute)
    assert facts["cluster"]["nodes"] == f"1 driver of 2 vCPUs with 8 GB + 1 x 4 vCPUs with {memory} GB"
    assert facts["counts"] == on_clusters["counts"]
    assert paid in facts["estimate"]["usd"]
    assert bool(facts["estimate"]["beside"]) == beside
    told = runner.invoke(app, ["plan", str(fruits), "--compute", compute]).stdout
    assert "Workers" in told
    assert ("the nodes of your EKS cluster, and the cluster itself, are paid for beside that" in told) == beside


def test_a_compute_that_there_is_not_is_refused_with_those_that_there_are(fruits: Path) -> None:
    refused = runner.invoke(app, ["plan", str(fruits), "--compute", "lambda"])
    assert refused.exit_code == 2
    assert "choose emr-ec2 or emr-serverless or emr-eks" in refused.stderr


def test_the_region_decides_about_the_types_and_whose_prices_they_are_is_told(
    fruits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    awsfakes.isolate(monkeypatch)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)  # a plan of a file asks nobody
    here = plan(str(fruits))["estimate"]
    elsewhere = runner.invoke(app, ["--region", "eu-south-2", "plan", str(fruits)])
    told = " ".join(elsewhere.stdout.split())
    assert here["region"] == here["run_region"] == "eu-west-1"
    assert "at prices of 2026-11 in eu-west-1" in told
    assert "prices of eu-south-2 are not known here and may be higher; --prices takes yours" in told
    assert "not known" not in runner.invoke(app, ["plan", str(fruits)]).stdout
    outside = runner.invoke(app, ["--region", "us-east-1", "plan", str(fruits)])
    assert outside.exit_code == 3
    assert "outside the European Union" in outside.stderr


def test_for_people_it_is_a_table_with_the_price_date(fruits: Path) -> None:
    result = runner.invoke(app, ["plan", str(fruits)])
    told = " ".join(result.stdout.split())
    assert "24 in 4 classes" in told
    assert "4 in Test" in told
    assert "escape.jpg" in told
    assert "at prices of 20" in told
    assert "1 x m5.xlarge" in told
    assert "with one object per image S3's requests alone would cost $" in told


def test_many_rejections_are_cut_short_for_people_only(tmp_path: Path) -> None:
    bad = {f"../{number}.jpg": b"x" for number in range(25)}
    path = write_zip(tmp_path / "fruits.zip", fruit_members(1, 1) | bad)
    assert "and 15 more" in runner.invoke(app, ["plan", str(path), "--max-rejected", "100%"]).stdout
    assert len(plan(str(path), "--max-rejected", "100%")["rejected"]) == 25


def test_more_rejections_than_may_be_are_listed_and_then_exit_2(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "fruits.zip", fruit_members(1, 1) | {"../bad.jpg": b"x"})
    result = runner.invoke(app, ["plan", str(path), "--json"])
    assert result.exit_code == 2
    assert [member["path"] for member in json.loads(result.stdout)["rejected"]] == ["../bad.jpg"]
    assert "1 of 9 images was rejected, more than the allowed 5%" in result.stderr
    assert f"Next: orchard run {path} --max-rejected 12%" in result.stderr
    assert plan(str(path), "--max-rejected", "12%")["counts"]["rejected"] == 1


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x05\x06" + bytes(18)], ids=["nothing", "text", "empty zip"])
def test_what_would_be_refused_is_exit_2_with_the_reason(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fruits.zip"
    path.write_bytes(content)
    result = runner.invoke(app, ["plan", str(path)])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: fruits.zip ")


def test_a_zip_by_another_name_starts_no_run_and_has_no_plan(fruits: Path) -> None:
    result = runner.invoke(app, ["plan", str(fruits.rename(fruits.with_suffix(".7z")))])
    assert result.exit_code == 2
    assert "Next: 7z x fruits.7z -ofruits && (cd fruits && zip -qr0 ../fruits.zip .)" in result.stderr


def test_there_must_be_such_a_file_and_such_an_engine(fruits: Path) -> None:
    assert runner.invoke(app, ["plan", str(fruits.with_name("absent.zip"))]).exit_code == 2
    result = runner.invoke(app, ["plan", str(fruits), "--engine", "abacus"])
    assert result.exit_code == 2
    assert "onnxruntime or tensorflow" in result.stderr


def test_an_archive_in_s3_is_read_by_ranges(fruits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    awsfakes.isolate(monkeypatch)
    with mock_aws():
        awsfakes.make_buckets(awsfakes.session())
        bucket = awsfakes.OUTPUTS["InputBucketName"]
        awsfakes.session().client("s3").upload_file(str(fruits), bucket, "my fruits.zip")
        facts = plan(f"s3://{bucket}/my fruits.zip")
    archive = plan(str(fruits))["archive"]
    assert facts["archive"] == {**archive, "uri": f"s3://{bucket}/my fruits.zip"}
    assert archive["size"] == fruits.stat().st_size
    assert len(archive["content"]) == 24, "what is in it, which its name does not change"
    assert facts["counts"]["images"] == 6 * len(CLASSES)


def test_an_archive_that_has_to_be_restored_is_refused_with_the_command(
    fruits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    awsfakes.isolate(monkeypatch)
    with mock_aws():
        awsfakes.make_buckets(awsfakes.session())
        bucket = awsfakes.OUTPUTS["InputBucketName"]
        glacier = {"StorageClass": "GLACIER"}
        awsfakes.session().client("s3").upload_file(str(fruits), bucket, "fruits.zip", ExtraArgs=glacier)
        result = runner.invoke(app, ["plan", f"s3://{bucket}/fruits.zip"])
    assert result.exit_code == 2
    assert "Error: fruits.zip is archived" in result.stderr
    assert f"Next: aws s3api restore-object --bucket {bucket} --key fruits.zip --restore-request" in result.stderr


class TestTheOptionsOfARun:
    """`plan` takes what `run` takes: somebody puts the one word in the place of the other."""

    def test_they_are_the_same(self) -> None:
        commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
        options = {name: {one.name: one.opts for one in commands[name].params} for name in ("plan", "run")}
        of_a_run = {*RunOptions.__dataclass_fields__, "weights"} - {"model"}
        assert of_a_run <= options["plan"].keys()
        for name in of_a_run:
            assert options["plan"][name] == options["run"][name]

    def test_they_are_told(self, fruits: Path) -> None:
        words = ["--components", "20", "--fit-split", "training", "--engine", "tensorflow", "--weights", "random"]
        told = plan(str(fruits), *words)["options"]
        assert (told["components"], told["fit_split"], told["engine"]) == (20, "Training", "tensorflow")
        result = runner.invoke(app, ["plan", str(fruits), *words])
        assert "20, fitted on Training\n" in result.stdout
        assert "the fewest that explain 90.0% of the variance\n" in runner.invoke(app, ["plan", str(fruits)]).stdout

    @pytest.mark.parametrize(
        "words", [("--components", "0"), ("--variance", "2"), ("--fit-split", "Validation"), ("--weights", "absent.h5")]
    )
    def test_what_a_run_would_refuse_is_refused(self, words: tuple[str, ...], fruits: Path) -> None:
        result = runner.invoke(app, ["plan", str(fruits), *words])
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: ")


def test_several_sources_are_planned_as_one_run(fruits: Path, tmp_path: Path) -> None:
    other = write_zip(tmp_path / "others.zip", fruit_members(1, 1))
    facts = plan(str(fruits), str(other))
    assert facts["archive"]["sources"] == [f"file://{fruits}", f"file://{other}"]
    assert facts["counts"]["images"] == (6 + 2) * len(CLASSES)
    shown = runner.invoke(app, ["plan", str(fruits), str(other)])
    assert f"{fruits.name} and 1 more" in "".join(shown.stdout.split("\n")).replace("  ", " ")


@pytest.mark.parametrize(
    ("sources", "cause"),
    [
        (["s3://b/a.zip", "s3a://b/a.zip"], "named twice"),
        (["s3://b/fruits"], "neither a zip nor a prefix"),
        (["fruits.zip", "./fruits.zip"], "given twice"),
    ],
)
def test_sources_that_cannot_be_are_refused_unread(sources: list[str], cause: str) -> None:
    refused = runner.invoke(app, ["plan", *sources])
    assert refused.exit_code == 2
    assert cause in " ".join(refused.stderr.split())


class TestCopies:
    """Pictures that are there more than once are told before anything is paid for."""

    MEMBERS: ClassVar = {
        **{f"f/{split}/Kiwi/{n}.jpg": b"kiwi" for split in ("Train", "Test") for n in range(600)},
        "f/Train/Fig/1.jpg": b"fig", "f/Train/Kiwi/fig.jpg": b"fig", "f/Test/Fig/2.jpg": b"alone",
    }  # fmt: skip

    def test_they_are_counted_by_the_directory(self, tmp_path: Path) -> None:
        archive = str(write_zip(tmp_path / "fruits.zip", self.MEMBERS))
        assert plan(archive)["duplicates"] == {
            "copies": 1202, "contents": 2, "between_splits": 1200, "between_labels": 2, "test_in_training": 600,
        }  # fmt: skip
        told = " ".join(runner.invoke(app, ["plan", archive]).stdout.split())
        assert (
            "Copies 1,202 images are copies of each other, with 2 different contents"
            " 1,200 of them have a copy in another split"
            " 2 of them have a copy under another label"
            " 600 Test images are in Training too, so figures of Test are too good"
            " by size and CRC-32, or ETag in S3: the run compares the contents Ignored"
        ) in told

    def test_of_a_folder_the_run_alone_can_tell(self, tmp_path: Path) -> None:
        (tmp_path / "fruits" / "Kiwi").mkdir(parents=True)
        for number in range(2):
            (tmp_path / "fruits" / "Kiwi" / f"{number}.jpg").write_bytes(b"kiwi")
        assert plan(str(tmp_path / "fruits"))["duplicates"] is None
        told = runner.invoke(app, ["plan", str(tmp_path / "fruits")]).stdout
        assert "known when the run has read the files" in told

    def test_none_is_said_too(self, fruits: Path) -> None:
        assert plan(str(fruits))["duplicates"]["copies"] == 0
        assert "Copies none Ignored" in " ".join(runner.invoke(app, ["plan", str(fruits)]).stdout.split())


class TestSubset:
    """With `--limit` and `--only-label` a plan is that of a part, and the books name the rest."""

    def test_the_plan_is_that_of_the_images_that_are_wanted(self, fruits: Path) -> None:
        counts = plan(str(fruits), "--limit", "10")["counts"]
        assert (counts["images"], counts["skipped"]) == (10, 6 * len(CLASSES) - 10)
        assert counts["classes"] == len(CLASSES)
        label = min(CLASSES)
        facts = plan(str(fruits), "--limit", "3", "--only-label", label)
        assert (facts["counts"]["images"], facts["counts"]["classes"]) == (3, 1)
        assert (facts["options"]["limit"], facts["options"]["only_label"]) == (3, [label])
        assert facts["rejected"], "what is rejected and ignored is told of the whole zip"

    def test_people_are_told_what_is_left_out(self, fruits: Path) -> None:
        told = runner.invoke(app, ["plan", str(fruits), "--limit", "10"]).stdout
        assert f"{6 * len(CLASSES) - 10}, which --limit or --only-label leaves out" in told
        assert "Skipped" not in runner.invoke(app, ["plan", str(fruits)]).stdout

    def test_a_label_or_a_split_that_is_not_there_is_refused(self, fruits: Path) -> None:
        label = min(CLASSES)
        refused = runner.invoke(app, ["plan", str(fruits), "--only-label", label.upper()])
        assert refused.exit_code == 2
        assert f"No image has the label '{label.upper()}' the nearest: '{label}'" in " ".join(refused.stderr.split())
        refused = runner.invoke(app, ["plan", str(fruits), "--only-label", label, "--fit-split", "Validation"])
        assert "The chosen subset has no split 'Validation'" in " ".join(refused.stderr.split())

    def test_what_the_directory_rejects_is_a_share_of_the_whole_zip(self, tmp_path: Path) -> None:
        images = {f"a/{number}.jpg": b"x" for number in range(30)}
        path = write_zip(tmp_path / "many.zip", images | {"../a.jpg": b"x"})
        assert plan(str(path), "--limit", "1")["counts"]["rejected"] == 1


def test_what_earlier_runs_of_the_stack_have_is_used_again_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    awsfakes.isolate(monkeypatch)
    members = {f"Training/Fig/{number}.jpg": b"fig %d" % number for number in range(6)} | {"../evil.jpg": b""}
    archive = write_zip(tmp_path / "figs.zip", members)
    lenient = ("--max-rejected", "30%")
    with mock_aws():
        session = awsfakes.session()
        awsfakes.make_buckets(session)
        assert plan(str(archive), *lenient)["origin"] == {}, "there is no stack"
        awsfakes.deploy(session)
        assert plan(str(archive), *lenient)["origin"] == {}, "nothing has run"
        read = collect([str(archive)], find_source)
        earlier = run_files(awsfakes.OUTPUTS["ResultsBucketName"], "first")
        leave_indexed(session.client("s3"), earlier, read, Files(), model="m1")
        facts = plan(str(archive), *lenient)
        assert (facts["origin"], facts["stages"], facts["known"]) == ({"features": "first"}, ["pca"], 0)
        told = runner.invoke(app, ["plan", str(archive), *lenient]).stdout
        fresh = plan(str(archive), *lenient, "--fresh")
        assert (fresh["origin"], fresh["saved"]) == ({}, None)
        assert plan(str(archive), *lenient, "--engine", "tensorflow")["origin"] == {"images": "first"}

        grown = write_zip(tmp_path / "grown.zip", members | {"Training/Fig/new.jpg": b"new"})
        more = plan(str(grown), *lenient)
        assert (more["origin"], more["known"]) == ({"known": "first"}, 6)
    saved = facts["saved"]
    for name, unit in (("minutes", "total_minutes"), ("usd", "total_usd")):
        assert saved[name] == pytest.approx(fresh["estimate"][unit] - facts["estimate"][unit], abs=0.11)
    assert re.search(r"Uses +the features of first\n +saves about \d+ minutes? and ", told)
