"""What the report is given is what the run's tables hold; Spark, which only deals out the reading, is a loop here."""

from __future__ import annotations

import base64
import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchard.components.solve import PrincipalComponents
from orchard.jobs.confusions import EXAMPLES
from orchard.jobs.reporting import write_report
from orchard.jobs.stages import StageRecord
from orchard.jobs.tables import COMPONENTS
from orchard.layout import RunFiles
from orchard.report.pool import MOST_COORDINATES
from orchard.report.sample import sample_points, thumbnail
from tests.support.looped import Tasks
from tests.support.pictures.drawn import CLASSES, draw_fruit
from tests.support.report_markup import payload, per_cent, rows, section, text

WIDTH = 300
SIZES = {("Training", "Banana"): 9, ("Test", "Banana"): 7, ("Training", "Kiwi"): 8, ("Test", "Kiwi"): 5}
SIZES |= {("Validation", "Kiwi"): 4}
REJECTED = [("f/a.jpg", "unzip", "bad CRC"), ("f/b.jpg", "unzip", "bad CRC"), ("f/cut.jpg", "featurize", "truncated")]


COPIES = ["f/Test/Kiwi/4.jpg", "f/Training/Banana/0.jpg", "f/cut.jpg"]
PLACES = [{"split": "Test", "label": "Kiwi", "count": 1}, {"split": "Training", "label": "Banana", "count": 2}]
DUPLICATES = {"copies": 3, "contents": 1, "worst": [{"copies": 3, "places": PLACES, "paths": COPIES}]}


class Folder:
    """Stands for Hadoop's file systems."""

    def read_csv(self, uri: str) -> list[dict[str, str]]:
        with Path(uri).open(newline="") as file:
            return list(csv.DictReader(file))

    def write_text(self, uri: str, chunks: Iterable[str]) -> None:
        Path(uri).write_text("".join(chunks), encoding="utf-8")


def write_csv(file: str, *lines: tuple[object, ...]) -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    with Path(file).open("w", newline="") as opened:
        csv.writer(opened).writerows(lines)


