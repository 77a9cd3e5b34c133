"""The jobs of a run, one for each stage that it has to do itself, as whatever works for it is asked to run them.

Master, deploy mode and memory are not here: they belong to what works, so the same arguments run the same job on a
laptop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.options import REJECT
from orchard.pipeline.origin import NO_ORIGIN, Origin

if TYPE_CHECKING:
    from orchard.layout import ReleaseFiles
    from orchard.options import RunOptions
    from orchard.pipeline.input import ArchiveVersion


TAKEN = {"featurize": ("images", "known"), "pca": ("images", "features", "components")}
"""Stage → what its job can take from an earlier run, by the names of `Origin`."""


def origin_argument(name: str) -> str:
    """The argument of a job that says where something of an earlier run is."""
    return "--known" if name == "known" else f"--{name}-of"


@dataclass(frozen=True)
class Jobs:
    """The jobs of one run.

    Attributes:
        archive: What the run was started for, pinned to its version or ETag: a zip, or a request.
        sources: The file that pins what a request names; "" for a zip.
        model_uri: The folder of the model.
        run_uri: The folder of the run's files.
        log_uri: Where the logs go, with a final slash.
        origin: The earlier runs whose files it uses.
    """

    run_id: str
    archive: ArchiveVersion
    sources: str
    options: RunOptions
    release: ReleaseFiles
    model_uri: str
    run_uri: str
    log_uri: str
    origin: Origin = NO_ORIGIN

    @property
    def arguments(self) -> dict[str, list[str]]:
        """Stage → the arguments of its job, in the order of `orchard.layout.STAGES`."""
        options, run = self.options, ["--run", self.run_uri]
        amount = str(options.components) if options.components else str(options.variance)
        keep = ["--components" if options.components else "--variance", amount]
        fit = ["--fit-split", options.fit_split] if options.fit_split else []
        chosen = [] if self.origin.components else [*keep, *fit]
        truncated = ["--truncated", options.truncated] if options.truncated != REJECT else []
        names = ["--encoding", options.encoding] if options.encoding else []
        subset = [f"--limit={options.limit}"] if options.limit else []
        subset += [f"--only-label={label}" for label in options.only_label or ()]
        limit = ["--max-rejected", str(options.max_rejected)]
        archive, pin = (self.sources, []) if self.sources else (self.archive.uri, [self.archive.pin])
        every = {
            "unzip": ["--archive", archive, *run, *names, *subset, *limit, *pin],
            "featurize": [*run, "--model", self.model_uri, "--engine", options.engine, *truncated, *limit],
            "pca": [*run, *chosen],
        }
        for stage, taken in TAKEN.items():
            named = [(origin_argument(name), self.origin.named.get(name)) for name in taken]
            every[stage] += [word for argument, uri in named if uri for word in (argument, uri)]
        return {stage: every[stage] for stage in self.origin.stages}

    @property
    def commands(self) -> dict[str, list[str]]:
        """Stage → the whole command line, as command-runner.jar takes it and a shell would."""
        submit = ["spark-submit", "--py-files", self.release.package]
        return {stage: [*submit, self.release.job(stage), *self.arguments[stage]] for stage in self.origin.stages}
