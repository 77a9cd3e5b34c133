"""What was left out of an archive, in one clause."""

from __future__ import annotations

import pytest

from orchard.archive.ignored import ignored_in_words

REASONS = {"not an image: .heic": 5, "macOS resource fork": 2, "not an image: .txt": 3, "NAS thumbnail": 1}


@pytest.mark.parametrize(
    ("ignored", "words"),
    [
        (11, "5 .heic, 3 .txt, 2 macOS resource fork, 1 NAS thumbnail"),
        (12, "5 .heic, 3 .txt, 2 macOS resource fork, 1 NAS thumbnail and 1 other"),
        (1_242, "5 .heic, 3 .txt, 2 macOS resource fork, 1 NAS thumbnail and 1,231 others"),
    ],
)
def test_the_commonest_reasons_are_named_and_the_others_counted(ignored: int, words: str) -> None:
    assert ignored_in_words(ignored, REASONS) == words
