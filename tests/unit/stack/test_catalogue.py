"""The tables for Athena: their files are where runs leave them, their columns are those that the jobs write."""

import re

import pyarrow as pa
import pytest

from orchard.jobs.tables import FEATURES, PREDICTED
from tests.support.stack.catalogue import EVERY_RUN, EXAMPLE, columns, queries, tables
from tests.support.stack.template import ROOT, properties, resources

TABLES = tables()
FOLDERS = {
    "metadata": EVERY_RUN.metadata,
    "stats": EVERY_RUN.stats,
    "features": EVERY_RUN.features,
    "pca": EVERY_RUN.components,
}
NAMES = {pa.string(): "string", pa.int32(): "int", pa.float64(): "double"}
NAMES |= {pa.list_(pa.float32()): "array<float>", pa.list_(pa.float64()): "array<double>"}
"""Arrow's types, as Athena calls them."""


@pytest.mark.parametrize(("name", "address"), FOLDERS.items())
def test_a_table_finds_a_run_where_the_run_leaves_its_files(name: str, address: str) -> None:
    assert TABLES[name]["Parameters"]["storage.location.template"] == {"Fn::Sub": f"{address}/"}


def test_there_is_a_table_for_each_of_these_folders_in_the_one_database() -> None:
    assert TABLES.keys() == FOLDERS.keys()
    assert {str(one["Properties"]["DatabaseName"]) for one in resources("AWS::Glue::Table").values()} == {
        str({"Ref": "Catalogue"})
    }


@pytest.mark.parametrize("name", TABLES)
def test_a_table_needs_no_crawler_and_no_list_of_runs(name: str) -> None:
    parameters = TABLES[name]["Parameters"]
    assert [key["Name"] for key in TABLES[name]["PartitionKeys"]] == ["run_id"]
    assert parameters["projection.enabled"] == "true"
    assert parameters["projection.run_id.type"] == "injected"


@pytest.mark.parametrize(("name", "schema"), [("features", FEATURES.schema), ("pca", PREDICTED.schema)])
def test_the_columns_of_parquet_are_those_of_the_jobs(name: str, schema: pa.Schema) -> None:
    assert columns(TABLES[name]) == {field.name: NAMES[field.type] for field in schema}


@pytest.mark.parametrize("name", ["metadata", "stats"])
def test_quoted_values_are_read_and_the_header_is_not(name: str) -> None:
    assert TABLES[name]["Parameters"]["skip.header.line.count"] == "1"
    serde = TABLES[name]["StorageDescriptor"]["SerdeInfo"]
    assert serde["SerializationLibrary"] == "org.apache.hadoop.hive.serde2.OpenCSVSerde"
    assert serde["Parameters"] == {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"}
    # what OpenCSVSerde reads besides, in Athena; a timestamp would have to be a number
    assert set(columns(TABLES[name]).values()) <= {"string", "bigint", "int", "double", "boolean"}


def test_answers_are_encrypted_stay_in_our_bucket_and_expire() -> None:
    wanted = properties("Queries")["WorkGroupConfiguration"]
    assert wanted["EnforceWorkGroupConfiguration"] is True
    assert wanted["BytesScannedCutoffPerQuery"] >= 10_000_000, "the least that Athena takes"
    results = wanted["ResultConfiguration"]
    assert results["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}
    assert results["OutputLocation"] == {"Fn::Sub": "s3://${ResultsBucket}/queries/"}
    rules = properties("ResultsBucket")["LifecycleConfiguration"]["Rules"]
    assert [rule["ExpirationInDays"] for rule in rules if rule.get("Prefix") == "queries/"] == [7]


def test_the_saved_queries_are_those_of_the_documents() -> None:
    shown = re.findall(r"^```sql\n(.*?)^```", (ROOT / "docs" / "downstream.md").read_text(), re.MULTILINE | re.DOTALL)
    assert shown == list(queries().values())


@pytest.mark.parametrize("name", queries())
def test_a_query_names_the_run_wherever_it_names_a_table(name: str) -> None:
    asked = re.findall(rf"\b(?:FROM|JOIN) (?:{'|'.join(TABLES)})\b", queries()[name])
    assert len(asked) == queries()[name].count(f"run_id = '{EXAMPLE}'") > 0
