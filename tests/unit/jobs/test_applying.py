"""Known pictures vote on new ones; Spark, which only deals out the reading, is a loop here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchard.components.solve import PrincipalComponents
from orchard.jobs.applying import Applied, KnownRun, write_predictions
from orchard.jobs.rows import cut
from orchard.jobs.stages import StageRecord
from orchard.jobs.tables import COMPONENTS, FEATURES, Part, Table
from orchard.layout import RunFiles
from orchard.pipeline.origin import NO_ORIGIN, Origin
from tests.support.looped import Tasks
from tests.support.stored_run import Files, leave_run

Picture = tuple[str, tuple[float, float]]
"""Label, and place."""

AXES = PrincipalComponents(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.6, 0.4]), 9, None, 1.0)
"""They change places with each other."""


def write(folder: Path, table: Table, pictures: list[Picture], files: int = 2) -> dict[str, int]:
    folder.mkdir()
    parts = {}
    for number in range(files):
        rows = [
            {"path": f"{label}/{n}.jpg", "split": "", "label": label, table.payload: place}
            for n, (label, place) in enumerate(pictures)
            if n % files == number
        ]
        file = folder / f"part-{number}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)
        parts[str(file)] = file.stat().st_size
    return parts


class Comparison:
    """New pictures among known ones."""

    def __init__(self, folder: Path, known: list[Picture], new: list[Picture]) -> None:
        self.folder = folder
        run = RunFiles(str(folder / "known"))
        Path(run.base).mkdir()
        files = write(Path(run.components), COMPONENTS, known)
        record = StageRecord(
            "pca", {}, "", 1.0, {"projected": len(known)}, {run.relative(uri): n for uri, n in files.items()}
        )
        labels = {label for label, _ in known}
        self.known = KnownRun(run, NO_ORIGIN, {"pca": record}, tuple(sorted(labels - {""} or labels)))
        self.features = cut(
            write(folder / "features", FEATURES, [(label, place[::-1]) for label, place in new]), 1 << 20
        )

    def applied(self) -> Applied:
        out = str(self.folder / "pca")
        return write_predictions(Tasks(), self.features, AXES, self.known, out)  # type: ignore[arg-type]


def said(parts: tuple[Part, ...]) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for part in parts for row in pq.read_table(part.uri).to_pylist()}


CORNERS = [(label, (x + n / 128, y + n / 128)) for label, x, y in (("Fig", 0, 0), ("Kiwi", 9, 9)) for n in range(6)]


@pytest.mark.parametrize("together", [1, 3, 8192])
def test_each_new_picture_is_projected_voted_on_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr("orchard.jobs.applying._AT_MOST", together)
    new = [
        ("Fig", (0.0, 0.0625)),
        ("Kiwi", (1.0, 0.0)),
        ("inbox", (9.0, 9.0)),
        ("", (40.0, 0.0)),
        ("Fig", (1 / 128, 1 / 128)),
    ]
    applied = Comparison(tmp_path, CORNERS, new).applied()
    found = said(applied.parts)
    assert [found[f"{label}/{n}.jpg"]["components"] for n, (label, _) in enumerate(new)] == [list(at) for _, at in new]
    assert {path: (row["predicted_label"], row["votes"]) for path, row in found.items()} == {
        "Fig/0.jpg": ("Fig", 5),
        "Kiwi/1.jpg": ("Fig", 5),
        "inbox/2.jpg": ("Kiwi", 5),
        "/3.jpg": ("Kiwi", 5),
        "Fig/4.jpg": ("Fig", 5),
    }
    assert found["Fig/4.jpg"]["distance"] == 0
    assert found["Kiwi/1.jpg"]["distance"] == pytest.approx(np.hypot(1 - 5 / 128, 5 / 128))
    assert applied.pairs == Counter({("Fig", "Fig"): 2, ("Kiwi", "Fig"): 1, ("inbox", "Kiwi"): 1, ("", "Kiwi"): 1})
    assert applied.to_json() == {
        "pictures": 5,
        "of_known_labels": 3,
        "right": 2,
        "unlike_any": 3,
        "copies": 2,
        "limit": pytest.approx(np.hypot(1 / 128, 1 / 128)),
        "nearest": 5,
        "voters": 5,
        "known": 12,
    }
    assert applied.accuracy is not None
    assert [(one.label, one.correct, one.total) for one in applied.accuracy.per_label] == [
        ("Fig", 2, 2),
        ("Kiwi", 0, 1),
    ]


def test_as_many_vote_as_are_right_about_the_known(tmp_path: Path) -> None:
    pairs = [(label, (float(n), far)) for n, label in enumerate(["Fig", "Kiwi", "Plum"] * 3) for far in (0.0, 0.1)]
    applied = Comparison(tmp_path, pairs, [("Plum", (2.0, 0.2))]).applied()
    assert applied.voters == 1, "beside each is its like, and around it are others"
    assert said(applied.parts)["Plum/0.jpg"]["predicted_label"] == "Plum"


@pytest.mark.parametrize("others", [True, False])
def test_pictures_in_no_folder_vote_where_all_are_in_none(tmp_path: Path, others: bool) -> None:
    known = [("", (n / 10, 0.0)) for n in range(6)] + ([("Fig", (5.0 + n, 5.0)) for n in range(3)] if others else [])
    applied = Comparison(tmp_path, known, [("", (0.0, 0.0))]).applied()
    [row] = said(applied.parts).values()
    assert (row["predicted_label"], applied.voting) == (("Fig", 3) if others else ("", 6))
    assert (applied.accuracy is None) == others


def test_of_many_known_pictures_a_sample_tells_how_far_they_are_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchard.jobs.applying._SAMPLE", 200)
    grid = [("Fig", (float(n % 20), float(n // 20))) for n in range(400)]
    applied = Comparison(tmp_path, grid, [("Fig", (0.0, -1.5)), ("Fig", (0.0, 0.5))]).applied()
    assert (applied.limit, applied.unlike, applied.voting) == (1.0, 1, 400)


def test_copies_alone_tell_nothing_of_distances(tmp_path: Path) -> None:
    applied = Comparison(tmp_path, [("Fig", (3.0, 3.0))] * 4, [("Fig", (9.0, 9.0))]).applied()
    assert (applied.to_json()["limit"], applied.unlike) == (None, 0)


class Moved(Files):
    """Runs that were copied from one bucket to another."""

    def exists(self, uri: str) -> bool:
        return uri in self.texts

    def read_csv(self, uri: str) -> list[dict[str, str]]:
        return [{"label": label} for label in ("Fig", "")]

    def move(self) -> None:
        self.texts = {uri.replace("s3://here/", "s3://there/"): text for uri, text in self.texts.items()}


@pytest.mark.parametrize("further", [False, True])
def test_in_s3_what_a_known_run_uses_itself_lies_beside_it_whatever_its_bucket_was_called(further: bool) -> None:
    files = Moved()
    leave_run(files, RunFiles("s3://here/runs/first"))
    leave_run(files, RunFiles("s3://here/runs/refit"), Origin(features="s3://here/runs/first"))
    leave_run(files, RunFiles("s3://here/runs/new"), Origin(components="s3://here/runs/refit"))
    files.move()
    named = "s3://there/runs/new" if further else "s3://there/runs/refit"
    known = KnownRun.of(files, named, RunFiles("s3://there/runs/newest"))  # type: ignore[arg-type]
    assert (known.run.base, known.origin) == ("s3://there/runs/refit", Origin(features="s3://there/runs/first"))
    assert known.labels == ("Fig",)
    assert known.as_input == {"known": known.records["pca"].completed}
