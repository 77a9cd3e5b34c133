"""How many pictures there are more than once: what a summary holds of it, and a plan, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass

from orchard.pipeline.values import Parsed


@dataclass(frozen=True)
class Duplicates(Parsed):
    """How many pictures have the content of another; each such picture is a copy, the first of them too.

    Attributes:
        copies: Pictures whose content another picture has.
        contents: How many different contents these have: `copies - contents` could go, and nothing would be lost.
        between_splits: Copies whose content lies in more than one of Training, Test and Validation.
        between_labels: Copies whose content lies under more than one label.
        test_in_training: Test pictures whose content lies in Training too: what is measured on Test knows them.
    """

    copies: int = 0
    contents: int = 0
    between_splits: int = 0
    between_labels: int = 0
    test_in_training: int = 0

    def in_words(self) -> list[str]:
        """A sentence for each number that is not zero, without full stops."""
        if not self.copies:
            return []
        several = "one content" if self.contents == 1 else f"{self.contents:,} different contents"
        lines = [f"{self.copies:,} images are copies of each other, with {several}"]
        if self.between_splits:
            lines.append(f"{self.between_splits:,} of them have a copy in another split")
        if self.between_labels:
            lines.append(f"{self.between_labels:,} of them have a copy under another label")
        if self.test_in_training:
            one = self.test_in_training == 1
            known = "1 Test image is" if one else f"{self.test_in_training:,} Test images are"
            lines.append(f"{known} in Training too, so figures of Test are too good")
        return lines
