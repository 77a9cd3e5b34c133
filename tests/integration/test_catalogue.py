"""What people ask of a run by SQL, asked of a real run's files through views that are made of the template's tables."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from pyspark.sql import SparkSession

from orchard.jobs.pca import pca
from orchard.jobs.tables import PREDICTED, PREDICTED_NAMES
from orchard.layout import RunFiles
from orchard.options import RunOptions
from orchard.pipeline.origin import Origin
from tests.support.stack.catalogue import EXAMPLE, TYPES, columns, opened, parts, queries, tables

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def refit(spark: SparkSession, run: RunFiles, tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """A run that has made other components of the features of the first, and nothing else."""
    files = RunFiles(str(tmp_path_factory.mktemp("refit") / "my-fruits-ba9876543210"))
    pca(spark, files, RunOptions(components=3), Origin(features=run.base))
    return files


@pytest.fixture(scope="module")
def predicted(run: RunFiles, tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """Of a run on whose pictures known ones have voted the one table that says so: each third one is a Kiwi."""
    files = RunFiles(str(tmp_path_factory.mktemp("predicted") / "new-fruits-0123456789ab"))
    found = pq.read_table(run.components).sort_by("path").to_pylist()
    for n, row in enumerate(found):
        row |= {"predicted_label": row["label"] if n % 3 else "Kiwi", "votes": n % 5 + 1, "distance": n / 4}
    Path(files.components).mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(found, schema=PREDICTED.schema), f"{files.components}/part-0.parquet")
    return files


@pytest.fixture(scope="module")
def database(run: RunFiles, refit: RunFiles, predicted: RunFiles) -> Iterator[duckdb.DuckDBPyConnection]:
    with opened(run, refit, predicted) as found:
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
    assert header == [column for column in columns(table) if column not in PREDICTED_NAMES]
    described = {row["column_name"]: row["column_type"] for row in rows(database, f"DESCRIBE {name}")}
    assert described == {name: TYPES[type_] for name, type_ in columns(table).items()} | {"run_id": "VARCHAR"}


def test_what_no_picture_has_voted_on_has_no_prediction(database: duckdb.DuckDBPyConnection, run: RunFiles) -> None:
    wanted = ", ".join(PREDICTED_NAMES)
    query = f"SELECT DISTINCT {wanted} FROM pca WHERE run_id = '{Path(run.base).name}'"  # noqa: S608 (our own names)
    assert rows(database, query) == [dict.fromkeys(PREDICTED_NAMES)]
    assert asked(database, run, "predictions") == []


def test_predictions_tells_what_each_label_is_taken_for(
    database: duckdb.DuckDBPyConnection, predicted: RunFiles
) -> None:
    table = pq.read_table(predicted.components).to_pylist()
    whole = Counter(row["label"] for row in table)
    pairs = defaultdict(list)
    for row in table:
        pairs[row["label"], row["predicted_label"]].append(row)
    found = asked(database, predicted, "predictions")
    assert found == [
        {
            "label": label,
            "predicted_label": other,
            "is_right": label == other,
            "images": len(some),
            "share": pytest.approx(len(some) / whole[label]),
            "votes": pytest.approx(np.mean([row["votes"] for row in some]), abs=0.0051),
            "distance": pytest.approx(np.mean([row["distance"] for row in some]), abs=0.0051),
        }
        for (label, other), some in sorted(pairs.items(), key=lambda one: (one[0][0], -len(one[1]), one[0][1]))
    ]
    assert {row["is_right"] for row in found} == {True, False}


def test_addresses_joins_a_refit_with_the_metadata_of_its_origin(
    database: duckdb.DuckDBPyConnection, run: RunFiles, refit: RunFiles, archive: Path
) -> None:
    assert not Path(refit.metadata).exists()
    first, second = queries()["addresses"].split("AND metadata.run_id")
    query = (
        first.replace(EXAMPLE, Path(refit.base).name)
        + "AND metadata.run_id"
        + second.replace(EXAMPLE, Path(run.base).name)
    )
    sizes = {row["path"]: row["file_size_bytes"] for row in pq.read_table(run.images).to_pylist()}
    far = sorted(pq.read_table(refit.components).to_pylist(), key=lambda row: (-row["components"][0], row["path"]))[:20]
    assert rows(database, query) == [
        {
            "s3_path": f"file://{archive}#{row['path']}",
            "label": row["label"],
            "file_size_bytes": sizes[row["path"]],
            "component_1": pytest.approx(row["components"][0], abs=0.0051),
        }
        for row in far
    ]
    assert len(pq.read_table(refit.components)["components"][0]) == 3


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