class Run:
    """A run's folder: pictures, and components that are drawn at random around a place of their class.

    The first two components are the same noise for all classes, so that they alone tell nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.files = RunFiles(str(folder))
        rng = np.random.default_rng(5)
        refs = [(split, label, n) for (split, label), size in SIZES.items() for n in range(size)]
        self.rows: list[dict[str, Any]] = []
        for split, label, n in refs:
            values = rng.normal(size=WIDTH)
            values[2:256] += 1.1 * (list(CLASSES).index(label) - 2) * rng.uniform(0.1, 0.5)
            if split == "Validation":  # closer to Test pictures of another class than any Training picture
                values = np.array(self.rows[SIZES["Training", "Banana"] + n]["components"]) + 0.01 * values
            values[256:] = 1000 * rng.normal(size=WIDTH - 256)  # which no neighbour is to be found by
            row = {"path": f"f/{split}/{label}/{n}.jpg", "split": split, "label": label, "components": values.tolist()}
            self.rows.append(row)
        self.pictures = {row["path"]: draw_fruit(row["label"], n) for n, row in enumerate(self.rows)}
        self.pictures["f/cut.jpg"] = draw_fruit("Kiwi", 99)[:800]
        parts = [
            self._part("pca", COMPONENTS.schema, self.rows[::2], 0),
            self._part("pca", COMPONENTS.schema, self.rows[1::2], 1),
        ]
        images = [{"path": path, "content": content} for path, content in self.pictures.items()]
        schema = pa.schema([("path", pa.string()), ("content", pa.binary())])
        self.records = {
            "pca": self._record("pca", parts),
            "unzip": self._record("unzip", [self._part("images", schema, images, 0)]),
        }
        write_csv(self.files.stats_table, ("split", "label", "count"), *((*key, size) for key, size in SIZES.items()))
        for stage in ("unzip", "featurize"):
            listed = [row for row in REJECTED if row[1] == stage]
            write_csv(self.files.rejected_by(stage), ("path", "stage", "reason"), *listed)

    def _part(self, folder: str, schema: pa.Schema, table: list[dict[str, Any]], number: int) -> tuple[str, int]:
        file = Path(self.files.base) / folder / f"part-{number}.parquet"
        file.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(table, schema=schema), file)
        return f"{folder}/{file.name}", file.stat().st_size

    def _record(self, stage: str, parts: list[tuple[str, int]]) -> StageRecord:
        return StageRecord(stage, {}, "", 1.0, {}, dict(parts))

    def report(self) -> str:
        spectrum = np.array([0.5, 0.2, *[0.3 / (WIDTH + 98)] * (WIDTH + 98)])
        components = PrincipalComponents(np.zeros((WIDTH + 100, WIDTH)), spectrum, len(self.rows), "components", 1.0)
        summary: dict[str, Any] = {"model": {"weights": "imagenet"}, "duplicates": DUPLICATES}
        write_report(Tasks(), Folder(), self.files, components, self.records, summary)  # type: ignore[arg-type]
        return Path(self.files.report).read_text(encoding="utf-8")

    def nearest(self, row: int, among: list[int], count: int, width: int = 256) -> list[int]:
        """By the definition, in float64, on the components that count."""
        values = np.array([one["components"][:width] for one in self.rows])
        away = np.linalg.norm(values - values[row], axis=1)
        return sorted((other for other in among if other != row), key=lambda other: away[other])[:count]

    def of(self, split: str) -> list[int]:
        return [n for n, row in enumerate(self.rows) if row["split"] == split]

    def pairs(self, *among: str, width: int = 256) -> list[tuple[str, str]]:
        known = [row for split in among for row in self.of(split)]
        near = [(row, self.nearest(row, known, 1, width)[0]) for row in self.of("Test")]
        return [(self.rows[row]["label"], self.rows[other]["label"]) for row, other in near]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(run: Run) -> str:
    return run.report()


def test_recognised_are_test_images_by_their_nearest_training_image(run: Run, page: str) -> None:
    pairs = run.pairs("Training")
    assert len({tuple(run.pairs("Training", width=width)) for width in (2, 256, WIDTH)}) == 3, (
        "the data tell them apart"
    )
    assert pairs != run.pairs("Test")
    assert pairs != run.pairs("Training", "Validation")
    right, totals = Counter(true for true, near in pairs if true == near), Counter(true for true, _ in pairs)
    assert f"{right.total()} of {len(pairs)} are of the same class" in text(section(page, "neighbours"))
    assert {row[0]: row[-1] for row in rows(section(page, "classes"))} == {
        label: per_cent(right[label] / totals[label]) for label in totals
    }
    wrong = Counter((true, near) for true, near in pairs if true != near)
    assert {(row[0], row[1]): int(row[2]) for row in rows(section(page, "neighbours"))} == wrong


def test_beside_a_picture_stand_the_five_nearest_of_all_splits(run: Run, page: str) -> None:
    paths = [row["path"] for row in run.rows]
    shown = [re.findall(r'title="([^"]+)"', item) for item in section(page, "alike").split("<p><b>")[1:]]
    assert len(shown) == 12
    for path, *nearest in shown:
        assert nearest == [paths[other] for other in run.nearest(paths.index(path), [*range(len(paths))], 5)]


def test_every_picture_is_shown_as_itself(run: Run, page: str) -> None:
    pictures = re.findall(r'<img src="data:image/webp;base64,([^"]+)" alt="[^"]*" title="([^"]+)"', page)
    assert len(pictures) == 12 * 6 + len(COPIES)
    for content, path in pictures:
        assert base64.b64decode(content) == thumbnail(run.pictures[path])


def test_a_confusion_has_its_test_images_and_the_nearest_training_image_of_each(run: Run, page: str) -> None:
    expected = defaultdict(list)
    for row in run.of("Test"):
        other = run.nearest(row, run.of("Training"), 1)[0]
        if run.rows[row]["label"] != run.rows[other]["label"]:
            expected[run.rows[row]["label"], run.rows[other]["label"]].append((row, other))
    told = payload(page)
    paths = told["points"]["path"] + told["more"]["path"]
    found = {
        (one["label"], one["predicted"]): [(paths[row], paths[other]) for row, other in one["pairs"]]
        for one in told["confused"]
    }
    assert found == {
        labels: sorted((run.rows[row]["path"], run.rows[other]["path"]) for row, other in pairs)[:EXAMPLES]
        for labels, pairs in expected.items()
    }
    assert {(one["label"], one["predicted"]): one["count"] for one in told["confused"]} == {
        labels: len(pairs) for labels, pairs in expected.items()
    }


def test_what_is_beside_the_map_is_in_the_page_once_and_has_its_picture(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchard.jobs.reporting.sample_points", lambda refs, size=3: sample_points(refs, min(size, 3)))
    page = run.report()
    told = payload(page)
    paths = told["points"]["path"] + told["more"]["path"]
    assert len(told["points"]["path"]) == 3
    assert len(paths) == len(set(paths))
    shown = set(re.findall(r'title="([^"]+)"', section(page, "alike"))) | {*COPIES} - {"f/cut.jpg"}
    confused = {paths[n] for one in told["confused"] for pair in one["pairs"] for n in pair}
    assert set(paths) == shown | confused | set(told["points"]["path"])
    known = {row["path"]: row for row in run.rows}
    for path, label, content in zip(*(told["more"][name] for name in ("path", "label", "picture")), strict=True):
        assert told["labels"][label] == known[path]["label"]
        assert base64.b64decode(content) == thumbnail(run.pictures[path])


def test_the_page_has_the_components_by_which_neighbours_are_found(run: Run, page: str) -> None:
    near = payload(page)["near"]
    paths = payload(page)["points"]["path"]
    whole = np.frombuffer(base64.b64decode(near["values"]), "<i2").reshape(len(paths), near["width"]).astype(float)
    known = {row["path"]: row["components"][: near["width"]] for row in run.rows}
    values = np.array([known[path] for path in paths])
    assert near["width"] == MOST_COORDINATES
    for row in range(len(paths)):
        apart = near["step"] * np.linalg.norm(whole - whole[row], axis=1)
        assert apart == pytest.approx(np.linalg.norm(values - values[row], axis=1), abs=near["step"] * 12)


def test_what_is_there_more_than_once_is_shown(run: Run, page: str) -> None:
    markup = section(page, "copies")
    assert [row[1:] for row in rows(markup)] == [["Kiwi Test Banana Training × 2", "3"]]
    assert re.findall(r'title="([^"]+)"', markup) == COPIES
    pictures = re.findall(r'<img src="data:image/webp;base64,([^"]+)" alt="([^"]*)"', markup)
    assert [(base64.b64decode(content), label) for content, label in pictures] == [
        (thumbnail(run.pictures[path]), label) for path, label in zip(COPIES, ["Kiwi", "Banana", "f"], strict=True)
    ]


def test_every_dot_is_its_row_with_ten_components(run: Run, page: str) -> None:
    told = payload(page)
    points, known = told["points"], {row["path"]: row for row in run.rows}
    assert sorted(points["path"]) == sorted(known)
    assert len(points["values"]) == 10
    for n, path in enumerate(points["path"]):
        assert [axis[n] for axis in points["values"]] == pytest.approx(known[path]["components"][:10], rel=1e-3)
        assert told["labels"][points["label"][n]] == known[path]["label"]
        assert told["splits"][points["split"][n]] == known[path]["split"]
        assert base64.b64decode(points["picture"][n]) == thumbnail(run.pictures[path])


def test_counts_are_those_of_stats_and_the_shares_those_of_the_model(run: Run, page: str) -> None:
    told = payload(page)
    assert [row[1:-1] for row in rows(section(page, "classes"))] == [
        [str(SIZES.get((split, label), 0)) for split in ("Training", "Validation", "Test")]
        for label in ("Banana", "Kiwi")
    ]
    assert (told["kept"], len(told["spectrum"]), told["spectrum"][:2]) == (WIDTH, WIDTH + 100, [0.5, 0.2])


def test_what_was_rejected_in_either_stage_is_listed_with_what_can_be_seen_of_it(run: Run, page: str) -> None:
    markup = section(page, "rejected")
    assert rows(markup) == [["bad CRC", "unzip", "2"], ["truncated", "featurize", "1"]]
    assert rows(markup.split("</table>", 1)[1]) == [[path, reason] for path, _, reason in REJECTED]
    [seen] = re.findall(r'<img src="data:image/webp;base64,([^"]+)" alt="what can be seen of it"', markup)
    assert base64.b64decode(seen) == thumbnail(run.pictures["f/cut.jpg"]) != b""
