"""What summary.json and the report say of a run is what its tables hold, of a run in which no two numbers are alike."""

from __future__ import annotations

import base64
import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from orchard.jobs.featurize import featurize
from orchard.jobs.pca import pca
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles
from orchard.options import RunOptions
from orchard.report.sample import thumbnail
from tests.support.pictures.drawn import draw_fruit, write_zip
from tests.support.report_markup import facts, payload, per_cent, rows, section, text

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from orchard.features.model import ModelFolder

pytestmark = pytest.mark.slow

SIZES = {
    ("Training", "Apple Braeburn 1"): 9, ("Test", "Apple Braeburn 1"): 3,
    ("Training", "Banana"): 14, ("Test", "Banana"): 8,
    ("Training", "Kiwi"): 11, ("Test", "Kiwi"): 5, ("Validation", "Kiwi"): 2,
    ("Training", "Plum 2"): 7, ("Test", "Plum 2"): 4,
}  # fmt: skip
MISTAKEN = {("Banana", 0): "Kiwi", ("Banana", 1): "Kiwi", ("Banana", 2): "Kiwi", ("Kiwi", 3): "Plum 2"}
"""Test pictures, by label and number, that really show another fruit; no two pictures are equal."""

ESTIMATE = {"total_usd": 0.471, "usd_per_hour": 0.93, "price_date": "2026-11"}


def members() -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for (split, label), size in SIZES.items():
        for number in range(size):
            fruit = MISTAKEN.get((label, number), label) if split == "Test" else label
            found[f"f/{split}/{label}/{number}.jpg"] = draw_fruit(fruit, len(found))
    found |= {f"f/Training/Banana/broken {n}.jpg": draw_fruit("Banana", 900 + n)[:400] for n in range(2)}
    found |= {f"f/Training/Plum 2/../{n}.jpg": b"unsafe" for n in range(3)}
    return found | {f"f/words {n}.txt": b"words" for n in range(4)}


@pytest.fixture(scope="module")
def run(spark: SparkSession, random_model: ModelFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    folder = tmp_path_factory.mktemp("uneven")
    archive = write_zip(folder / "uneven.zip", members())
    files = RunFiles(str(folder / "uneven-0123456789ab"))
    Path(files.base).mkdir()
    Path(files.plan).write_text(json.dumps({"estimate": ESTIMATE, "charged": False}))
    unzip(spark, str(archive), files, max_rejected=0.2)
    featurize(spark, files, str(random_model.path), "onnxruntime", max_rejected=0.2)
    pca(spark, files, RunOptions(components=40))
    return files


@pytest.fixture(scope="module")
def page(run: RunFiles) -> str:
    return Path(run.report).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def summary(run: RunFiles) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(run.summary).read_text())
    return found


class Table:
    """`pca/` in memory, and what is nearest in it, by every difference of every two rows."""

    def __init__(self, run: RunFiles) -> None:
        self.rows = pq.read_table(run.components).to_pylist()
        self.values = np.array([row["components"] for row in self.rows])
        self.split = np.array([row["split"] for row in self.rows])
        self.label = np.array([row["label"] for row in self.rows])

    def nearest(self, row: int, among: NDArray[np.bool_], count: int, components: int = 40) -> list[int]:
        away = np.linalg.norm((self.values - self.values[row])[:, :components], axis=1)
        away[~among] = np.inf
        away[row] = np.inf
        return np.argsort(away)[:count].tolist()

    def predicted(self, among: str, components: int = 40) -> list[tuple[str, str]]:
        """Label of each Test row, and that of the nearest row of a split."""
        tests = np.flatnonzero(self.split == "Test")
        near = [self.nearest(row, self.split == among, 1, components)[0] for row in tests]
        return [(str(self.label[row]), str(self.label[other])) for row, other in zip(tests, near, strict=True)]


@pytest.fixture(scope="module")
def table(run: RunFiles) -> Table:
    return Table(run)


def read(file: str) -> list[dict[str, str]]:
    with Path(file).open(newline="") as opened:
        return list(csv.DictReader(opened))


def test_the_summary_counts_what_the_tables_hold(run: RunFiles, summary: dict[str, Any]) -> None:
    rejected = Counter(row["stage"] for row in read(run.rejected_by("unzip")) + read(run.rejected_by("featurize")))
    labels = {row["label"] for row in read(run.stats_table)}
    images, features = (pq.read_table(folder).num_rows for folder in (run.images, run.features))
    assert summary["counts"] == {
        "entries": len(members()),
        "directories": 0,
        "ignored": 4,
        "skipped": 0,
        "rejected_in_unzip": rejected["unzip"],
        "images": images,
        "rejected_in_featurize": rejected["featurize"],
        "features": features,
        "reduced": 0,
        "incomplete": 0,
        "projected": pq.read_table(run.components).num_rows,
        "classes": len(labels),
    }
    assert (rejected["unzip"], rejected["featurize"]) == (3, 2)
    assert images == sum(int(row["count"]) for row in read(run.stats_table)) == sum(SIZES.values()) + 2


def test_the_summary_times_each_stage_and_what_featurize_does_in_a_second(
    run: RunFiles, summary: dict[str, Any]
) -> None:
    seconds = {stage: json.loads(Path(run.stage(stage)).read_text())["seconds"] for stage in summary["stages"]}
    assert len(set(seconds.values())) == 3
    assert {stage: facts["seconds"] for stage, facts in summary["stages"].items()} == seconds
    rate = summary["counts"]["images"] / seconds["featurize"]
    assert summary["stages"]["featurize"]["images_per_second"] == pytest.approx(rate, abs=0.06)


