"""What is in an archive, as a number: two archives with one content id give the same tables of the same pictures.

The directory alone says it: of each image its path, and what tells its bytes from others, which is CRC and size in a
zip, ETag and size under a prefix. In which order they stand, when they were made and how they are packed is left out.
So is what the archive is called. What is no image counts by its path and by why it is none, since a run lists that too.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from orchard.archive.directory import CHUNK
from orchard.archive.image_paths import image_paths
from orchard.archive.judging import IMAGE
from orchard.archive.records import columns, etag_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from orchard.archive.checks import Inventory

_DIGITS = 24
_BYTES = 8
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
"""Of SplitMix64's finaliser (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014)."""


def content_id(inventories: Sequence[Inventory]) -> str:
    """The id of what a run reads, after its images were chosen: 24 hex digits.

    It differs where a table that unzip writes would, but for the times and the addresses in `metadata/`: also where
    labels or splits are cut out of the same paths in another way.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for one in inventories:
        counts.update(one.counts)
    books = [
        sum(one.entries for one in inventories),
        sum(one.directories for one in inventories),
        sum(one.skipped for one in inventories),
        [(*key, count) for key, count in sorted(counts.items())],
    ]
    whole = hashlib.sha256(json.dumps(books).encode())
    whole.update(_in_order(_images(inventories)).data)
    left = ((rejection.path, rejection.reason) for one in inventories for rejection in one.rejections())
    ignored = (entry for one in inventories for entry in one.ignored_entries())
    for others in (left, ignored):
        whole.update(_in_order(_hashes("\0".join(one).encode(errors="surrogatepass") for one in others)).data)
    return whole.hexdigest()[:_DIGITS]


def picture_keys(inventories: Sequence[Inventory]) -> NDArray[np.uint64]:
    """What tells the bytes of the images from others, in their order: of those in zips size and CRC."""
    found = np.empty(sum(one.images for one in inventories), np.uint64)
    filled = 0
    for inventory in inventories:
        for some in _keys(inventory):
            found[filled : filled + len(some)] = some
            filled += len(some)
    return found


def _images(inventories: Sequence[Inventory]) -> NDArray[np.uint64]:
    """A hash of each image: of its path, and of what tells its bytes from others."""
    hashes = np.empty(sum(one.images for one in inventories), np.uint64)
    filled = 0
    for inventory in inventories:
        below = inventory.below.encode()
        paths = (below + path for path in image_paths(inventory, np.flatnonzero(inventory.verdicts == IMAGE)))
        for keys in _keys(inventory):
            hashes[filled : filled + len(keys)] = _mixed(_hashes(islice(paths, len(keys))) + _mixed(keys))
            filled += len(keys)
    return hashes


def _keys(inventory: Inventory) -> Iterator[NDArray[np.uint64]]:
    """What tells the bytes of the images from others, some at a time."""
    directory = inventory.directory
    images = np.flatnonzero(inventory.verdicts == IMAGE)
    for first in range(0, len(images), CHUNK):
        some = images[first : first + CHUNK]
        crcs = columns(directory.raw, directory.places[some])["crc32"]
        keys = directory.sizes[some].astype(np.uint64) << np.uint64(32) | crcs
        for number in np.flatnonzero(crcs == 0).tolist():  # no zip has the CRC of what is in S3
            if etag := etag_at(directory.raw, int(directory.places[some[number]])):
                [keys[number]] = _hashes([etag + b"\0%d" % directory.sizes[some[number]]])
        yield keys


def _hashes(texts: Iterable[bytes]) -> NDArray[np.uint64]:
    """A hash of each text, the same in every process."""
    digest, found = hashlib.blake2b, bytearray()
    for text in texts:
        found += digest(text, digest_size=_BYTES).digest()
    return np.frombuffer(found, "<u8")


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each value as another one, in which every bit depends on all of its bits; no two become the same."""
    for shift, factor in zip((30, 27), _MIX, strict=True):
        values = (values ^ values >> np.uint64(shift)) * factor
    return values ^ values >> np.uint64(31)


def _in_order(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    hashes.sort()
    return hashes
