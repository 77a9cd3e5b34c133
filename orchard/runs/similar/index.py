"""What is kept of a run to look for its images in: a folder of the cache, made once, mapped into memory ever after.

The components are there as float32 around their mean, half as large as in `pca/`, and need no reading. The folder is
known by the run and its manifest, so that a run that was made again has another. It appears whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orchard import cache
from orchard.archive.addresses import uris_of
from orchard.cache.held import UNFINISHED, held_folder, put
from orchard.components.search import half_squares
from orchard.components.votes import Nearest, best_voters, limit_of
from orchard.errors import RunFailedError
from orchard.layout import is_run_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from orchard.archive.sources.base import SourceFile
    from orchard.runs.similar.results import Results

KEPT = 8
"""Runs that are kept, the latest that were asked; one of 155,000 images with 256 components takes 170 MB."""

_FACTS = "facts.json"
_ROWS = "rows.f32"
_PATHS = "paths.utf8"
_DIGEST = 12
_AT_ONCE = 4  # files that are read and waited for
_JUDGED = 10_000  # images that are asked as if they were new, at most
_COMPARED = 300_000_000  # distances between them and all images, more or less
_TOGETHER = 1024  # images that they are compared with at once


@dataclass(frozen=True)
class Facts:
    """What is known of an index in words.

    Attributes:
        run: The run's id.
        model: What the run's summary says of its model.
        sources: The addresses of what the run has read.
        images: The number of rows.
        components: The number of columns.
        labels: The labels that occur, sorted; `Index.labels` counts in them.
        splits: The splits, likewise.
        voters: How many of a picture's nearest images vote on its label.
        limit: The distance beyond which a picture looks like nothing known.
    """

    run: str
    model: dict[str, Any]
    sources: list[str]
    images: int
    components: int
    labels: list[str]
    splits: list[str]
    voters: int
    limit: float


@dataclass(frozen=True, eq=False)
class Index:
    """The images of a run.

    Attributes:
        rows: [n, k], components less `centre`.
        halves: [n], half the squared length of each row.
        centre: [k].
        projection: [d, k]: features times this are components.
        labels: [n], numbers in `facts.labels`.
        splits: [n], numbers in `facts.splits`.
        ends: [n], where in `text` each image's path ends.
        text: The paths, one after the other, in UTF-8.
    """

    facts: Facts
    rows: NDArray[np.float32]
    halves: NDArray[np.float32]
    centre: NDArray[np.float64]
    projection: NDArray[np.float64]
    labels: NDArray[np.int32]
    splits: NDArray[np.int32]
    ends: NDArray[np.int64]
    text: NDArray[np.uint8]

    def path(self, row: int) -> str:
        """The path of one image."""
        start = int(self.ends[row - 1]) if row else 0
        return self.text[start : int(self.ends[row])].tobytes().decode()

    def voices(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The labels for which images vote: -1 of those in no folder, unless all are."""
        return _voices(self.labels[rows], self.facts.labels)

    @classmethod
    def load(cls, folder: Path) -> Index:
        """What `_build` left.

        Raises:
            OSError: It is not there.
            ValueError: It is not whole.
        """
        facts = Facts(**json.loads((folder / _FACTS).read_text(encoding="utf-8")))
        arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r")
            for name in ("halves", "centre", "projection", "labels", "splits", "ends")
        }
        rows, text = np.memmap(folder / _ROWS, np.float32, "r"), np.memmap(folder / _PATHS, np.uint8, "r")
        if len(text) != arrays["ends"][-1]:
            raise ValueError(f"{_PATHS} is not whole")
        return cls(facts, rows.reshape(facts.images, facts.components), text=text, **arrays)


def index_of(results: Results, say: Callable[[str], None]) -> Index:
    """The index of a run, made unless it is there.

    Args:
        say: Called with a line about what takes a while.

    Raises:
        RunFailedError: A file is not as the run's manifest says.
        EnvironmentNotReadyError: The cache cannot be written.
    """
    name = results.run if is_run_name(results.run) else "run"
    folder = cache.similar_dir() / f"{name}-{results.digest[:_DIGEST]}"
    try:
        found = Index.load(folder)
    except (OSError, ValueError, TypeError):
        cache.check_cache()
        say(f"reading the components of {results.run}, once")
        with held_folder(folder.parent) as scratch:
            new = scratch / "new"
            new.mkdir()
            _build(results, new)
            put(new, folder)
        found = Index.load(folder)
    with suppress(FileNotFoundError):  # another process tidies up, too
        os.utime(folder)
        _forget(folder.parent)
    return found


def _forget(parent: Path) -> None:
    """Keep the latest that were asked."""
    there = [path for path in parent.iterdir() if not path.name.startswith(UNFINISHED)]
    for path in sorted(there, key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True)
class _Part:
    """A file of `pca/`, read."""

    paths: list[str]
    labels: list[str]
    splits: list[str]
    values: NDArray[np.float64]


