"""What tasks refuse, as files and as a share of the whole."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from orchard.archive.addresses import as_arguments
from orchard.archive.rejection import Rejection
from orchard.archive.too_many import check_rejected
from orchard.jobs.files import csv_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from orchard.jobs.files import HadoopFiles
    from orchard.layout import RunFiles


def write_rejections(files: HadoopFiles, run: RunFiles, stage: str, texts: Iterable[str]) -> None:
    """Write a stage's share of `rejected/`; a header alone where nothing was rejected.

    Args:
        texts: The stage's lines, in pieces of any size; see `rejection_lines`.
    """
    files.write_text(run.rejected_by(stage), itertools.chain(csv_text([("path", "stage", "reason")]), texts))


def rejection_lines(rejections: Iterable[Rejection]) -> Iterator[str]:
    """Rejections as the lines of `rejected/`, in pieces."""
    return csv_text((rejection.path, rejection.stage, rejection.reason) for rejection in rejections)


def check_share(
    files: HadoopFiles,
    done_by: Mapping[str, RunFiles],
    counts: dict[str, int],
    kept: int,
    limit: float,
    uris: Sequence[str],
    unread: int,
) -> None:
    """Fail when the stages until now have rejected too much; `rejected/` is written already.

    Args:
        done_by: Stage → the files of the run that has done it, the last of them this run.
        counts: The books of these stages: `rejected_in_<stage>` of each.
        kept: How many images are left.
        limit: Which share may be rejected, `RunOptions.max_rejected`.
        unread: How many images the directory alone rejected, beside the subset that was read: they are no part of the
            share. 0 where all images were read.

    Raises:
        TooManyRejectedError: More than this share was.
    """
    rejected = {stage: counts[key] for stage in done_by if (key := f"rejected_in_{stage}") in counts}
    check_rejected(
        sum(rejected.values()) - unread,
        kept,
        limit,
        archives=as_arguments(uris),
        listed=f"all are in {' and '.join(dict.fromkeys(f'{run.rejected}/' for run in done_by.values()))}",
        # what the directory rejects comes first
        rejections=lambda: itertools.islice(_read(files, done_by), unread, None),
    )


def _read(files: HadoopFiles, done_by: Mapping[str, RunFiles]) -> Iterator[Rejection]:
    return (Rejection(**row) for stage, run in done_by.items() for row in files.read_csv(run.rejected_by(stage)))
