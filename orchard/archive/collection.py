"""All that one run reads: one zip, or several sources with one set of books.

Where there are several, what is in each has its source's name in front of its path: `cats.zip` and `dogs.zip` are two
folders, and `train.zip` and `test.zip` two splits. So paths are unique, and pictures in no folder have a label.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from orchard.archive.addresses import as_arguments, names_of
from orchard.archive.by_name import check_kind
from orchard.archive.checks import DEFAULT_LIMITS, Inventory, check_memory, inspect, inspect_directory
from orchard.archive.content import content_id
from orchard.archive.duplicates import in_directories
from orchard.archive.errors import ArchiveBombError, DamagedDirectoryError
from orchard.archive.members import read_span
from orchard.archive.selection import BYTES_A_CHOICE, select
from orchard.archive.sources.base import PinnedSource, SourceReference, is_s3, local_path
from orchard.archive.sources.folder import list_folder
from orchard.archive.sources.listing import Listing
from orchard.archive.sources.open import open_source, reopen
from orchard.archive.spans import Span, plan_spans
from orchard.errors import command_line
from orchard.pipeline.kinds import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from mypy_boto3_s3 import S3Client

    from orchard.archive.checks import Limits
    from orchard.archive.members import Picture
    from orchard.archive.rejection import Rejection
    from orchard.pipeline.duplicates import Duplicates

Source = PinnedSource | Listing


@dataclass(frozen=True)
class Collection:
    """Some sources, and what is in them.

    Attributes:
        sources: Where the pictures are, pinned.
    """

    sources: tuple[Source, ...]
    inventories: tuple[Inventory, ...]

    @property
    def uris(self) -> list[str]:
        """The addresses of the sources."""
        return [source.uri for source in self.sources]

    @property
    def size(self) -> int:
        """Of all sources, bytes."""
        return sum(source.size for source in self.sources)

    @property
    def entries(self) -> int:
        """Members and objects of any kind."""
        return sum(one.entries for one in self.inventories)

    @property
    def directories(self) -> int:
        """How many of them are folders."""
        return sum(one.directories for one in self.inventories)

    @property
    def ignored(self) -> int:
        """How many are none of the user's images."""
        return sum(one.ignored for one in self.inventories)

    @property
    def ignored_reasons(self) -> Counter[str]:
        """The same by reason."""
        return _sum(one.ignored_reasons for one in self.inventories)

    @property
    def rejected(self) -> int:
        """How many are left out that should be images."""
        return sum(one.rejected for one in self.inventories)

    @property
    def skipped(self) -> int:
        """How many images the user does not want."""
        return sum(one.skipped for one in self.inventories)

    @property
    def images(self) -> int:
        """How many are images."""
        return sum(one.images for one in self.inventories)

    @property
    def objects(self) -> int:
        """How many images are objects of their own in S3."""
        listed = zip(self.sources, self.inventories, strict=True)
        return sum(one.images for source, one in listed if isinstance(source, Listing) and is_s3(source.uri))

    @property
    def image_bytes(self) -> int:
        """All images, as they are declared to come out."""
        return sum(one.image_bytes for one in self.inventories)

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """How many images by split and label."""
        return _sum(one.counts for one in self.inventories)

    @property
    def guessed(self) -> int:
        """How many images have a name that is read as cp437 for want of a better word."""
        return sum(one.guessed for one in self.inventories)

    @property
    def guessed_example(self) -> str:
        """One of them."""
        return next((one.guessed_example for one in self.inventories if one.guessed_example), "")

    @cached_property
    def content_id(self) -> str:
        """The id of what is in the sources; see `orchard.archive.content`."""
        return content_id(self.inventories)

    def duplicates(self) -> Duplicates | None:
        """How many images are copies of others by CRC-32 and size, or by ETag and size, over all sources.

        None where a folder of this machine is among them, of which nothing but sizes is known before it is read.
        """
        if any(isinstance(source, Listing) and not is_s3(source.uri) for source in self.sources):
            return None
        return in_directories(self.inventories)

    def select(self, limit: int | None, labels: Sequence[str] | None, limits: Limits = DEFAULT_LIMITS) -> Collection:
        """The same with a part of the images alone, over all sources; see `orchard.archive.selection`.

        Raises:
            LongListError: Choosing takes more memory than there is.
            OptionsError: No image has such a label.
        """
        if limit is not None:
            kept = sum(one.kept_bytes for one in self.inventories)
            needed = limits.needed_bytes(kept, 0) + self.images * BYTES_A_CHOICE
            raw = sum(len(one.directory.raw) for one in self.inventories)
            check_memory(self.uris[0], limits, needed, raw, self.entries, what="choosing some of them")
        return replace(self, inventories=tuple(select(self.inventories, limit, labels, self.command("plan"))))

    def command(self, verb: str, *options: str) -> str:
        """A command of Orchard about the same sources."""
        return command_line(["orchard", verb, *as_arguments(self.uris), *options])

    def rejections(self) -> Iterator[Rejection]:
        """What is left out that should be an image, and why."""
        return chain.from_iterable(one.rejections() for one in self.inventories)

    def ignored_entries(self) -> Iterator[tuple[str, str]]:
        """Path and reason of what is no image of the user's."""
        return chain.from_iterable(one.ignored_entries() for one in self.inventories)

    def spans(self) -> Iterator[tuple[SourceReference, Span]]:
        """The parts of each source that one task reads."""
        from orchard.archive.sources.prefix import OBJECTS_A_TASK

        for source, inventory in zip(self.sources, self.inventories, strict=True):
            if not inventory.images:  # they are all skipped
                continue
            fewer = {"target_images": OBJECTS_A_TASK} if isinstance(source, Listing) else {}
            for span in plan_spans(inventory, **fewer):
                yield source.reference, span