def _build(results: Results, folder: Path) -> None:
    projection = read_projection(results)
    labels, splits = _Numbers(), _Numbers()
    ends: list[int] = []
    halves, label_of, split_of = [], [], []
    centre: NDArray[np.float64] | None = None
    end = 0
    with (folder / _ROWS).open("wb") as rows, (folder / _PATHS).open("wb") as text:
        for part in _read(results):
            if part.values.shape[1] != projection.shape[1]:
                cause = f"its model has {projection.shape[1]} components, and its images {part.values.shape[1]}"
                raise RunFailedError(f"The results of the run {results.run} contradict each other", cause)
            if centre is None:
                centre = part.values.mean(axis=0)  # any point amid them will do
            single = (part.values - centre).astype(np.float32)
            halves.append(half_squares(single))
            rows.write(single.tobytes())
            for path in part.paths:
                end += text.write(path.encode())
                ends.append(end)
            label_of.append(labels.of(part.labels))
            split_of.append(splits.of(part.splits))
    if centre is None:
        raise RunFailedError(f"There are no images in the run {results.run}", "its pca/ is empty")
    numbers = labels.sorted(np.concatenate(label_of))
    arrays: dict[str, NDArray[Any]] = {
        "halves": np.concatenate(halves),
        "centre": centre,
        "projection": projection,
        "labels": numbers,
        "splits": splits.sorted(np.concatenate(split_of)),
        "ends": np.array(ends, np.int64),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    voters, limit = _judged(folder / _ROWS, _voices(numbers, sorted(labels.numbers)), projection.shape[1])
    facts = Facts(
        run=results.run,
        model=results.summary["model"],
        sources=uris_of(results.summary["archive"]),
        images=len(ends),
        components=projection.shape[1],
        labels=sorted(labels.numbers),
        splits=sorted(splits.numbers),
        voters=voters,
        limit=limit,
    )
    (folder / _FACTS).write_text(json.dumps(asdict(facts)), encoding="utf-8")


def _voices(numbers: NDArray[np.int32], labels: list[str]) -> NDArray[np.int64]:
    """What votes are for images with these labels, `labels` sorted."""
    silent = labels[0] == "" and len(labels) > 1
    return np.where(numbers == 0, -1, numbers).astype(np.int64) if silent else numbers.astype(np.int64)


def _judged(rows: Path, voices: NDArray[np.int64], components: int) -> tuple[int, float]:
    """How many vote, and the limit: by some of the images, evenly spread, whose nearest others take seconds to find."""
    every = np.memmap(rows, np.float32, "r", shape=(len(voices), components))
    some = np.flatnonzero(voices >= 0)
    some = some[:: -(-len(some) // min(_JUDGED, max(1, _COMPARED // len(voices))))]
    found = Nearest(every[some], copies=False)
    for start in range(0, len(voices), _TOGETHER):
        block = slice(start, start + _TOGETHER)
        found.add(every[block], voices[block])
    return best_voters(found, voices[some]), limit_of(found.distances[:, 0])


class _Numbers:
    """Numbers for words, as they come."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def of(self, words: list[str]) -> NDArray[np.int32]:
        """Their numbers."""
        return np.array([self.numbers.setdefault(word, len(self.numbers)) for word in words], np.int32)

    def sorted(self, numbers: NDArray[np.int32]) -> NDArray[np.int32]:
        """The same numbers as if the words had come sorted."""
        places = {word: place for place, word in enumerate(sorted(self.numbers))}
        return np.array([places[word] for word in self.numbers], np.int32)[numbers]


def read_projection(results: Results) -> NDArray[np.float64]:
    """The matrix of a saved `pyspark.ml.feature.PCAModel`, [d, k].

    It is one row of Parquet whose column `pc` is a `DenseMatrix`: column by column, unless it says otherwise.
    """
    import pyarrow.parquet as pq

    [opened] = results.parquet(lambda run: f"{run.pca_model}/data", "components")
    with opened as file:
        matrix = pq.read_table(file, columns=["pc"]).column("pc")[0].as_py()
    shape = (matrix["numRows"], matrix["numCols"])
    return np.array(matrix["values"]).reshape(shape, order="C" if matrix["isTransposed"] else "F")


def _read(results: Results) -> Iterator[_Part]:
    """The files of `pca/`, some at a time."""
    files = results.parquet(lambda run: run.components)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for start in range(0, len(files), _AT_ONCE):
            yield from pool.map(_part, files[start : start + _AT_ONCE])


def _part(opened: SourceFile) -> _Part:
    import pyarrow.parquet as pq

    from orchard.jobs.rows import matrix
    from orchard.jobs.tables import COMPONENTS

    with opened as file:
        table = pq.read_table(file, columns=COMPONENTS.schema.names)
    paths, labels, splits = (table.column(name).to_pylist() for name in ("path", "label", "split"))
    return _Part(paths, labels, splits, matrix(table.column("components").combine_chunks()))
