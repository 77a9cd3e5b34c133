"""What an earlier run has computed already of what a run is to compute: found by what is in the archive.

Each run that computes features leaves two entries in the results bucket when it is planned: under its content, and, by
time, under what makes its features, with the keys of its pictures. An entry proves nothing. The run that it names is
read as a rerun reads its own stages, and is passed over if it is gone, incomplete, or of another kind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from orchard.archive.content import picture_keys
from orchard.archive.too_many import check_rejected
from orchard.errors import TooManyRejectedError, UsageError
from orchard.jobs.stages import VERSIONS
from orchard.layout import content_entries, content_entry, picture_entries, picture_entry
from orchard.runs.earlier import read_earlier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_s3 import S3Client
    from numpy.typing import NDArray

    from orchard.archive.collection import Collection
    from orchard.options import RunOptions
    from orchard.runs.earlier import EarlierRun
    from orchard.runs.found import Found

LATEST = 10
"""Among so many of the latest runs the one is looked for that has most pictures in common."""

LEAST_SHARE = 0.01
"""A run that knows fewer of the pictures than this saves nothing worth depending on it."""


def made_by(model: str, engine: str, truncated: str) -> str:
    """What makes the features of a run, in one word: those that are made by the same of one picture are the same.

    Args:
        model: The id of the model.
        engine: What computes, one of `orchard.options.ENGINES`.
        truncated: What becomes of pictures that are cut short, one of `orchard.options.TRUNCATED`.
    """
    return f"{model}-{engine}-{truncated}-{VERSIONS['unzip']}.{VERSIONS['featurize']}"


def index_entries(run: str, collection: Collection, maker: str, now: float) -> Mapping[str, bytes]:
    """What a run that computes features leaves in the index: key in the results bucket → content.

    Args:
        maker: What `made_by` says.
        now: Seconds since 1970.
    """
    keys = np.sort(picture_keys(collection.inventories)).astype("<u8").tobytes()
    return {content_entry(collection.content_id, maker, run): b"", picture_entry(maker, now, run): keys}


@dataclass(frozen=True)
class EarlierRuns:
    """The earlier runs of a stack, as the run of an id sees them, which is none of them itself."""

    s3: S3Client
    results_bucket: str
    run: str = ""

    def reuse(self, found: Found, options: RunOptions, model: str) -> Found:
        """Say what of a run's work they have done.

        Args:
            found: What its sources hold.
            options: The run's; nothing is used again where it is to be `fresh`.
            model: The id of its model.

        Returns:
            The same with its origin: the features of the same content, if there are such; else its images, if there
            are, and the run that knows most of its pictures.
        """
        if options.fresh or found.inventory is None:
            return found
        maker, content, origin = (
            made_by(model, options.engine, options.truncated),
            found.inventory.content_id,
            found.origin,
        )
        same = next((one for one in self._of_content(content, maker) if _reads_the_same(one, found)), None)
        if same and _maker_of(same) == maker and _may_reject_as_much(same, options):
            whole = same.for_refit().origin
            return replace(found, origin=replace(origin, images=whole.images, features=whole.features))
        if same:
            origin = replace(origin, images=same.origin.files("unzip", same.files).base)
        known, count = self._best(maker, np.sort(picture_keys(found.inventory.inventories)))
        return replace(found, origin=replace(origin, known=known), known=count)

    def _of_content(self, content: str, maker: str) -> Iterator[EarlierRun]:
        """The runs with one content that can be used, those with these features first, and the latest of each first."""
        page = self.s3.list_objects_v2(Bucket=self.results_bucket, Prefix=content_entries(content))
        entries = sorted(page.get("Contents", []), key=lambda one: one["LastModified"], reverse=True)
        named = [one["Key"].split("/")[-2:] for one in entries]
        for _, run in sorted(named, key=lambda one: one[0] != maker):
            if (earlier := self._read(run)) is not None:
                yield earlier

    def _best(self, maker: str, keys: NDArray[np.uint64]) -> tuple[str, int]:
        """The folder of the run whose features most pictures have, and how many pictures that are; "" and 0 for none.

        Args:
            maker: What has to have made the features.
            keys: Of the pictures, sorted.
        """
        prefix = picture_entries(maker)
        page = self.s3.list_objects_v2(Bucket=self.results_bucket, Prefix=prefix, MaxKeys=LATEST)
        common = [(self._common(one["Key"], keys), one["Key"].rpartition("/")[2]) for one in page.get("Contents", [])]
        for count, run in sorted(common, key=lambda one: -one[0]):
            if count < LEAST_SHARE * len(keys) or not count:
                break
            earlier = self._read(run)
            if earlier is not None and _maker_of(earlier) == maker and not earlier.origin.features:
                return earlier.files.base, count
        return "", 0

    def _common(self, key: str, keys: NDArray[np.uint64]) -> int:
        """How many of these pictures are in the run of an entry."""
        body = self.s3.get_object(Bucket=self.results_bucket, Key=key)["Body"].read()
        if not body or len(body) % keys.itemsize:
            return 0
        theirs = np.frombuffer(body, "<u8")
        return int(np.count_nonzero(theirs[np.minimum(np.searchsorted(theirs, keys), len(theirs) - 1)] == keys))

    def _read(self, run: str) -> EarlierRun | None:
        """An earlier run, if it can be used."""
        try:
            return None if run == self.run else read_earlier(self.s3, self.results_bucket, run)
        except UsageError:
            return None


def _maker_of(earlier: EarlierRun) -> str:
    inputs = earlier.records["featurize"].inputs
    return made_by(*(str(inputs.get(name)) for name in ("model", "engine", "truncated")))


def _reads_the_same(earlier: EarlierRun, found: Found) -> bool:
    """Whether what a run has unzipped is what another would.

    The content is the same by the directory. A member that could not be read, of a damaged upload say, is tried again.
    """
    unzipped = earlier.records["unzip"]
    same = unzipped.facts["archive"].get("content") == found.archive["content"]
    return same and unzipped.counts["rejected_in_unzip"] == found.counts.rejected


def _may_reject_as_much(earlier: EarlierRun, options: RunOptions) -> bool:
    """Whether a run may lose as many images as an earlier one has; if not, its own job finds it, and says which."""
    unzip, featurize = (earlier.records[stage] for stage in ("unzip", "featurize"))
    rejected = unzip.counts["rejected_in_unzip"] + featurize.counts["rejected_in_featurize"] - unzip.facts["unread"]
    kept = featurize.counts["features"]
    try:
        check_rejected(rejected, kept, options.max_rejected, archives=(), listed="", rejections=lambda: ())
    except TooManyRejectedError:
        return False
    return True
