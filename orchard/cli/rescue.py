"""Results are not lost because the folder for them cannot be written."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orchard.errors import EnvironmentNotReadyError, UsageError, command_line, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from orchard.cli.target import Place


def copy_or_rescue(
    place: Place, run: str, folder: Path, say: Callable[[str], None]
) -> tuple[Path, EnvironmentNotReadyError | None]:
    """Copy a run's results to a folder, or to another one where nothing of them will be left otherwise.

    Args:
        say: Called with a line that says where they go.

    Returns:
        Where they are, and the error to end with if that is not where they were wanted.

    Raises:
        EnvironmentNotReadyError: They could not be copied anywhere, and are still where the run left them.
    """
    from orchard.runs.download import copy_results

    bucket = place.stack.results_bucket
    try:
        say(f"copying the results to {folder}")
        copy_results(place.s3, bucket, run, folder)
    except (OSError, UsageError) as error:
        headline, cause = f"The results could not be copied to {folder}", _why(error)
        if later := place.later("results", run):
            kept = f"{cause}; the run is done, and its results stay in s3://{bucket}"
            raise EnvironmentNotReadyError(headline, kept, f"{later} --out FOLDER") from error
    else:
        return folder, None
    for other in _other_folders(run, folder):
        try:
            say(f"copying them to {other} instead")
            copy_results(place.s3, bucket, run, other)
        except (OSError, UsageError) as error:
            cause = f"{cause}; {_why(error)}"
        else:
            saved = f"{cause}. The run is done, and its results are in {other}"
            return other, EnvironmentNotReadyError(
                headline, saved, command_line(["cp", "-r", f"{other}/.", str(folder)])
            )
    raise EnvironmentNotReadyError(
        headline, f"{cause}; they could not be written to another folder either", f"df -h {quoted(str(folder))}"
    )


@contextmanager
def unwritable_is_told(console: Console, what: str) -> Iterator[None]:
    """Go on where something beside the results cannot be written, and say so: how the run ended matters more."""
    try:
        yield
    except (OSError, UsageError) as error:
        console.print(f"{what} could not be written: {_why(error)}", style="yellow")


@contextmanager
def unwritable_is_an_error(target: Path, next_command: str) -> Iterator[None]:
    """Say what is wrong where a disk fills up, or a file cannot be made, in the middle of copying.

    Raises:
        EnvironmentNotReadyError: For an error of the system's.
    """
    try:
        yield
    except OSError as error:
        raise EnvironmentNotReadyError(f"Nothing more can be written to {target}", _why(error), next_command) from error


def _other_folders(run: str, folder: Path) -> Iterator[Path]:
    for parent in (Path("out"), Path.home() / "orchard-results", Path(tempfile.gettempdir()) / "orchard-results"):
        other = (parent / run).absolute()
        if other != folder.absolute():
            yield other


def _why(error: OSError | UsageError) -> str:
    if isinstance(error, UsageError):
        return error.cause or error.headline
    return f"{error.strerror}: {error.filename}" if error.filename and error.strerror else str(error)
