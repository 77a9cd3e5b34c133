"""The paths of an archive's images, one after the other, without an object a member."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchard.archive.directory import CHUNK
from orchard.archive.judging import UNICODE_PATH
from orchard.archive.records import COLUMNS, columns, member_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from orchard.archive.checks import Inventory

_ODD = re.compile(rb"\\|\A/|//|\./").search
"""What a name may have that is not its path; see `orchard.archive.encoding`."""


def image_paths(inventory: Inventory, images: NDArray[np.int64]) -> Iterator[bytes]:
    """The paths of some images as UTF-8, in their order; without what is before them where there are sources."""
    raw, places, fixed = inventory.directory.raw, inventory.directory.places, COLUMNS.itemsize
    for first in range(0, len(images), CHUNK):
        some = places[images[first : first + CHUNK]]
        found = columns(raw, some)
        numbers = (some, found["name_length"], found["extra_length"])
        for place, length, extra in zip(*(one.tolist() for one in numbers), strict=True):
            end = place + fixed + length
            name = raw[place + fixed : end]
            is_plain = name.isascii() and not _ODD(name)
            if is_plain and (not extra or raw.find(UNICODE_PATH, end, end + extra) < 0):
                yield name
            else:
                yield member_at(raw, place, inventory.naming).path.encode()
