"""What clusters are made of is compared with what EC2 offers: in the region, where one lack is one too many, and in the
zones, where another type can be had."""

from collections.abc import Iterator

import pytest
from boto3.session import Session
from moto import mock_aws

from orchard.compute.offered import FAMILIES, OFFERED
from orchard.compute.sizing import SHAPES
from orchard.doctor.checks import Verdict
from orchard.doctor.offers import lacking_in_zone, region_types
from tests.support.cloud import awsfakes


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    awsfakes.isolate(monkeypatch)
    with mock_aws():
        yield awsfakes.session()


def recorded(kind: str) -> dict[str, list[dict[str, str]]]:
    """What moto answers to DescribeInstanceTypeOfferings, by region."""
    from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

    return INSTANCE_TYPE_OFFERINGS[kind]


def offers(location: str, without: str) -> list[dict[str, str]]:
    """All types that clusters may have, but for those whose name ends so."""
    names = [f"{family}.{size}" for family in FAMILIES for size in SHAPES]
    return [{"InstanceType": name, "Location": location} for name in names if not name.endswith(without)]


@pytest.mark.parametrize("region", OFFERED)
def test_every_allowed_region_offers_what_the_table_says(session: Session, region: str) -> None:
    types = region_types(awsfakes.session(region))
    assert (types.verdict, types.finding) == (Verdict.OK, f"{', '.join(OFFERED[region])} are offered in {region}")


def test_a_region_without_such_instances(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recorded("region"), "eu-west-1", [])
    types = region_types(session)
    assert types.verdict == Verdict.WRONG
    assert types.finding.endswith("in the size xlarge and 2xlarge")


def test_one_type_that_is_not_offered_is_enough_for_emr_to_refuse(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(recorded("region"), "eu-west-1", offers("eu-west-1", "m6a.xlarge"))
    types = region_types(session)
    assert types.verdict == Verdict.WRONG
    assert types.finding == "eu-west-1 does not offer m6a.xlarge here; EMR refuses a cluster that lists one of them"
    assert "orchard/compute/offered.py" in types.fix


@pytest.mark.parametrize(
    ("without", "none", "lacking"),
    [("nothing", [], []), ("m6a.2xlarge", [], ["m6a.2xlarge"]), ("4xlarge", [], []), (".2xlarge", ["2xlarge"], [])],
)
def test_a_zone_lacks_whole_sizes_or_some_types(
    session: Session, monkeypatch: pytest.MonkeyPatch, without: str, none: list[str], lacking: list[str]
) -> None:
    monkeypatch.setitem(recorded("availability-zone"), "eu-west-1", offers("eu-west-1a", without))
    assert lacking_in_zone(session.client("ec2"), "eu-west-1", "eu-west-1a") == (none, lacking)
    assert lacking_in_zone(session.client("ec2"), "eu-west-1", "eu-west-1b")[0] == ["xlarge", "2xlarge"]
