"""What people ask of a run by SQL, asked of a real run's files through views that are made of the template's tables."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from orchard.layout import RunFiles
from tests.support.stack.catalogue import EXAMPLE, TYPES, columns, opened, parts, queries, tables

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def database(run: RunFiles) -> Iterator[duckdb.DuckDBPyConnection]:
    with opened(run, Path(run.base).name) as found:
        yield found


def asked(database: duckdb.DuckDBPyConnection, run: RunFiles, name: str) -> list[dict[str, Any]]:
    """The answer to a saved query, about this run."""
    return rows(database, queries()[name].replace(EXAMPLE, Path(run.base).name))


def rows(database: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    answer = database.execute(query)
    names = [column[0] for column in answer.description or []]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def pictures(run: RunFiles) -> tuple[list[str], NDArray[np.float64]]:
    """Label and components of each picture."""
    table = pq.read_table(run.components)
    return table["label"].to_pylist(), np.stack(table["components"].to_pylist())


@pytest.mark.parametrize("name", tables())
def test_the_catalogue_has_the_columns_and_types_of_the_files(
    database: duckdb.DuckDBPyConnection, run: RunFiles, name: str
) -> None:
    table = tables()[name]
    [first, *_] = parts(table, run)
    header = (
        pq.read_schema(first).names if first.endswith(".parquet") else Path(first).read_text().split("\n")[0].split(",")
    )
    assert header == list(columns(table))
    described = {row["column_name"]: row["column_type"] for row in rows(database, f"DESCRIBE {name}")}
    assert described == {name: TYPES[type_] for name, type_ in columns(table).items()} | {"run_id": "VARCHAR"}


def test_a_name_with_commas_and_quotes_is_one_value(database: duckdb.DuckDBPyConnection) -> None:
    [found] = rows(database, "SELECT * FROM metadata WHERE filename LIKE '%odd%'")
    assert (found["filename"], found["label"], found["split"]) == ('a "quoted", odd name .jpg', "Kiwi", "Training")
    assert found["s3_path"].endswith('#fruits/Training/Kiwi/a "quoted", odd name .jpg')


def test_images_tells_what_there_is_and_what_could_not_be_read(
    database: duckdb.DuckDBPyConnection, run: RunFiles
) -> None:
    found = {(row["split"], row["label"]): (row["images"], row["unreadable"]) for row in asked(database, run, "images")}
    there = Counter(zip(*pq.read_table(run.images).select(["split", "label"]).to_pydict().values(), strict=True))
    assert found == {key: (count, int(key == ("Training", "Kiwi"))) for key, count in there.items()}


def test_centres_tells_where_each_label_lies(database: duckdb.DuckDBPyConnection, run: RunFiles) -> None:
    labels, points = pictures(run)
    found = {row.pop("label"): tuple(row.values()) for row in asked(database, run, "centres")}
    assert found.keys() == set(labels)
    for label, told in found.items():
        own = points[np.array(labels) == label]
        assert told == pytest.approx((len(own), *own[:, :2].mean(axis=0)), abs=0.0051)


def test_purity_tells_which_labels_lie_apart(database: duckdb.DuckDBPyConnection, run: RunFiles) -> None:
    labels, points = pictures(run)
    names = sorted(set(labels))
    centres = np.stack([points[np.array(labels) == name].mean(axis=0) for name in names])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    at_home = Counter(label for label, place in zip(labels, nearest, strict=True) if names[place] == label)
    found = asked(database, run, "purity")
    assert {row["label"]: row["images"] for row in found} == Counter(labels)
    assert {row["label"]: row["purity"] for row in found} == {
        name: pytest.approx(at_home[name] / count) for name, count in Counter(labels).items()
    }
    assert [row["purity"] for row in found] == sorted(row["purity"] for row in found)
