"""What the folders around a picture say about it."""

from __future__ import annotations

SPLITS = ("Training", "Test", "Validation")
"""The splits, in the spelling that the results use."""

_CANONICAL = {
    **dict.fromkeys(("training", "train", "trn"), SPLITS[0]),
    **dict.fromkeys(("test", "testing"), SPLITS[1]),
    **dict.fromkeys(("validation", "valid", "val", "dev"), SPLITS[2]),
}


def split_and_label(path: str) -> tuple[str, str]:
    """Read the split and the label off a member's path.

    Args:
        path: `…/Training/Apple Braeburn 1/0_100.jpg`, say.

    Returns:
        The split: the nearest folder above the parent that names one, in the spelling of `SPLITS`; else `""`.
        The label: the parent folder exactly as written, or `""` when there is none.
    """
    folders = path.split("/")[:-1]
    label = folders[-1] if folders else ""
    named = (_CANONICAL.get(folder.casefold()) for folder in reversed(folders[:-1]))
    return next(filter(None, named), ""), label
