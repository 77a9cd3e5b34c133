"""An estimate tells what a run costs, line by line, and by the prices of when."""

import json
from dataclasses import replace

import pytest

from orchard.compute.emr_eks_plan import as_pods
from orchard.compute.emr_plan import cluster_size
from orchard.compute.emr_serverless_plan import as_serverless
from orchard.compute.estimate import Estimate, estimate
from orchard.compute.offered import OFFERED
from orchard.compute.prices import EU_WEST_1, Price, read_prices
from orchard.compute.registry import COMPUTES
from orchard.compute.sizing import SHAPES, UNLESS_ALLOWED
from orchard.compute.work import Work
from orchard.errors import UsageError
from orchard.options import AS_PLANNED, ENGINES
from tests.support.asl.graph import JOB_KINDS
from tests.support.paths import ROOT

REGION = "eu-west-1"
ADR = ROOT / "docs/adr/0013-emr-serverless-beside-clusters.md"
ADR_OF_PODS = ROOT / "docs/adr/0033-emr-on-eks-as-a-third-compute.md"
README = (ROOT / "README.md").read_text(encoding="utf-8")
ASL = json.loads((ROOT / "statemachine/pipeline.asl.json").read_text())["States"]


def estimated(images: int, engine: str = "onnxruntime") -> Estimate:
    plan = cluster_size(Work(images, images * 4_500), engine, region=REGION)
    return estimate(plan, Work(images, images * 4_500))


def test_every_size_of_node_has_a_price() -> None:
    for shape in SHAPES.values():
        for region in OFFERED:
            assert shape.types_in(region)[0] in EU_WEST_1.ec2
            assert shape.types_in(region)[0] in EU_WEST_1.emr


def test_a_small_run_costs_a_few_cents() -> None:
    small = estimated(1_920)
    assert list(small.minutes) == ["start", "unzip", "featurize", "pca", "stop"]
    assert 9 < small.total_minutes < 20
    assert 0.03 < small.total_usd < 0.20


def test_a_kept_cluster_costs_its_hourly_price_for_as_long_as_it_is_kept() -> None:
    size, work = cluster_size(Work(1_920, 10**7), "onnxruntime", region=REGION), Work(1_920, 10**7)
    ended, kept = estimate(size, work), estimate(size, work, keep=1800)
    assert list(kept.minutes) == ["start", "unzip", "featurize", "pca", "keep", "stop"]
    assert kept.minutes["keep"] == kept.total_minutes - ended.total_minutes == pytest.approx(30)
    looks = 120 * 5 * EU_WEST_1.transition.usd / 1000
    assert kept.total_usd - ended.total_usd == pytest.approx(kept.usd_per_hour / 2 + looks)


def test_the_readme_names_the_estimate_for_as_many_pictures_as_the_published_run_had() -> None:
    run = estimated(67_692)
    assert "67,692 pictures on three m5.2xlarge" in README
    assert f"estimates {run.total_minutes:.0f} minutes and {run.total_usd:.2f} $ on one m5.xlarge" in README


def test_the_cluster_lines_are_hours_times_the_hourly_price() -> None:
    run = estimated(155_000)
    hours = run.total_minutes / 60
    assert run.usd["EC2"] == pytest.approx((0.214 + 2 * 0.428) * hours)
    assert run.usd["EMR"] == pytest.approx((0.048 + 2 * 0.096) * hours)
    assert sum(run.usd[line] for line in ("EC2", "EMR", "EBS")) == pytest.approx(run.usd_per_hour * hours)


def test_on_emr_serverless_workers_are_paid_for_while_jobs_run() -> None:
    cluster = cluster_size(Work(155_000, 155_000 * 4_500), "onnxruntime", region=REGION)
    plan = as_serverless(cluster)
    run = estimate(plan, Work(155_000, 155_000 * 4_500))
    assert (plan.vcpus, plan.memory_gb) == (2 + 2 * 8, 8 + 2 * 16)
    hourly = 18 * 0.052624 + 40 * 0.0057785
    assert run.usd_per_hour == pytest.approx(hourly)
    working = run.total_minutes - run.minutes["start"]
    assert run.usd["EMR Serverless"] == pytest.approx(hourly * working / 60)
    assert not {"EC2", "EMR", "EBS"} & set(run.usd)
    assert run.minutes["featurize"] == estimated(155_000).minutes["featurize"], "the same executors do the same work"
    assert run.total_minutes < estimated(155_000).total_minutes


@pytest.mark.parametrize(
    ("images", "size", "told"), [(1_920, 4_500, "4.5 kB"), (155_000, 4_500, "4.5 kB"), (20_000, 3 * 10**6, "3 MB")]
)
def test_the_record_of_the_decision_has_the_same_numbers(images: int, size: int, told: str) -> None:
    cluster = cluster_size(Work(images, images * size), "onnxruntime", region=REGION)
    cells = [
        f"{found.total_minutes:.0f} minutes, ${found.total_usd:.2f}"
        for found in (estimate(plan, Work(images, images * size)) for plan in (cluster, as_serverless(cluster)))
    ]
    assert f"| {images:,} of {told} | {cells[0]} | {cells[1]} |" in ADR.read_text("utf-8")
    pods = estimate(as_pods(cluster), Work(images, images * size))
    cell = f"{pods.total_minutes:.0f} minutes, ${pods.total_usd:.2f}"
    assert f"| {images:,} of {told} | {cell} |" in ADR_OF_PODS.read_text("utf-8")


