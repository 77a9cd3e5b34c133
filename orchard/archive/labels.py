"""What the folders around a picture say about it."""

from __future__ import annotations

SPLITS = ("Training", "Test", "Validation")
"""The splits, in the spelling that the results use."""

_CANONICAL = {split.casefold(): split for split in SPLITS}


def split_and_label(path: str) -> tuple[str, str]:
    """Read the split and the label off a member's path.

    Args:
        path: `…/Training/Apple Braeburn 1/0_100.jpg`, say.

    Returns:
        The split: the grand-parent folder when it is one of `SPLITS` in any case, in their spelling, else `""`.
        The label: the parent folder exactly as written, or `""` when there is none.
    """
    folders = [part for part in path.split("/")[:-1] if part not in ("", ".")]
    label = folders[-1] if folders else ""
    split = _CANONICAL.get(folders[-2].casefold(), "") if len(folders) > 1 else ""
    return split, label
