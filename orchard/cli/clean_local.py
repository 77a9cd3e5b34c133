"""`orchard clean local`: delete what this machine keeps of Orchard; all of it can be made again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchard import cache
from orchard.cli.output import delete_confirmed, now, progress_console, results_console, show_table, table_of, when
from orchard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta
    from pathlib import Path


@dataclass(frozen=True)
class Kept:
    """One thing that this machine keeps.

    Attributes:
        part: Of what kind: one of `orchard.cache.PARTS`.
        size: Bytes.
    """

    part: str
    path: Path
    files: int
    size: int
    modified: datetime


def clean_local(
    names: Sequence[str],
    older_than: timedelta | None,
    everything: bool,
    *,
    yes: bool,
    dry_run: bool,
    show: bool,
) -> dict[str, Any]:
    """Delete local state.

    Args:
        names: Which parts of `orchard.cache.PARTS`; none for all.
        older_than: Only what was made at least so long ago; None for any age.

    Raises:
        UsageError: Nothing was named, or something that is not there; or a local cloud needs it.
    """
    from rich.filesize import decimal

    _check(names, older_than, everything)
    found = [
        kept for kept in _kept(names or tuple(cache.PARTS)) if not older_than or now() - kept.modified >= older_than
    ]
    size = sum(kept.size for kept in found)
    if show:
        _show(found)
    amount = f"{sum(kept.files for kept in found):,} files ({decimal(size)})"
    deleted = False
    if found:
        deleted = delete_confirmed(amount, str(cache.cache_dir()), lambda: _delete(found), yes=yes, dry_run=dry_run)
    else:
        progress_console().print("Nothing on this machine matches.")
    things = [{"part": kept.part, "path": str(kept.path), "files": kept.files, "bytes": kept.size} for kept in found]
    return {"thing": "local", "paths": things, "bytes": size, "deleted": deleted}


def _check(names: Sequence[str], older_than: timedelta | None, everything: bool) -> None:
    if not names and older_than is None and not everything:
        raise UsageError("Name what to delete", f"choose {', '.join(cache.PARTS)}, or --older-than 30d, or --all")
    if names and everything:
        raise UsageError("Name parts or use --all, not both", "--all is every part")
    for name in names:
        if name not in cache.PARTS:
            raise UsageError(f"There is no local {name!r}", f"choose {', '.join(cache.PARTS)}")
    for folder in cache.living_clouds():
        raise UsageError("A local cloud is running", f"it writes to {folder}, and needs the rest", "press Ctrl-C there")


def _kept(parts: Sequence[str]) -> Iterator[Kept]:
    from datetime import UTC, datetime

    for part in dict.fromkeys(parts):
        for path in _children(cache.PARTS[part]()):
            inside = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
            sizes = [one.lstat().st_size for one in inside if one.is_symlink() or not one.is_dir()]
            made = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
            yield Kept(part, path, len(sizes), sum(sizes), made)


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _delete(found: Sequence[Kept]) -> None:
    from orchard.runs.folder import remove

    for kept in found:
        remove(kept.path)


def _show(found: Sequence[Kept]) -> None:
    from rich.filesize import decimal

    if not found:
        return
    table = table_of("Part", "Path", ">Files", ">Size", ">Made")
    for kept in found:
        table.add_row(kept.part, str(kept.path), f"{kept.files:,}", decimal(kept.size), when(kept.modified))
    show_table(table, results_console())
