"""Which pictures stand for a content that is there more than once."""

from orchard.jobs.duplicates import copied, copied_paths
from orchard.report.data import Copied, LabelCount, Picture


def test_contents_are_told_with_the_split_and_label_of_each_picture() -> None:
    place = {"split": "Test", "label": "Fig", "count": 3}
    worst = [{"copies": 3, "places": [place], "paths": ["a/Test/Fig/1.jpg", "b.jpg"]}]
    summary = {"duplicates": {"copies": 3, "worst": worst}}
    assert copied_paths(summary) == ["a/Test/Fig/1.jpg", "b.jpg"]
    pictures = (Picture("a/Test/Fig/1.jpg", "Test", "Fig", b"1"), Picture("b.jpg", "", "", b""))
    assert copied(summary, {"a/Test/Fig/1.jpg": b"1"}) == (Copied(3, (LabelCount("Test", "Fig", 3),), pictures),)
    assert copied_paths({}) == copied_paths({"duplicates": None}) == []
