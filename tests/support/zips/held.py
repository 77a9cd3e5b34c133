"""A zip in memory as what a run reads."""

from collections.abc import Sequence

from orchard.archive.collection import Collection, collect
from orchard.archive.sources.base import PinnedSource, SourceReference
from tests.support.zips.hostile import Entry, build_zip


class Held(PinnedSource):
    """A zip in memory."""

    def __init__(self, content: bytes, uri: str) -> None:
        super().__init__(SourceReference(uri, len(content)))
        self._content = content

    def _read(self, start: int, length: int) -> bytes:
        return self._content[start : start + length]


def collection(entries: Sequence[Entry], encoding: str | None = None, uri: str = "s3://input/held.zip") -> Collection:
    """What is in a zip of these members."""
    return collect([uri], lambda *_: Held(build_zip(entries), uri), encoding=encoding)
