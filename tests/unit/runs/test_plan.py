"""A run's plan: decided from the archive's directory and the options alone, and small whatever the archive holds."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.archive.checks import Inventory
from orchard.archive.collection import Collection, collect, find_source
from orchard.archive.sources.base import SourceReference, local_path
from orchard.archive.sources.files import FileSource
from orchard.compute.registry import COMPUTES
from orchard.errors import OptionsError, TooManyRejectedError
from orchard.layout import ReleaseFiles
from orchard.options import ENGINES, TRUNCATED, RunOptions
from orchard.pipeline.input import ArchiveVersion
from orchard.runs.found import Found
from orchard.runs.plan import Deployed, RunPlan, plan_run
from tests.support.asl.graph import JOB_KINDS, JobKind
from tests.support.pictures.drawn import CLASSES, fruit_members, write_zip
from tests.support.stack.template import GIVEN
from tests.support.zips.verdicts import images_of

ARCHIVE = ArchiveVersion("in", "fruits.zip", "v1", "abc", 12_345)


MOST_ERROR = {"Error": "e" * 256, "Cause": "c" * 32_768}
"""What an error of a state may be at most ("FailState", Amazon States Language)."""


def planned(
    inventory: Collection,
    options: RunOptions | None = None,
    compute: str = "emr-ec2",
    archive: ArchiveVersion = ARCHIVE,
) -> RunPlan:
    deployed = Deployed(
        results_bucket="out",
        release=ReleaseFiles("artefacts", "cafe00000000"),
        model="feed00000000",
        engines=ENGINES,
        compute=COMPUTES[compute],
        given=GIVEN,
        charged=True,
        memory_bytes=2**30,
    )
    return plan_run("fruits-0123456789ab", archive, options or RunOptions(), Found.of(inventory), deployed)


@pytest.fixture
def fruits(tmp_path: Path) -> Collection:
    members = {**fruit_members(training=5, test=1), "fruits/LICENSE": b"MIT", "../evil.jpg": b"x"}
    return collect([str(write_zip(tmp_path / "fruits.zip", members))], find_source)


def test_the_counts_are_the_inventorys_and_balance(fruits: Collection) -> None:
    counts = planned(fruits).counts
    assert counts.images == 24
    assert counts.classes == len(CLASSES)
    assert counts.splits == {"Test": 4, "Training": 20}
    assert (counts.rejected, counts.ignored) == (1, 1)
    assert counts.entries == counts.directories + counts.ignored + counts.rejected + counts.images
    assert counts.image_bytes == sum(member.size for member in images_of(fruits.inventories[0]))


def test_the_execution_gets_what_its_states_need(fruits: Collection) -> None:
    execution = planned(fruits).to_execution()
    assert execution["accepted"] is True
    assert execution["run_uri"] == "s3://out/runs/fruits-0123456789ab"
    assert execution["log_uri"] == "s3://out/logs/fruits-0123456789ab/"
    assert execution["cluster"]["Name"] == "orchard fruits-0123456789ab"
    assert execution["cluster"]["LogUri"] == execution["log_uri"]
    assert execution["cluster"]["Instances"]["Ec2SubnetIds"] == GIVEN["SUBNETS"].split(",")
    assert [step["Name"] for step in execution["steps"]] == ["unzip", "featurize", "pca"]
    assert {step["ActionOnFailure"] for step in execution["steps"]} == {"CANCEL_AND_WAIT"}
    assert "s3://artefacts/models/feed00000000" in execution["steps"][1]["HadoopJarStep"]["Args"]
    assert json.loads(json.dumps(execution)) == execution


@pytest.mark.parametrize(("compute", "paid"), [("emr-serverless", "EMR Serverless"), ("emr-eks", "EMR on EKS")])
def test_on_job_runs_the_execution_gets_jobs_in_the_place_of_a_cluster(
    fruits: Collection, compute: str, paid: str
) -> None:
    plan = planned(fruits, compute=compute)
    execution = plan.to_execution()
    assert execution["compute"] == compute
    assert not {"cluster", "steps"} & set(execution)
    submitted = [next(iter(job["JobDriver"].values())) for job in execution["jobs"]]
    assert [one["EntryPoint"].rpartition("/")[2] for one in submitted] == ["unzip.py", "featurize.py", "pca.py"]
    for one, step in zip(submitted, planned(fruits).jobs.commands.values(), strict=True):
        assert step[-len(one["EntryPointArguments"]) :] == one["EntryPointArguments"], "the same jobs"
    assert json.loads(json.dumps(plan.for_file()))["cluster"]["vcpus"] == plan.size.vcpus  # type: ignore[attr-defined]
    assert paid in execution["estimate"]["usd"]


def test_a_kept_cluster_ends_itself_only_after_it_was_to_be_ended(fruits: Collection) -> None:
    ended, kept = planned(fruits).to_execution(), planned(fruits, RunOptions(keep=1800)).to_execution()
    assert (ended["keep"], kept["keep"]) == (0, 1800)
    assert [one["cluster"]["AutoTerminationPolicy"]["IdleTimeout"] for one in (ended, kept)] == [300, 2100]
    assert kept["estimate"]["minutes"]["keep"] == 30


@pytest.mark.parametrize("kind", JOB_KINDS, ids=lambda kind: kind.compute)
def test_where_there_is_no_cluster_none_is_kept(fruits: Collection, kind: JobKind) -> None:
    with pytest.raises(OptionsError, match=f"runs on {kind.compute} have no cluster"):
        planned(fruits, RunOptions(keep=60), kind.compute)


def test_the_same_archive_gives_the_same_plan(fruits: Collection) -> None:
    assert planned(fruits) == planned(fruits)
    assert json.loads(json.dumps(planned(fruits).for_file()))["release"] == "cafe00000000"


UNREAD: Any = None
MOST_BYTES = 256 * 1024
"""Of a state's data, and of a variable: quotas of Step Functions."""

