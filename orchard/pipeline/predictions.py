"""What is said of a run whose images were placed among those of an earlier one."""

from __future__ import annotations

from dataclasses import dataclass

from orchard.pipeline.values import Parsed


@dataclass(frozen=True)
class Predicted(Parsed):
    """The counts of `summary.json`; all 0 for a run with components of its own.

    Attributes:
        pictures: How many images there are.
        of_known_labels: Of how many the label is one of the known.
        right: For how many of these the known images vote right.
        unlike_any: How many of all are farther from the nearest known one than known ones are from each other.
        copies: How many of all are copies of a known one.
        known: How many images are known.
    """

    pictures: int = 0
    of_known_labels: int = 0
    right: int = 0
    unlike_any: int = 0
    copies: int = 0
    known: int = 0

    def in_words(self) -> list[str]:
        """One line a fact; none without predictions."""
        if not self.pictures:
            return []
        share = f" ({self.right / self.of_known_labels:.1%})" if self.of_known_labels else ""
        others = self.pictures - self.of_known_labels
        lines = [f"{self.right:,} of {self.of_known_labels:,} are recognised{share}"] if self.of_known_labels else []
        lines += [f"{self.copies:,} {'is a copy' if self.copies == 1 else 'are copies'} of known images"] * bool(
            self.copies
        )
        lines += [f"{others:,} {'is' if others == 1 else 'are'} of no known class"] if others else []
        lines += [f"{self.unlike_any:,} {'looks' if self.unlike_any == 1 else 'look'} like nothing known"]
        return [f"placed among {self.known:,} known images", *lines]
