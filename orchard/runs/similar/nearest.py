"""Ask a run which of its images are most like a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from orchard.archive.addresses import address_of
from orchard.components.search import nearest
from orchard.components.votes import VOTERS, Nearest, Votes
from orchard.errors import UsageError
from orchard.features.featurize import compute_features
from orchard.runs.similar.index import Index, index_of
from orchard.runs.similar.model import ENGINE, bring_model, find_model, model_missing
from orchard.runs.similar.pictures import Given, UnreadablePictureError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from os import PathLike

    from numpy.typing import NDArray

    from orchard.features.engines import Engine
    from orchard.runs.similar.results import Results


@dataclass(frozen=True)
class Neighbour:
    """An image of the run that is among the nearest.

    Attributes:
        s3_path: Its address, as in `metadata/`.
        path: Its path, as in `pca/`.
        distance: Euclidean, between the components of the two.
    """

    s3_path: str
    path: str
    label: str
    split: str
    distance: float


@dataclass(frozen=True)
class Answer:
    """What the images of a run say of a picture.

    Attributes:
        picture: Which one: its path as it was given.
        neighbours: The images most like it, the nearest first.
        label: The label that the nearest of them vote for (`orchard.components.votes`).
        votes: How many have it of the `voters` nearest images.
        unknown: Whether it looks like nothing known: its nearest image is farther than images of the run are from the
            nearest other one.
        error: Why there is no answer; "" where there is one.
    """

    picture: str
    neighbours: tuple[Neighbour, ...] = ()
    label: str = ""
    votes: int = 0
    voters: int = 0
    unknown: bool = False
    error: str = ""

    @property
    def share(self) -> float:
        """How sure the label is: the share of the nearest images that have it, 0 to 1."""
        return self.votes / self.voters if self.voters else 0.0

    def to_json(self) -> dict[str, Any]:
        """The answer as plain data."""
        if self.error:
            return {"picture": self.picture, "error": self.error}
        return {
            "picture": self.picture,
            "label": self.label,
            "votes": self.votes,
            "voters": self.voters,
            "share": round(self.share, 4),
            "unknown": self.unknown,
            "neighbours": [
                {
                    "s3_path": one.s3_path,
                    "path": one.path,
                    "label": one.label,
                    "split": one.split,
                    "distance": round(one.distance, 4),
                }
                for one in self.neighbours
            ],
        }


@dataclass(frozen=True, eq=False)
class Similar:
    """The images of a run, which can be asked which of them are most like a picture."""

    index: Index
    engine: Engine

    @classmethod
    def of(cls, results: Results, say: Callable[[str], None], artefacts: str = "") -> Self:
        """The images of a run.

        Args:
            say: Called with a line about each step that takes a while.
            artefacts: The bucket that has its model, unless the cache does; "" for none.

        Raises:
            RunFailedError: A file is not as the run's manifest says.
            EnvironmentNotReadyError: The model cannot be had, or the cache not be written.
        """
        from orchard.features.engines import load_engine

        index = index_of(results, say)
        model = index.facts.model
        folder = find_model(model)
        if folder is None:
            if results.s3 is None:
                raise model_missing(index.facts.run, model)
            say(f"fetching the model {model['id']}, once")
            folder = bring_model(results.s3, artefacts, model)
        return cls(index, load_engine(ENGINE, folder))

    @property
    def run(self) -> str:
        """The run's id."""
        return self.index.facts.run

    @property
    def images(self) -> int:
        """Among how many images is looked."""
        return self.index.facts.images

    @property
    def components(self) -> int:
        """How many components tell their distances: all that the run has kept."""
        return self.index.facts.components

    def nearest(self, *pictures: str | PathLike[str] | bytes, neighbours: int = VOTERS) -> list[Answer]:
        """Find the images that are most like pictures.

        Args:
            pictures: Files, folders of files, or what a file holds.
            neighbours: How many images to find for each.

        Returns:
            An answer for each picture, in their order; of what cannot be read or is no picture, why.

        Raises:
            UsageError: There are no pictures, or the number of neighbours makes no sense.
        """
        return self.answers(Given.of(pictures), neighbours)

    def answers(
        self, pictures: Iterable[Given], neighbours: int, keep: Callable[[int, bytes], object] | None = None
    ) -> list[Answer]:
        """The same of pictures that are read one after the other.

        Args:
            keep: Called with the number and the content of each that could be read.

        Raises:
            UsageError: The number of neighbours makes no sense.
        """
        if neighbours < 1:
            raise UsageError(f"{neighbours} neighbours cannot be found", "choose 1 or more")
        names: list[str] = []
        reasons: dict[int, str] = {}
        known: dict[int, NDArray[np.float64]] = {}

        def contents() -> Iterator[tuple[int, bytes]]:
            for number, one in enumerate(pictures):
                names.append(one.name)
                try:
                    content = one.content()
                except UnreadablePictureError as error:
                    reasons[number] = error.reason
                    continue
                if keep is not None:
                    keep(number, content)
                yield number, content

        for number, outcome in compute_features(self.engine, contents()):
            if isinstance(outcome, np.ndarray):
                known[number] = outcome.astype(np.float64) @ self.index.projection - self.index.centre
            else:
                reasons[number] = outcome.reason
        wanted = np.array([known[number] for number in sorted(known)]).reshape(len(known), self.components)
        found = nearest(self.index.rows, self.index.halves, wanted, max(neighbours, VOTERS))
        return [
            Answer(name, error=reasons[number]) if number in reasons else self._answer(name, *next(found), neighbours)
            for number, name in enumerate(names)
        ]

    def _answer(self, name: str, rows: NDArray[np.int64], distances: NDArray[np.float64], shown: int) -> Answer:
        index, facts = self.index, self.index.facts
        voting = Nearest(np.empty((1, 0)))
        voting.take(distances[None], index.voices(rows)[None])
        votes = Votes.of(voting, facts.voters)
        found = []
        for row, distance in zip(rows[:shown].tolist(), distances.tolist(), strict=False):
            path = index.path(row)
            label, split = facts.labels[index.labels[row]], facts.splits[index.splits[row]]
            found.append(Neighbour(address_of(facts.sources, path), path, label, split, distance))
        return Answer(
            picture=name,
            neighbours=tuple(found),
            label=facts.labels[votes.labels[0]] if votes.votes[0] else "",
            votes=int(votes.votes[0]),
            voters=min(VOTERS, len(rows)),
            unknown=bool(votes.distances[0] > facts.limit),
        )
