"""What becomes of an archive from end to end: inspected, planned, and every span of it read."""

from dataclasses import dataclass

import pytest

from orchard.archive.checks import Inventory, inspect
from orchard.archive.errors import ArchiveRefusedError
from orchard.archive.members import Picture, read_span
from orchard.archive.records import Member
from orchard.archive.rejection import Rejection
from orchard.archive.sources.base import RangedSource
from orchard.archive.spans import plan_spans
from orchard.errors import ArchiveError
from tests.support.zips.hostile import BytesSource, Entry, build_zip

GOOD = Entry("fruits/Training/Kiwi/good.jpg", b"kiwi" * 25)


@dataclass(frozen=True)
class Verdict:
    """An archive that was accepted.

    Attributes:
        inventory: What its directory says.
        pictures: Path → content of what came out.
        rejected: Path and reason of what did not, by the planner or by a task.
    """

    inventory: Inventory
    pictures: dict[str, bytes]
    rejected: list[tuple[str, str]]


def judge(archive: bytes | RangedSource, target_bytes: int = 2**20) -> Verdict:
    """Read an archive as a run does; the books balance, or this fails."""
    source = BytesSource(archive) if isinstance(archive, bytes) else archive
    inventory = inspect(source)
    items = [item for span in plan_spans(inventory, target_bytes) for item in read_span(source, span)]
    pictures = [item for item in items if isinstance(item, Picture)]
    rejected = [*inventory.rejections(), *(item for item in items if isinstance(item, Rejection))]
    assert inventory.is_balanced
    assert [item.path for item in items] == [member.path for member in images_of(inventory)]
    assert len(items) == inventory.images == sum(inventory.counts.values())
    assert len([*inventory.rejections()]) == inventory.rejected
    assert len([*inventory.ignored_entries()]) == inventory.ignored == sum(inventory.ignored_reasons.values())
    assert inventory.entries == inventory.directories + inventory.ignored + len(rejected) + len(pictures)
    assert {(item.stage, bool(item.reason)) for item in rejected} <= {("unzip", True)}
    contents = {picture.path: picture.content for picture in pictures}
    assert len(contents) == len(pictures)
    return Verdict(inventory, contents, [(item.path, item.reason) for item in rejected])


def images_of(inventory: Inventory) -> list[Member]:
    """The images of an archive, in the order of the file."""
    return [member for span in plan_spans(inventory) for member in span.members()]


def only_reason(*entries: Entry) -> str:
    """Why the one bad member among the entries is left out; the good one beside it goes on."""
    verdict = judge(build_zip([*entries, GOOD]))
    assert verdict.pictures[GOOD.name] == GOOD.content
    ((_, reason),) = verdict.rejected
    return reason


def check_refused(archive: bytes | RangedSource, error: type[ArchiveError], words: str) -> None:
    """The archive is refused as a whole, by this very error, which says all that there is to say."""
    source = BytesSource(archive) if isinstance(archive, bytes) else archive
    with pytest.raises(error) as caught:
        inspect(source)
    assert type(caught.value) is error
    assert words in caught.value.cause
    assert caught.value.headline
    assert len(caught.value.cause) < 400
    assert caught.value.next_command
    assert not isinstance(caught.value, ArchiveRefusedError) or caught.value.exit_code == 2
