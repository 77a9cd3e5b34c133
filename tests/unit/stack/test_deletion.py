"""What `sam delete` leaves: what the documents say, which is people's data, and nothing else."""

import re

import pytest

from tests.support.stack.template import ROOT, cloudformation, properties, resources

RESOURCES = cloudformation()["Resources"]
KEPT = {name for name, resource in RESOURCES.items() if resource.get("DeletionPolicy", "Delete") != "Delete"}


def test_what_stays_is_what_the_documents_say() -> None:
    pages = (ROOT / "docs" / "operations.md").read_text()
    told = pages.partition("\n## Delete\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?`) \|", told, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == KEPT


@pytest.mark.parametrize("name", RESOURCES)
def test_a_resource_that_is_replaced_has_the_fate_of_one_that_is_deleted(name: str) -> None:
    resource = RESOURCES[name]
    fates = {"Delete": "Delete", "RetainExceptOnCreate": "Retain"}
    assert resource.get("UpdateReplacePolicy", "Delete") == fates[resource.get("DeletionPolicy", "Delete")]


@pytest.mark.parametrize("name", sorted(KEPT))
def test_a_deployment_that_fails_leaves_nothing_in_the_way_of_the_next(name: str) -> None:
    """With Retain, a bucket outlived the stack that never was, and the next attempt failed on its name."""
    assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_data_that_stay_are_read_over_tls_only_as_before() -> None:
    policies = {
        policy["Properties"]["Bucket"]["Ref"]: name for name, policy in resources("AWS::S3::BucketPolicy").items()
    }
    assert {policies["InputBucket"], policies["ResultsBucket"]} <= KEPT


def test_queries_that_somebody_asked_do_not_hold_up_the_deletion() -> None:
    assert properties("Queries")["RecursiveDeleteOption"] is True
