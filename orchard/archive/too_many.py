"""How much of an archive may be rejected before its run is of no use, and what is said when it is more."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING

from orchard.errors import TooManyRejectedError, command_line, in_quotes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from orchard.archive.rejection import Rejection

_KINDS = 5
"""How many kinds of reasons an error tells."""

_PARTICULARS = re.compile(r"'[^']*'|\"[^\"]*\"|0x[0-9a-fA-F]+|[0-9][0-9.,]*")
"""What differs between two reasons of the same kind: names and numbers."""


def check_rejected(
    rejected: int,
    images: int,
    limit: float,
    *,
    archives: Sequence[str],
    listed: str,
    rejections: Callable[[], Iterable[Rejection]],
) -> None:
    """Fail when too many images were rejected.

    Args:
        images: How many were not.
        limit: Which share of both together may be, in [0, 1]; exactly this share still may.
        archives: The sources, as the user types them.
        listed: Where all of them are listed, a clause.
        rejections: Gives those that were; called only when they are too many.

    Raises:
        TooManyRejectedError: They are too many. The error names the commonest kinds of reasons, each with an example.
    """
    candidates = rejected + images
    if rejected <= Fraction(str(float(limit))) * candidates:  # as the user wrote it: 0.29 of 100 are 29, and not fewer
        return
    needed = -(-100 * rejected // candidates)
    raise TooManyRejectedError(
        f"{rejected:,} of {candidates:,} image{'s' * (candidates > 1)} {'was' if rejected == 1 else 'were'} rejected, "
        f"more than the allowed {100 * limit:g}%",
        f"{_commonest(rejections())}; {listed}",
        command_line(["orchard", "run", *archives, "--max-rejected", f"{needed}%"]),
    )


def _commonest(rejections: Iterable[Rejection]) -> str:
    counts: Counter[str] = Counter()
    examples: dict[str, Rejection] = {}
    for rejection in rejections:
        kind = _PARTICULARS.sub("#", rejection.reason)
        counts[kind] += 1
        examples.setdefault(kind, rejection)
    kinds = [
        f"{count:,} like {in_quotes(examples[kind].path)}: {examples[kind].reason}"
        for kind, count in counts.most_common(_KINDS)
    ]
    others = counts.total() - sum(count for _, count in counts.most_common(_KINDS))
    return "; ".join([*kinds, f"{others:,} for other reasons"] if others else kinds)
