"""The template's catalogue as views in DuckDB: what is written for Athena can be asked of a run's files here."""

from pathlib import Path
from typing import Any

import duckdb

from orchard.layout import RunFiles, run_files
from tests.support.stack.template import resources

TYPES = {"string": "VARCHAR", "bigint": "BIGINT", "int": "INTEGER", "double": "DOUBLE"}
TYPES |= {"array<float>": "FLOAT[]", "array<double>": "DOUBLE[]"}
"""The types of the catalogue, as DuckDB calls them."""

EXAMPLE = "fruits-0123456789ab"
"""The run that the saved queries ask about, until somebody writes another id."""

EVERY_RUN = run_files("${ResultsBucket}", "${!run_id}")
"""A run's files, as the template writes their addresses."""

Table = dict[str, Any]


def tables() -> dict[str, Table]:
    """The `TableInput` of each table, by its name in queries."""
    found = (resource["Properties"]["TableInput"] for resource in resources("AWS::Glue::Table").values())
    return {table["Name"]: table for table in found}


def columns(table: Table) -> dict[str, str]:
    """Name and type of a table's columns, in their order; that of the partition is not among them."""
    return {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}


def queries() -> dict[str, str]:
    """The saved queries, by name."""
    found = (resource["Properties"] for resource in resources("AWS::Athena::NamedQuery").values())
    return {query["Name"]: query["QueryString"] for query in found}


def folder(table: Table, run: RunFiles) -> Path:
    """Where a table finds the files of a run."""
    address: str = table["Parameters"]["storage.location.template"]["Fn::Sub"]
    return Path(address.replace(EVERY_RUN.base, run.base))


def parts(table: Table, run: RunFiles) -> list[str]:
    """The files that Athena reads there: names with `.` or `_` in front are hidden from it."""
    return sorted(str(file) for file in folder(table, run).iterdir() if not file.name.startswith((".", "_")))


def opened(*runs: RunFiles) -> duckdb.DuckDBPyConnection:
    """A database in which the catalogue's tables hold some runs, by the names of their folders."""
    database = duckdb.connect()
    for name, table in tables().items():
        wanted = ", ".join(f'"{column}"' for column in columns(table))
        there = [run for run in runs if folder(table, run).exists()]
        rows = " UNION ALL ".join(
            f"SELECT {wanted}, '{Path(run.base).name}' AS run_id FROM {_reader(table, run)}"  # noqa: S608 (our own)
            for run in there
        )
        database.execute(f"CREATE VIEW {name} AS {rows}")
    return database


def _reader(table: Table, run: RunFiles) -> str:
    """DuckDB's name for reading what the table's SerDe reads, in the same way."""
    if table["Parameters"]["classification"] == "parquet":
        # Athena finds columns of Parquet by their names, and has NULL for one that a file lacks
        none = ", ".join(f'NULL::{TYPES[type_]} AS "{name}"' for name, type_ in columns(table).items())
        files = f"SELECT * FROM read_parquet({parts(table, run)})"  # noqa: S608 (our own)
        return f"(SELECT {none} WHERE false UNION ALL BY NAME {files})"
    serde = table["StorageDescriptor"]["SerdeInfo"]["Parameters"]
    types = {name: TYPES[type_] for name, type_ in columns(table).items()}
    texts = [name for name, type_ in types.items() if type_ == "VARCHAR"]
    return (
        f"read_csv({parts(table, run)}, auto_detect = false, header = false, columns = {types},"
        f" skip = {table['Parameters']['skip.header.line.count']}, delim = '{serde['separatorChar']}',"
        # a quote in quotes is written twice, which OpenCSVSerde reads beside its escapes; it knows no empty NULL
        f" quote = '{serde['quoteChar']}', escape = '{serde['quoteChar']}', force_not_null = {texts})"
    )
