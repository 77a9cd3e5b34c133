"""Where a run's earlier results are: the origin of a run is the earlier run whose files it uses.

Nothing of an origin is copied, written or changed. A URI here is that of the folder in which the files really lie, so
that nobody follows a chain of runs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from orchard.layout import STAGES, RunFiles
from orchard.pipeline.values import Parsed

if TYPE_CHECKING:
    from collections.abc import Mapping


_IN_WORDS = {
    "images": "the images of {}",
    "features": "the features of {}",
    "components": "the components of {}",
    "known": "those features that {} has",
}


@dataclass(frozen=True)
class Origin(Parsed):
    """The folders of earlier runs that a run uses; "" for none.

    Attributes:
        images: Its unzip stage stands for the run's own.
        features: Its featurize stage does; and its unzip stage, unless `images` names another.
        components: Its components and its model project the run's features.
        known: Its features are those of pictures that are in this run, too.
    """

    images: str = ""
    features: str = ""
    components: str = ""
    known: str = ""

    def __bool__(self) -> bool:
        return bool(self.named)

    @property
    def named(self) -> Mapping[str, str]:
        """What is taken from an earlier run → its folder."""
        return {what: uri for what, uri in asdict(self).items() if uri}

    @property
    def runs(self) -> Mapping[str, str]:
        """What is taken from an earlier run → its id."""
        return {what: RunFiles(uri).name for what, uri in self.named.items()}

    @property
    def run(self) -> str:
        """The earlier run of which this one is the next: most of its files are that one's; "" for none."""
        return next(
            (self.runs[what] for what in ("features", "images", "known", "components") if what in self.runs), ""
        )

    @property
    def as_input(self) -> dict[str, Mapping[str, str]]:
        """What the record of a stage says of it among its inputs; nothing where there is none."""
        return {"origin": self.named} if self else {}

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that the run has to do itself, some last ones of `orchard.layout.STAGES`."""
        nowhere = RunFiles("")
        return tuple(stage for stage in STAGES if self.files(stage, nowhere) == nowhere)

    def files(self, stage: str, run: RunFiles) -> RunFiles:
        """The files of the run that has done a stage for this one.

        Args:
            stage: One of `orchard.layout.STAGES`.
            run: The run's own.
        """
        done_by = {"unzip": self.images or self.features, "featurize": self.features}.get(stage)
        return RunFiles(done_by) if done_by else run


def in_words(runs: Mapping[str, str]) -> list[str]:
    """What a run uses of earlier ones.

    Args:
        runs: What → the id of the run, as `Origin.runs`.
    """
    return [_IN_WORDS[what].format(run) for what, run in runs.items() if what in _IN_WORDS]


NO_ORIGIN = Origin()
"""Of a run that does all of its stages itself, and alone."""