name = st.text(min_size=1, max_size=255).filter(lambda text: text.isprintable() and not text.isspace())
key = st.text(min_size=1, max_size=1024).filter(lambda text: len(text.encode("utf-8", "replace")) <= 1024)
chosen = st.builds(
    lambda split, nodes, **given: (split, RunOptions(**given, fit_split=split, core_nodes=nodes, spot_nodes=nodes)),
    split=st.none() | name,
    nodes=st.none() | st.integers(1, 50),
    engine=st.sampled_from(ENGINES),
    components=st.none() | st.integers(1, 1280),
    max_rejected=st.just(1.0),
    model=st.none() | st.just("m" * 64),
    truncated=st.sampled_from(TRUNCATED),
    max_usd=st.none() | st.just(100_000.0),
    only_label=st.none() | st.lists(name.filter(lambda text: "/" not in text), min_size=1, max_size=15),
)


@given(given=chosen, key=key, images=st.integers(1, 10**7), word=name, data=st.data())
@settings(max_examples=60)
def test_the_execution_stays_below_the_limit_whatever_the_archive_holds_and_the_user_chooses(
    given: tuple[str | None, RunOptions], key: str, images: int, word: str, data: st.DataObject
) -> None:
    split, options = given
    many = {(split or "", f"{word} {n}"): 1 for n in range(10_000)}
    holds = Inventory(
        entries=2 * images,
        directories=0,
        ignored=1_500_000,
        ignored_reasons={f"not an image: .{word} {n}": 1_500 for n in range(1_000)},
        rejected=images,
        images=images,
        image_bytes=images * 4_500,
        counts=many,
        guessed=images,
        guessed_example=word,
        directory=UNREAD,
        naming=UNREAD,
        verdicts=UNREAD,
        member_bytes=1,
    )
    archive = ArchiveVersion("b" * 63, key, "v" * 1024, "e" * 64, 10**12)
    source = FileSource(SourceReference(archive.uri, archive.size), Path())
    inventory = Collection((source,) * 2, (holds,) * 2)
    plan = planned(inventory, options, data.draw(st.sampled_from(sorted(COMPUTES))), archive)
    largest = {
        "run_id": "r" * 80,
        "input": {"archive": asdict(archive)},
        "inspected": {"plan": plan.to_execution()},
        "failure": MOST_ERROR,
        "termination_failure": MOST_ERROR,
        "cluster_status": MOST_ERROR,
        "step_status": MOST_ERROR,
    }
    assert len(json.dumps(plan.to_execution())) < 120_000
    assert len(json.dumps(largest)) < MOST_BYTES


def test_a_refusal_stays_small_whatever_is_rejected(fruits: Collection) -> None:
    holds = replace(fruits.inventories[0], rejected=2_000_000, images=6_500_000)
    with pytest.raises(TooManyRejectedError) as refused:
        planned(Collection(fruits.sources, (holds,)))
    assert len(str(refused.value)) < 2_000, "the cause of a failed execution may have 32,768 characters"


def test_what_the_directory_alone_rejects_counts_before_anything_is_created(fruits: Collection) -> None:
    planned(fruits, RunOptions(max_rejected=0.04))
    with pytest.raises(
        TooManyRejectedError, match=r"1 of 25 images was rejected, more than the allowed 3.9%"
    ) as refused:
        planned(fruits, RunOptions(max_rejected=0.039))
    assert "1 like '../evil.jpg': its name climbs out of the archive" in refused.value.cause
    assert f"; orchard plan {local_path(fruits.uris[0])} --json lists them all" in refused.value.cause
    assert refused.value.next_command == f"orchard run {local_path(fruits.uris[0])} --max-rejected 4%"
    assert refused.value.exit_code == 2


def test_a_split_may_be_named_in_any_case(fruits: Collection) -> None:
    plan = planned(fruits, RunOptions(fit_split="training"))
    assert plan.options.fit_split == "Training"
    assert plan.jobs.commands["pca"][-2:] == ["--fit-split", "Training"]


def test_a_split_that_the_archive_lacks_is_refused_naming_those_there_are(fruits: Collection) -> None:
    with pytest.raises(OptionsError, match=r"no split 'Validation': it has Test, Training"):
        planned(fruits, RunOptions(fit_split="Validation"))


def test_images_in_no_split_cannot_be_fitted_on_one(tmp_path: Path) -> None:
    members = {f"{n}/a.jpg": content for n, content in enumerate(fruit_members(1, 0).values())}
    inventory = collect([str(write_zip(tmp_path / "plain.zip", members))], find_source)
    assert planned(inventory).counts.splits == {"": 4}
    with pytest.raises(OptionsError, match="its images are in no split"):
        planned(inventory, RunOptions(fit_split="Training"))
