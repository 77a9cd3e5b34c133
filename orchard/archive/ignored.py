"""What was left out of an archive since it is no image of the user's, in a few words."""

from __future__ import annotations

NOT_AN_IMAGE = "not an image: "
"""How the reason begins of a file whose name has no suffix of an image; its own suffix follows."""

_NAMED = 4


def ignored_in_words(ignored: float, reasons: object) -> str:
    """The commonest reasons in one clause: `5 .heic, 3 .txt, 2 macOS resource fork and 1 other`.

    Args:
        reasons: Reason → how many of them, perhaps only the commonest, as `summary.json` has it; of anything else
            nothing is named.
    """
    given = reasons.items() if isinstance(reasons, dict) else ()
    counted = {str(reason): count for reason, count in given if isinstance(count, int) and count > 0}
    commonest = sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:_NAMED]
    named = ", ".join(f"{count:,} {reason.removeprefix(NOT_AN_IMAGE)}" for reason, count in commonest)
    others = ignored - sum(count for _, count in commonest)
    return f"{named} and {others:,.0f} other{'s' * (others != 1)}" if others > 0 and named else named