def test_components_alone_take_one_job_a_smaller_size_and_a_fraction_of_the_cost() -> None:
    work = Work(155_000, 155_000 * 4_500)
    alone = replace(work, stages=("pca",))
    cluster = cluster_size(alone, "onnxruntime", region=REGION)
    assert str(cluster) == "1 x m5.xlarge"
    assert (
        "the components of 155,000 images, whose features there are, take about a minute on 4 vCPUs" in cluster.reason
    )
    refit, run = estimate(cluster, alone), estimate(cluster_size(work, "onnxruntime", region=REGION), work)
    assert list(refit.minutes) == ["start", "pca", "stop"]
    assert refit.total_usd < run.total_usd / 5
    serverless = estimate(as_serverless(cluster), alone)
    assert serverless.minutes["start"] == pytest.approx(estimate(as_serverless(cluster), work).minutes["start"] / 3)
    assert str(cluster_size(replace(alone, images=10**7), "onnxruntime", region=REGION)).endswith("3 x m5.2xlarge")


def test_each_object_of_a_prefix_is_a_request_and_takes_its_time() -> None:
    work = Work(155_000, 155_000 * 4_500)
    size = cluster_size(work, "onnxruntime", region=REGION)
    zipped, listed = estimate(size, work), estimate(size, replace(work, objects=155_000))
    assert listed.usd["S3 requests"] - zipped.usd["S3 requests"] == pytest.approx(155 * 0.0004 + 155 * 0.005 / 1000)
    assert listed.minutes["unzip"] - zipped.minutes["unzip"] == pytest.approx(155_000 * 0.005 / size.worker_vcpus / 60)
    refit = replace(work, objects=155_000, stages=("pca",))
    assert estimate(size, refit).usd == estimate(size, replace(refit, objects=0)).usd


def test_packed_images_keep_requests_far_below_one_a_picture() -> None:
    run = estimated(155_000)
    assert run.usd["S3 requests"] < run.usd_one_object_per_image / 50
    written_listed_read = (155_000 + 155) * 0.005 / 1000 + 155_000 * 0.0004 / 1000
    assert run.usd_one_object_per_image == pytest.approx(written_listed_read)


def test_twice_the_price_is_twice_the_line() -> None:
    plan = cluster_size(Work(1_000, 10**6), "onnxruntime", region=REGION)
    dearer = replace(EU_WEST_1, gp3=Price(2 * EU_WEST_1.gp3.usd, "GB-month", "a test"), date="2030-01")
    before, after = estimate(plan, Work(1_000, 10**6)), estimate(plan, Work(1_000, 10**6), dearer)
    assert after.usd["EBS"] == pytest.approx(2 * before.usd["EBS"])
    assert after.price_date == "2030-01"
    assert {k: v for k, v in after.usd.items() if k != "EBS"} == {k: v for k, v in before.usd.items() if k != "EBS"}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_estimate_is_plain_data_with_its_price_date(engine: str) -> None:
    told = estimated(10_000, engine).to_json()
    assert told["price_date"] == EU_WEST_1.date
    assert told["total_usd"] == pytest.approx(sum(told["usd"].values()), abs=0.001)
    assert told["total_minutes"] == pytest.approx(sum(told["minutes"].values()), abs=0.3)


def test_what_the_estimate_knows_of_the_state_machine_is_so() -> None:
    cluster = cluster_size(Work(1, 1), "onnxruntime", region=REGION)
    assert round_trip("AwaitSteps") == cluster.charges(EU_WEST_1, 3).transitions_per_poll
    for kind in JOB_KINDS:
        size = COMPUTES[kind.compute].size(
            Work(1, 1), "onnxruntime", region=REGION, choice=AS_PLANNED, ceiling=UNLESS_ALLOWED
        )
        assert len(kind.job[1:]) == size.charges(EU_WEST_1, 3).transitions_per_poll


def round_trip(start: str) -> int:
    """How many transitions lead from a state back to it."""
    reached, transitions = onwards(start), 1
    while start not in reached:
        reached, transitions = {after for state in reached for after in onwards(state)}, transitions + 1
    return transitions


def onwards(state: str) -> set[str]:
    """The states to which one can go when nothing fails."""
    found = {ASL[state].get("Next"), ASL[state].get("Default"), *(one["Next"] for one in ASL[state].get("Choices", []))}
    return found - {None}


def test_a_users_own_prices_take_the_place_of_some() -> None:
    own = read_prices('date = "2027-03"\nregion = "eu-central-1"\ngp3 = 0.1\n[ec2]\n"m5.xlarge" = 0.23\n', "mine.toml")
    assert (own.date, own.region, own.gp3.usd, own.ec2["m5.xlarge"].usd) == ("2027-03", "eu-central-1", 0.1, 0.23)
    assert own.gp3.unit == EU_WEST_1.gp3.unit
    assert own.gp3.certainty == own.ec2["m5.xlarge"].certainty == "read from mine.toml"
    assert (own.ec2["m5.2xlarge"], own.emr, own.s3_read) == (
        EU_WEST_1.ec2["m5.2xlarge"],
        EU_WEST_1.emr,
        EU_WEST_1.s3_read,
    )


def test_prices_without_a_date_are_those_of_the_file() -> None:
    assert read_prices("gp3 = 1", "mine.toml").date == "mine.toml"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("gp3 = ", "is not a table of prices"),
        ("gp4 = 1", "unknown price: gp4"),
        ("notes = 1", "unknown price: notes"),
        ("ec2 = 1", "unknown price: ec2"),
        ("gp3 = -1", "has an invalid price: gp3 = -1"),
        ("gp3 = nan", "has an invalid price: gp3 = nan"),
        ("gp3 = true", "has an invalid price: gp3 = True"),
        ('[emr]\n"m5.xlarge" = "free"', "has an invalid price: emr.m5.xlarge = 'free'"),
    ],
)
def test_prices_that_are_none_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        read_prices(text, "mine.toml")
