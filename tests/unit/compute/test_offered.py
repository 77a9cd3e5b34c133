"""Every request names only types that its region offers, by the lists that AWS publishes for cfn-lint and by what EC2
answered when moto recorded it."""

import re
from typing import Any

import pytest

from orchard.aws.sessions import EU_REGIONS
from orchard.compute.emr import Emr
from orchard.compute.emr_plan import ClusterSize, cluster_size
from orchard.compute.offered import FAMILIES, OFFERED
from orchard.compute.sizing import SHAPES
from orchard.compute.work import Work
from orchard.options import ENGINES, NodeChoice
from tests.support.stack.run_job_flow import ec2_offers, emr_offers, problems, zone_offers
from tests.support.stack.template import GIVEN, ROOT, jobs_of, sam

CHOICES = [
    NodeChoice(),
    NodeChoice(core_nodes=0),
    NodeChoice(spot_nodes=3),
    *(NodeChoice(size=size) for size in SHAPES),
    *(NodeChoice(size=size, core_nodes=2, spot_nodes=3) for size in SHAPES),
]
IMAGES = [1, 78_572, 155_000, 50_000_000]


def plans(region: str) -> list[ClusterSize]:
    """A plan of every kind that there is in a region."""
    return [
        cluster_size(Work(images, images * 4_500), engine, region=region, choice=choice)
        for images in IMAGES
        for engine in ENGINES
        for choice in CHOICES
    ]


def request(plan: ClusterSize) -> dict[str, Any]:
    found: dict[str, Any] = Emr().requests(plan, jobs_of(), GIVEN).execution["cluster"]
    return found


def test_the_table_has_the_regions_that_the_stack_may_be_in() -> None:
    [rule] = sam()["Rules"]["InTheEuropeanUnion"]["Assertions"]
    assert set(OFFERED) == EU_REGIONS == set(rule["Assert"]["Fn::Contains"][0])


@pytest.mark.parametrize("region", OFFERED)
def test_the_table_is_what_the_lists_say(region: str) -> None:
    for offers in (emr_offers(region), ec2_offers(region), *zone_offers(region).values()):
        assert {family for family in FAMILIES if all(f"{family}.{size}" in offers for size in SHAPES)} == set(
            OFFERED[region]
        )


@pytest.mark.parametrize("region", OFFERED)
def test_every_request_names_offered_types_of_two_families_at_least(region: str) -> None:
    for plan in plans(region):
        assert problems(request(plan), region) == []
        for fleet in request(plan)["Instances"]["InstanceFleets"]:
            names = [config["InstanceType"] for config in fleet["InstanceTypeConfigs"]]
            assert set(names) <= emr_offers(region) & ec2_offers(region)
            assert len({name.partition(".")[0] for name in names}) >= min(2, len(OFFERED[region]))


def test_a_type_that_the_region_lacks_is_noticed() -> None:
    [plan, *_] = plans("eu-west-1")
    assert problems(request(plan), "eu-south-2") == [
        "m6a.xlarge is not offered in eu-south-2",
        "m6i.xlarge is not offered in eu-south-2",
    ]


def test_the_table_says_which_lists_it_was_read_from() -> None:
    pinned = re.search(r"^cfn-lint==(\S+)", (ROOT / "requirements/dev.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert f"cfn-lint {pinned[1]}" in " ".join((ROOT / "orchard/compute/offered.py").read_text().split())
