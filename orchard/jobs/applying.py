"""Project a run's pictures onto the components of an earlier one, whose pictures vote on the labels of the new ones.

The known pictures are read block by block by every task that has new ones, and never kept: a task holds at most
`_TOGETHER` numbers of new pictures, and as many of distances, however many pictures are known.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchard.archive.sources.base import is_s3
from orchard.components.neighbours import NeighbourAccuracy
from orchard.components.solve import PrincipalComponents, project
from orchard.components.votes import VOTERS, Nearest, Votes, best_voters, limit_of
from orchard.errors import UsageError
from orchard.features.model import called, is_same
from orchard.jobs.rows import Piece, cut, lists, matrix, read_rows, share_out
from orchard.jobs.stages import StageRecord, recorded_origin, require_records
from orchard.jobs.tables import COMPONENTS, NAMES, PREDICTED, Part, write_part
from orchard.jobs.tasks import run_tasks
from orchard.layout import STAGES, RunFiles
from orchard.pipeline.origin import Origin
from orchard.report.sample import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from orchard.jobs.files import HadoopFiles

_TOGETHER = 4_000_000
"""Numbers of new pictures that are compared at once with a block of known ones: 32 MB, as float64."""

_AT_MOST = 8192
"""Pictures among them: their distances to a block of 512 are 32 MB, too."""

_SAMPLE = 10_000
"""Of the known pictures so many, drawn by a hash of their paths, tell how far known pictures are from each other."""

_PIECE_BYTES = 8 << 20
_TASKS_PER_CORE = 4


@dataclass(frozen=True)
class KnownRun:
    """An earlier run, onto whose components pictures are projected.

    Attributes:
        run: Its files.
        origin: The runs whose files it uses itself.
        records: Those of its stages, by name.
        labels: Those of its pictures that vote, sorted: all but "", unless they have no other.
    """

    run: RunFiles
    origin: Origin
    records: Mapping[str, StageRecord]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, files: HadoopFiles, uri: str, user: RunFiles) -> KnownRun:
        """Find it, by its records.

        Args:
            uri: Its folder; of a run that uses another's components itself, that other one is found.
            user: The files of the run that uses it.

        Raises:
            UsageError: It is not complete, or not any more.
        """
        run = RunFiles(uri)
        origin = recorded_origin(files, run)
        if is_s3(uri):  # beside it, under whatever name its bucket had when it was recorded
            beside = run.base.rstrip("/").removesuffix(run.name)
            origin = Origin(**{what: f"{beside}{name}" for what, name in origin.runs.items()})
        if run.base.rstrip("/") == user.base.rstrip("/"):
            raise UsageError("A run cannot be projected onto its own components", f"{uri} is the folder of both")
        if origin.components:
            return cls.of(files, origin.components, user)
        try:
            records = require_records(files, run, STAGES, origin)
            if not files.exists(run.manifest):
                raise UsageError("The run is not complete", f"{run.manifest} is missing")
        except UsageError as error:
            headline = f"The run {run.name}, onto whose components these images are projected, is not complete"
            raise UsageError(headline, error.cause, f"orchard status {run.name}") from error
        labels = {row["label"] for row in files.read_csv(origin.files("unzip", run).stats_table)}
        return cls(run, origin, {record.stage: record for record in records}, tuple(sorted(labels - {""} or labels)))

    def check_model(self, featurized: StageRecord) -> None:
        """Refuse features of another network or other weights.

        Both engines compute the same features of a model, so that it is of no consequence which one did.

        Args:
            featurized: The record of their stage.

        Raises:
            UsageError: They are such.
        """
        theirs, ours = self.records["featurize"].facts["model"], featurized.facts["model"]
        if is_same(theirs, ours):
            return
        raise UsageError(
            f"These features cannot be projected onto the components of {self.run.name}",
            f"they are those of {called(ours)}, and the components were fitted on features of {called(theirs)}",
            f"orchard run ZIP --components-of {self.run.name}",
        )

    @property
    def as_input(self) -> dict[str, str]:
        """What the record of a stage that uses it says of it among its inputs, beside where it is."""
        return {"known": self.records["pca"].completed}

    @property
    def parts(self) -> dict[str, int]:
        """The files of its components: URI → size in bytes."""
        return self.records["pca"].parts(self.run, self.run.components)

    @property
    def parameters(self) -> dict[str, Any]:
        """How its components were chosen, for the summary of whoever uses them."""
        return dict(self.records["pca"].facts["parameters"])

    def components(self) -> PrincipalComponents:
        """Its components, from the model that Spark has saved; there has to be a session."""
        from pyspark.ml.feature import PCAModel

        model = PCAModel.load(self.run.pca_model)
        shares = np.asarray(model.explainedVariance.toArray())
        fitted_on = self.parameters["fitted_on"]
        return PrincipalComponents(model.pc.toArray(), shares, fitted_on, None, float(shares.sum()))


@dataclass(frozen=True)
class Applied:
    """What known pictures say of new ones.

    Attributes:
        known: The run whose pictures they are.
        parts: The files of the table that says it of each.
        pairs: Label and predicted label → number of new pictures.
        unlike: How many of them look like nothing known.
        copies: How many have the components of a known one: what is right about these, says little.
        limit: The distance beyond which they do; infinite if there is none.
        voters: How many of the nearest `VOTERS` known pictures vote.
        voting: How many known pictures could vote.
    """

    known: KnownRun
    parts: tuple[Part, ...]
    pairs: Counter[tuple[str, str]]
    unlike: int
    copies: int
    limit: float
    voters: int
    voting: int

    @property
    def accuracy(self) -> NeighbourAccuracy | None:
        """How often the prediction is right, of pictures whose label is one of the known; None without any."""
        pairs = {pair: count for pair, count in self.pairs.items() if pair[0] in self.known.labels}
        return NeighbourAccuracy.of(pairs) if pairs else None

    def to_json(self) -> dict[str, Any]:
        """The counts, for `summary.json`."""
        found = self.accuracy
        return {
            "pictures": self.pairs.total(),
            "of_known_labels": found.total if found else 0,
            "right": found.correct if found else 0,
            "unlike_any": self.unlike,
            "copies": self.copies,
            "limit": self.limit if np.isfinite(self.limit) else None,
            "nearest": VOTERS,
            "voters": self.voters,
            "known": self.voting,
        }


def write_predictions(
    spark: SparkSession, features: Sequence[Piece], components: PrincipalComponents, known: KnownRun, folder: str
) -> Applied:
    """Project every feature vector, and have the known pictures vote on it.

    Args:
        folder: Where the table is written, as `orchard.jobs.tables.PREDICTED`.
    """
    voters, limit, count = _among_known(spark, known)
    shared = spark.sparkContext.broadcast(components)
    labels, pieces = known.labels, cut(known.parts, _PIECE_BYTES)
    shares = share_out(features, spark.sparkContext.defaultParallelism * _TASKS_PER_CORE)

    def work(share: list[Piece]) -> tuple[Part | None, Counter[tuple[str, str]], int, int]:
        pairs: Counter[tuple[str, str]] = Counter()
        unlike = copies = 0

        def voted() -> Iterator[pa.RecordBatch]:
            nonlocal unlike, copies
            for rows in _gathered(read_rows(share, [*NAMES, "features"]), components.kept):
                values = project(matrix(rows.column("features")), shared.value)
                nearest = Nearest(values)
                for _, block, codes in _known_rows(pieces, labels):
                    nearest.add(block, codes)
                votes = Votes.of(nearest, voters)
                predicted = pa.array(labels, pa.string()).take(pa.array(votes.labels))
                pairs.update(zip(rows.column("label").to_pylist(), predicted.to_pylist(), strict=True))
                unlike += int((votes.distances > limit).sum())
                copies += int((votes.distances == 0).sum())
                said = [predicted, pa.array(votes.votes, pa.int32()), pa.array(votes.distances)]
                yield pa.record_batch([*rows.select(NAMES).columns, lists(values), *said], schema=PREDICTED.schema)

        return write_part(PREDICTED, folder, voted()), pairs, unlike, copies

    done = run_tasks(spark, work, shares)
    pairs = sum((pairs for _, pairs, *_ in done), Counter[tuple[str, str]]())
    parts = tuple(part for part, *_ in done if part)
    unlike, copies = sum(one for *_, one, _ in done), sum(one for *_, one in done)
    return Applied(known, parts, pairs, unlike, copies, limit, voters, count)


def _among_known(spark: SparkSession, known: KnownRun) -> tuple[int, float, int]:
    """How many known pictures should vote, beyond which distance one is like none of them, and how many there are."""
    labels, shares = known.labels, share_out(cut(known.parts, _PIECE_BYTES), spark.sparkContext.defaultParallelism)
    drawn = min(1.0, _SAMPLE / max(1, known.records["pca"].counts["projected"]))

    def draw(share: list[Piece]) -> tuple[list[NDArray[np.float64]], list[NDArray[np.int64]], int]:
        values, codes, count = [], [], 0
        for paths, block, of_block in _known_rows(share, labels):
            taken = np.array([place(path) < drawn for path in paths])
            values.append(block[taken])
            codes.append(of_block[taken])
            count += len(block)
        return values, codes, count

    answers = run_tasks(spark, draw, shares)
    values = np.concatenate([block for blocks, _, _ in answers for block in blocks])
    codes = np.concatenate([block for _, blocks, _ in answers for block in blocks])
    shared = spark.sparkContext.broadcast(values)

    def compare(share: list[Piece]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        nearest = Nearest(shared.value, copies=False)
        for _, block, of_block in _known_rows(share, labels):
            nearest.add(block, of_block)
        return nearest.distances, nearest.labels

    nearest = Nearest(values)
    for distances, found in run_tasks(spark, compare, shares):
        nearest.take(distances, found)
    return best_voters(nearest, codes), limit_of(nearest.distances[:, 0]), sum(count for *_, count in answers)


def _gathered(batches: Iterator[pa.RecordBatch], kept: int) -> Iterator[pa.RecordBatch]:
    """Batches put together to as many rows as are compared at once."""
    most = max(1, min(_AT_MOST, _TOGETHER // kept))
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= most:
            yield _one(waiting)
            waiting = []
    if waiting:
        yield _one(waiting)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    [batch] = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return batch


def _known_rows(
    pieces: Sequence[Piece], labels: Sequence[str]
) -> Iterator[tuple[list[str], NDArray[np.float64], NDArray[np.int64]]]:
    """Of the known pictures that vote, block by block: paths, components, and numbers of their labels."""
    numbered = pa.array(labels, pa.string())
    for rows in read_rows(pieces, COMPONENTS.schema.names):
        voting = rows.filter(pc.is_in(rows.column("label"), numbered))
        if voting.num_rows:
            codes = pc.index_in(voting.column("label"), numbered).cast(pa.int64()).to_numpy()
            yield voting.column("path").to_pylist(), matrix(voting.column("components")), codes
