"""The label is the parent folder; the split is the grand-parent when it is one of three names."""

import pytest

from orchard.archive.labels import split_and_label


@pytest.mark.parametrize(
    ("path", "split", "label"),
    [
        ("fruits-360/Training/Apple Braeburn 1/0_100.jpg", "Training", "Apple Braeburn 1"),
        ("Test/Banana/1.jpg", "Test", "Banana"),
        ("a/b/c/Validation/Kiwi/1.jpg", "Validation", "Kiwi"),
        ("TRAINING/Banana/1.jpg", "Training", "Banana"),
        ("test/Banana/1.jpg", "Test", "Banana"),
        ("train/Banana/1.jpg", "", "Banana"),
        ("Training/extra/Banana/1.jpg", "", "Banana"),
        ("Banana/1.jpg", "", "Banana"),
        ("Training/1.jpg", "", "Training"),
        ("1.jpg", "", ""),
        ("./1.jpg", "", ""),
        ("./Test/./Banana//1.jpg", "Test", "Banana"),
        (" Test/ Banana /1.jpg", "", " Banana "),
        ("Training/Pêche plate/1.jpg", "Training", "Pêche plate"),
    ],
)
def test_folders_name_split_and_label(path: str, split: str, label: str) -> None:
    assert split_and_label(path) == (split, label)
