"""What tasks refuse, as files and as a share of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchard.archive.rejection import Rejection
from orchard.archive.too_many import check_rejected
from orchard.layout import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchard.jobs.files import HadoopFiles
    from orchard.layout import RunFiles


def write_rejections(files: HadoopFiles, run: RunFiles, stage: str, rejected: Iterable[tuple[str, str]]) -> None:
    """Write a stage's share of `rejected/`, sorted by path; a header alone where nothing was rejected.

    Args:
        files: Where the run's folder is reached.
        run: The run's files.
        stage: Whose share.
        rejected: Path and reason of each; a path may come twice, as in an archive with duplicate names.
    """
    rows = ((path, stage, reason) for path, reason in sorted(rejected))
    files.write_csv(run.rejected_by(stage), ("path", "stage", "reason"), rows)


def check_share(
    files: HadoopFiles, run: RunFiles, counts: dict[str, int], kept: int, limit: float, archive: str
) -> None:
    """Fail when the stages until now have rejected too much; `rejected/` is written already.

    Args:
        files: Where the run's folder is reached.
        run: The run's files.
        counts: The books of these stages: `rejected_in_<stage>` of each.
        kept: How many images are left.
        limit: Which share may be rejected, `RunOptions.max_rejected`.
        archive: The archive's URI.

    Raises:
        TooManyRejectedError: More than this share was.
    """
    rejected = {stage: counts[key] for stage in STAGES if (key := f"rejected_in_{stage}") in counts}
    check_rejected(
        sum(rejected.values()),
        kept,
        limit,
        archive=archive.rsplit("/", 1)[-1],
        listed=f"all are in {run.rejected}/",
        rejections=lambda: _read(files, run, rejected),
    )


def _read(files: HadoopFiles, run: RunFiles, stages: Iterable[str]) -> list[Rejection]:
    return [Rejection(**row) for stage in stages for row in files.read_csv(run.rejected_by(stage))]
