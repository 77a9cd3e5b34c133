"""What sources are called: in paths, in messages, and behind a command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchard.archive.names import dropping_reason, unsafe_reason
from orchard.archive.sources.base import is_s3, local_path
from orchard.layout import image_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TYPED = 5


def names_of(uris: Sequence[str]) -> list[str]:
    """What the paths of each source begin with: nothing where it is the only one.

    It is the file's name without its ending, or the last folder of a prefix. Where two have the same, or one could be
    taken for a dropping of a tool or is no safe name, each has its number before it.
    """
    if len(uris) == 1:
        return [""]
    stems = [_stem(uri) for uri in uris]
    plain = len(set(stems)) == len(stems) and not any(
        dropping_reason(f"{stem}/1.jpg") or unsafe_reason(stem) or stem == "." for stem in stems
    )
    if plain:
        return [f"{stem}/" for stem in stems]
    safe = [stem if not (dropping_reason(f"{stem}/1.jpg") or unsafe_reason(stem)) else "source" for stem in stems]
    return [f"{number}/{stem}/" for number, stem in enumerate(safe, start=1)]


def address_of(uris: Sequence[str], path: str) -> str:
    """The address of a picture, as `metadata/` has it, by its path in a run of these sources.

    Raises:
        ValueError: No source has such paths.
    """
    for uri, below in zip(uris, names_of(uris), strict=True):
        if path.startswith(below):
            member = path.removeprefix(below)
            return f"{uri}{member}" if uri.endswith("/") else image_address(uri, member)
    raise ValueError(f"{path!r} is in none of {len(uris):,} sources")


def _stem(uri: str) -> str:
    name = uri.rstrip("/").rpartition("/")[2]
    return name if uri.endswith("/") else name.rpartition(".")[0]


def told(uris: Sequence[str]) -> str:
    """Sources in a few words: the first, and how many more."""
    return uris[0] if len(uris) == 1 else f"{uris[0]} and {len(uris) - 1:,} more"


def as_arguments(uris: Sequence[str]) -> list[str]:
    """Sources as a user types them after a command: a zip in S3 by its name, since it may be on his machine, too."""
    if len(uris) == 1 and is_s3(uris[0]) and not uris[0].endswith("/"):
        return [uris[0].rpartition("/")[2]]
    if len(uris) > _TYPED:
        return ["SOURCES"]
    return [uri if (path := local_path(uri)) is None else str(path) for uri in uris]


def uris_of(facts: Mapping[str, Any]) -> list[str]:
    """The addresses of the sources in what `archive_facts` gave."""
    return list(facts.get("sources") or [facts["uri"]])
