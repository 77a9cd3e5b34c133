"""The folder of this machine to which a run's files are copied.

A folder holds one run. It is replaced only if it holds an earlier run's files and nothing else, which is known by a
marker that names them: a folder that merely has an `images/` in it is somebody's own.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orchard.cache.writable import why_unwritable
from orchard.errors import UsageError, command_line
from orchard.layout import RunFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MARKER = ".orchard-results.json"
LOGS = "logs"
NOTICE = "notice.txt"
ARRIVING = ".orchard-arriving"
_TAKES = "--local takes the folder of a run's results"
_ALWAYS_OURS = frozenset({MARKER, LOGS, NOTICE, ARRIVING})


@dataclass(frozen=True)
class Marker:
    """What marks a folder as ours.

    Attributes:
        files: The names in it that are ours.
        run: The run whose results they are; "" for logs or a notice alone, or while results arrive.
        origins: Where on this machine the results of the runs are whose files it uses, by their ids.
    """

    files: frozenset[str] = frozenset()
    run: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)


def read_marker(folder: Path) -> Marker:
    """What is ours in a folder; nothing without a marker."""
    path = folder / MARKER
    if not path.exists():
        return Marker()
    record = json.loads(path.read_text(encoding="utf-8"))
    return Marker(frozenset({MARKER, *record["files"]}), record.get("run", ""), record.get("origins", {}))


def manifest_in(folder: Path) -> bytes:
    """The manifest of the complete run whose results are in a folder.

    Raises:
        UsageError: There is no such folder, or no complete run in it.
    """
    manifest = Path(RunFiles(str(folder)).manifest)
    again = command_line(["orchard", "results", read_marker(folder).run or "RUN", "--out", str(folder)])
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", _TAKES, "orchard results RUN --out FOLDER")
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}", _TAKES, again)
    try:
        return manifest.read_bytes()
    except FileNotFoundError:
        cause = f"it has no {manifest.name}, which is written last and copied with all the rest"
        raise UsageError(f"{folder} does not hold a complete run", cause, again) from None


def origin_in(folder: Path, run: str) -> Path:
    """Where the results of a run are whose files the run in a folder uses.

    They are where they were when these came, or beside that folder under the run's own name.

    Raises:
        UsageError: They are in neither place.
    """
    noted, beside = read_marker(folder).origins.get(run), folder.absolute().parent / run
    for there in (*([Path(noted)] if noted else []), beside):
        if run_in(there) == run:
            return there
    gone = f"which is not in {noted} any more" if noted else "which is not beside it"
    fix = command_line(["orchard", "results", run, "--out", str(folder.parent / run)])
    raise UsageError(f"{folder} has only what its run has made itself", f"it uses files of the run {run}, {gone}", fix)


def run_in(folder: Path) -> str:
    """The complete run whose results are in a folder by now; "" for none."""
    try:
        return str(json.loads(Path(RunFiles(str(folder)).manifest).read_bytes())["run_id"])
    except (OSError, ValueError, TypeError, KeyError):
        return ""


def mark(folder: Path, marker: Marker) -> None:
    """Make a folder, and say in it what is ours."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {"run": marker.run, "files": sorted(marker.files - {MARKER}), "origins": dict(marker.origins)}
    (folder / MARKER).write_text(json.dumps(record) + "\n", encoding="utf-8")


def check_apart(out: Path | None, used: Iterable[str], cause: str) -> None:
    """Make sure that results do not go to where others are that their run uses.

    Args:
        out: Where they are to go; None for a folder of their own.
        used: The folders of those others.
        cause: What these are.

    Raises:
        UsageError: They would, by whatever path.
    """
    if out is not None and any(out.resolve().is_relative_to(Path(folder).resolve()) for folder in used):
        raise UsageError(f"The results cannot go to {out}", cause, "choose another --out")


def check_folder(folder: Path, room: int = 0) -> None:
    """Make sure that a folder may receive a run's files.

    Args:
        folder: It may be absent, empty, or hold an earlier run's files.
        room: Bytes that it is to receive, at least.

    Raises:
        UsageError: It holds something else, cannot be written, or its disk has not so much room.
    """
    check_writable(folder, room)
    ours = read_marker(folder).files
    strangers = sorted(names_in(folder) - ours - (_ALWAYS_OURS if ours else set()))
    if strangers:
        raise UsageError(
            f"{folder} contains something other than the results of an earlier run",
            f"it would be replaced, and it contains {strangers[0]}",
            "choose another --out",
        )


def check_writable(folder: Path, room: int = 0) -> None:
    """Make sure that files can be written to a folder, by writing one.

    Args:
        folder: It need not exist.
        room: Bytes that its disk has to have room for.

    Raises:
        UsageError: It cannot be made or written, or there is no room.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", "results are a folder of files", "choose another --out")
    if reason := why_unwritable(folder):
        raise UsageError(f"Nothing can be written to {folder}", reason, "choose another --out")
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    free = shutil.disk_usage(there).free
    if free < room:
        cause = f"they take {room / 1e6:,.0f} MB or more, and its disk has {free / 1e6:,.0f} MB free"
        raise UsageError(f"There is no room for the results in {folder}", cause, "choose another --out")


def write_notice(folder: Path, text: str) -> Path:
    """Write the notices about a run to `notice.txt` in its folder.

    Args:
        folder: The folder; it need not exist yet.

    Raises:
        UsageError: The folder holds something else than runs' files.
    """
    check_folder(folder)
    mark(folder, read_marker(folder))
    path = folder / NOTICE
    path.write_text(text, encoding="utf-8")
    return path


def names_in(folder: Path) -> set[str]:
    """What is in a folder; nothing if there is none."""
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it; a link alone, not what it leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