def collect(
    uris: Sequence[str],
    find: Callable[[str, Limits], Source],
    limits: Limits = DEFAULT_LIMITS,
    encoding: str | None = None,
    at: Callable[[int], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Collection:
    """Find sources one after the other, and look into them.

    Args:
        find: Finds one, given what is left of the limits.
        limits: What all of them may hold together.
        encoding: What names are that are not UTF-8.
        at: Surrounds what is done with the source of a number, to say whose an error is.

    Raises:
        ArchiveError: One of them cannot be used, or all together are too much.
    """
    sources: list[Source] = []
    inventories: list[Inventory] = []
    total, left = 0, limits
    for number, (uri, name) in enumerate(zip(uris, names_of(uris), strict=True)):
        with at(number):
            source = find(uri, left)
            if isinstance(source, Listing):
                inventory = inspect_directory(source.uri, source.directory, left, encoding, name)
            else:
                inventory = inspect(source, left, encoding, name)
            total += inventory.image_bytes
            if total > limits.total_bytes:
                cause = f"with it {total:,} bytes would come out of all, and at most {limits.total_bytes:,} may"
                raise ArchiveBombError.at(source.uri, cause)
        kept, listed = inventory.kept_bytes, 0
        if isinstance(source, Listing) and is_s3(uri):
            kept, listed = kept + len(source.text), inventory.entries
        left = replace(left, memory_bytes=left.memory_bytes - kept, keys=left.keys - listed)
        sources.append(source)
        inventories.append(inventory)
    return Collection(tuple(sources), tuple(inventories))


def find_source(uri: str, limits: Limits, s3: S3Client | None = None) -> Source:
    """Find a zip, or list a prefix of S3, or a folder of this machine, which cannot be read before it is packed.

    Raises:
        ArchiveError: It is neither, or cannot be read.
    """
    if is_s3(uri) and kind_of(uri) is Kind.FOLDER:
        from orchard.archive.sources.prefix import list_prefix

        return list_prefix(uri, limits, s3)
    folder = local_path(uri)
    if folder is not None and folder.is_dir():
        return list_folder(folder)
    check_kind(uri)
    return open_source(uri, s3_client=s3)


def pictures_of(source: SourceReference, span: Span) -> Iterator[Picture | Rejection]:
    """Read one of `Collection.spans`, in whatever process."""
    if source.uri.endswith("/"):
        from orchard.archive.sources.prefix import read_objects

        return read_objects(source, span)
    return read_span(reopen(source), span)


def archive_facts(collection: Collection) -> dict[str, Any]:
    """What a plan and a summary say of where a run's images are, and what is in it: `sources` only where several."""
    uris = collection.uris
    several = {"sources": uris} if len(uris) > 1 else {}
    return {"uri": uris[0], "size": collection.size, "content": collection.content_id, **several}


def pins(collection: Collection) -> str:
    """The sources as JSON, for another process; listings are files of their own."""
    return json.dumps({"sources": [asdict(source.reference) for source in collection.sources]}, indent=2)


def pinned(text: str, uri: str, listing: Callable[[int], bytes]) -> list[Source]:
    """The sources again, as they were found.

    Args:
        text: What `pins` gave.
        listing: Gives the file of the listing of a number.

    Raises:
        DamagedDirectoryError: It is something else.
    """
    try:
        references = [SourceReference(**one) for one in json.loads(text)["sources"]]
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedDirectoryError.at(uri, f"it does not list a run's sources: {error}") from error
    found: list[Source] = []
    for number, reference in enumerate(references):
        if not reference.uri.endswith("/"):
            found.append(reopen(reference))
            continue
        again = Listing.read(reference.uri, listing(number))
        if again.reference != reference:
            raise DamagedDirectoryError.at(reference.uri, "the list of what was there is another one")
        found.append(again)
    return found


def _sum(parts: Iterable[Mapping[Any, int]]) -> Counter[Any]:
    """All counts together, sorted."""
    total: Counter[Any] = Counter()
    for part in parts:
        total.update(part)
    return Counter(dict(sorted(total.items())))
