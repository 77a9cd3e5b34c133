"""What a run is to work with: what its sources hold, or what an earlier run has left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orchard.archive.addresses import as_arguments, uris_of
from orchard.archive.collection import archive_facts
from orchard.compute.work import Work
from orchard.errors import command_line
from orchard.pipeline.origin import NO_ORIGIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchard.archive.collection import Collection
    from orchard.pipeline.origin import Origin


@dataclass(frozen=True)
class ArchiveCounts:
    """What there is for a run, as directories say, or the books of an earlier run.

    Attributes:
        entries: All entries; the sum of the next five.
        directories: Of them directories.
        ignored: Of them noise and files that are no images.
        skipped: Of them images that the user does not want.
        rejected: Of them members that cannot be read safely.
        images: Of them images.
        image_bytes: The images' total size out of the archive, bytes.
        classes: Number of distinct labels.
        splits: Split → number of images; the empty split is that of images in none.
    """

    entries: int
    directories: int
    ignored: int
    skipped: int
    rejected: int
    images: int
    image_bytes: int
    classes: int
    splits: dict[str, int]

    @classmethod
    def of(cls, inventory: Collection) -> ArchiveCounts:
        """Count what was found."""
        splits: Counter[str] = Counter()
        for (split, _), count in inventory.counts.items():
            splits[split] += count
        return cls(
            entries=inventory.entries,
            directories=inventory.directories,
            ignored=inventory.ignored,
            skipped=inventory.skipped,
            rejected=inventory.rejected,
            images=inventory.images,
            image_bytes=inventory.image_bytes,
            classes=len({label for _, label in inventory.counts}),
            splits=dict(sorted(splits.items())),
        )


@dataclass(frozen=True)
class Found:
    """What a run is to work with.

    Attributes:
        archive: Where the images are or were, as `orchard.archive.collection.archive_facts` says it.
        counts: How many there are.
        inventory: What `counts` counts, in detail; None where no directory was read, since the images are unzipped.
        origin: The earlier runs whose files the run uses.
        model: The model of the features that there are already; "" where there are none.
        known: Of how many images the features are copied, as far as the directory tells.
    """

    archive: Mapping[str, Any]
    counts: ArchiveCounts
    inventory: Collection | None = None
    origin: Origin = NO_ORIGIN
    model: str = ""
    known: int = 0

    @classmethod
    def of(cls, inventory: Collection) -> Found:
        """What sources hold."""
        return cls(archive_facts(inventory), ArchiveCounts.of(inventory), inventory)

    @property
    def uris(self) -> list[str]:
        """The addresses of the sources."""
        return uris_of(self.archive)

    @property
    def work(self) -> Work:
        """What there is to do."""
        stages = self.origin.stages
        objects = self.inventory.objects if self.inventory and "unzip" in stages else 0
        return Work(self.counts.images, self.counts.image_bytes, stages, objects, self.known)

    @property
    def whole(self) -> Work:
        """What there would be to do if nobody had done any of it."""
        return replace(self, origin=NO_ORIGIN, known=0).work

    @property
    def shown_by(self) -> str:
        """The command that shows it."""
        return self._command("plan", "--plan")

    @property
    def run_by(self) -> str:
        """The command that runs it again."""
        return self._command("run")

    def _command(self, verb: str, *of_refit: str) -> str:
        run = self.origin.runs.get("features")
        refit = ["refit", run, *of_refit] if run and self.inventory is None else None
        return command_line(["orchard", *(refit or [verb, *as_arguments(self.uris)])])