def test_the_summary_says_what_was_kept_and_of_how_much(run: RunFiles, summary: dict[str, Any], table: Table) -> None:
    last = read(run.explained_variance)[-1]
    assert summary["parameters"] == {
        "components": 40,
        "variance": None,
        "fit_split": None,
        "kept": int(last["component"]),
        "cumulative": pytest.approx(float(last["cumulative"])),
        "fitted_on": len(table.rows),
        "shortfall": "",
    }
    assert summary["cost"] == {**ESTIMATE, "charged": False}


def test_the_page_names_what_the_summary_holds(page: str, summary: dict[str, Any]) -> None:
    told = facts(page)
    counts = summary["counts"]
    assert {name: told[name] for name in ("Entries", "Ignored", "Images", "Classes", "Feature vectors")} == {
        "Entries": str(counts["entries"]),
        "Ignored": "4: 4 .txt",
        "Images": str(counts["images"]),
        "Classes": "4",
        "Feature vectors": str(counts["features"]),
    }
    assert (told["Rejected while unpacking"], told["Rejected while decoding"]) == ("3", "2")
    assert told["Speed"] == f"{summary['stages']['featurize']['images_per_second']:,.1f} images a second"
    assert (told["Kept"], told["Fitted on"]) == ("40", "all images")
    assert told["Cost"] == "nothing, on this machine"
    assert told["Estimate on AWS"] == "$0.47 for the whole run, at prices of 2026-11"


def test_recognised_are_the_test_images_whose_nearest_training_image_has_their_label(page: str, table: Table) -> None:
    pairs = table.predicted("Training")
    right = Counter(true for true, near in pairs if true == near)
    totals = Counter(true for true, _ in pairs)
    shares = {label: right[label] / totals[label] for label in totals}
    overall = right.total() / len(pairs)
    assert len({overall, *shares.values()}) >= 4, "the data tell one from the other"
    assert table.predicted("Test") != pairs != table.predicted("Training", 2), "and one way to count from another"

    opening = text(page.split('<p class="lede">')[1].split("</p>")[0])
    assert f"For {per_cent(overall)} of the Test images" in opening
    assert f"{right.total()} of {len(pairs)} are of the same class" in text(section(page, "neighbours"))
    assert {row[0]: row[-1] for row in rows(section(page, "classes"))} == {
        label: per_cent(share) for label, share in shares.items()
    }
    wrong = Counter((true, near) for true, near in pairs if true != near)
    assert rows(section(page, "neighbours")) == [
        [true, near, str(count), per_cent(count / totals[true])]
        for (true, near), count in sorted(wrong.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def test_beside_a_picture_stand_those_nearest_to_it(run: RunFiles, page: str, table: Table) -> None:
    paths = [row["path"] for row in table.rows]
    everywhere = np.ones(len(paths), dtype=bool)
    shown = [re.findall(r'title="([^"]+)"', item) for item in section(page, "alike").split("<p><b>")[1:]]
    assert len(shown) == 12
    told_apart = 0
    for path, *nearest in shown:
        row = paths.index(path)
        assert nearest == [paths[other] for other in table.nearest(row, everywhere, 5)]
        told_apart += nearest != [paths[other] for other in table.nearest(row, everywhere, 5, components=2)]
    assert told_apart > 0, "two components alone would give others"


def test_every_dot_stands_where_its_row_says_with_its_own_picture(run: RunFiles, page: str, table: Table) -> None:
    told = payload(page)
    points = told["points"]
    known = {row["path"]: row for row in table.rows}
    pictures = {
        row["path"]: row["content"] for row in pq.read_table(run.images, columns=["path", "content"]).to_pylist()
    }
    assert sorted(points["path"]) == sorted(known)
    assert len(points["values"]) == 10
    for n, path in enumerate(points["path"]):
        assert [axis[n] for axis in points["values"]] == pytest.approx(known[path]["components"][:10], rel=1e-3)
        assert told["labels"][points["label"][n]] == known[path]["label"]
        assert told["splits"][points["split"][n]] == known[path]["split"]
        assert base64.b64decode(points["picture"][n]) == thumbnail(pictures[path])


def test_the_classes_have_the_counts_of_stats(run: RunFiles, page: str) -> None:
    told = payload(page)
    counts = {(row["split"], row["label"]): int(row["count"]) for row in read(run.stats_table)}
    assert told["splits"] == ["Training", "Validation", "Test"]
    assert [row[:-1] for row in rows(section(page, "classes"))] == [
        [label, *(str(counts.get((split, label), 0)) for split in told["splits"])] for label in told["labels"]
    ]
    totals = [sum(count for (_, label), count in counts.items() if label == name) for name in told["labels"]]
    assert told["counts"] == totals
    assert len(set(totals)) == len(totals)


def test_the_curve_is_of_the_shares_that_the_model_explains(run: RunFiles, page: str) -> None:
    told = payload(page)
    shares = [float(row["explained_variance"]) for row in read(run.explained_variance)]
    assert told["kept"] == len(shares) == 40
    assert told["spectrum"][:40] == pytest.approx(shares, rel=1e-3)
    assert len(told["spectrum"]) == 1280
    left = f"The first 40 components explain {per_cent(sum(shares))} of the variance of all features; the other 1,240"
    assert left in text(section(page, "variance"))


def test_every_rejected_file_is_listed_with_its_reason_and_what_can_be_seen_of_it(run: RunFiles, page: str) -> None:
    told = read(run.rejected_by("unzip")) + read(run.rejected_by("featurize"))
    markup = section(page, "rejected")
    assert "5 files of the archive have no features" in text(markup)
    assert rows(markup.split("</table>", 1)[1]) == sorted([row["path"], row["reason"]] for row in told)
    assert sorted(rows(markup)) == sorted(
        [reason, stage, str(count)]
        for (reason, stage), count in Counter((row["reason"], row["stage"]) for row in told).items()
    )
