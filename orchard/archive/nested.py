"""A zip or a folder that holds zips and no images: some sites pack a data set's own zip once more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchard.archive.errors import NestedZipError, as_typed
from orchard.errors import command_line, in_quotes, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

_WILDCARD = re.compile(r"[\[*?\\]")
"""What stands for other characters where unzip is told which members to unpack."""

_NAMED = 5
"""How many zips of a folder a command names."""

_EACH_APART = """find . -iname '*.zip' -execdir sh -c 'unzip -q "$1" -d "${1%.*}"' - {} \\;"""


def is_zip(path: str) -> bool:
    """Whether a member is a zip, by its name."""
    return path.lower().endswith(".zip")


def nested_zips(uri: str, zips: Sequence[str]) -> NestedZipError:
    """The refusal of such a zip, with the commands that make one of it that can be read.

    Args:
        zips: The paths of the zips in it, one at least.
    """
    if uri.endswith("/"):
        return _zips_in_a_folder(uri, zips)
    name = as_typed(uri)
    stem = uri.rpartition("/")[2].rpartition(".")[0] or name
    fetch, run = (["aws s3 cp", "orchard run"]) if uri.startswith("s3://") else ("", "orchard run --local")
    if len(zips) == 1:
        cause = f"it holds a zip, {in_quotes(zips[0])}: unpack it first"
        pattern = _WILDCARD.sub(r"\\\g<0>", zips[0])
        unpack, inner = command_line(["unzip", name, pattern]), zips[0]
    else:
        cause = f"it holds {len(zips):,} zips, {in_quotes(zips[0])} first: unpack it first"
        inner = f"{stem}-plain.zip"
        pack = command_line(["zip", "-qr0", f"../{inner}", ".", "-x", "*.zip"])
        unpack = f"{command_line(['unzip', '-q', name, '-d', stem])} && (cd {quoted(stem)} && {_EACH_APART} && {pack})"
    steps = [f"{fetch} {quoted(uri)} ."] if fetch else []
    return NestedZipError.at(uri, cause, " && ".join([*steps, unpack, f"{run} {quoted(inner)}"]))


def _zips_in_a_folder(uri: str, zips: Sequence[str]) -> NestedZipError:
    """The same of a folder, or a prefix of S3, whose zips are sources themselves."""
    folder, run = as_typed(uri), "orchard run" if uri.startswith("s3://") else "orchard run --local"
    command = f"{run} {command_line(f'{folder}{path}' for path in zips)}"
    if len(zips) > _NAMED:
        command = f"aws s3 ls {quoted(uri)}" if uri.startswith("s3://") else f"{run} {quoted(folder)}*.zip"
    cause = (
        f"it holds {len(zips):,} zips, {in_quotes(zips[0])} first"
        if len(zips) > 1
        else f"it holds {in_quotes(zips[0])}"
    )
    return NestedZipError.at(uri, f"{cause}: name them as the sources of one run", command)
