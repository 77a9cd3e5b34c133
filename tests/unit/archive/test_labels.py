"""The label is the parent folder; the split is the nearest folder above that names one."""

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
        ("data/train/cat/0.jpg", "Training", "cat"),
        ("trn/cat/0.jpg", "Training", "cat"),
        ("Testing/cat/0.jpg", "Test", "cat"),
        ("VALID/cat/0.jpg", "Validation", "cat"),
        ("val/cat/0.jpg", "Validation", "cat"),
        ("dev/cat/0.jpg", "Validation", "cat"),
        ("Test/Apple/Apple 10/r_0_100.jpg", "Test", "Apple 10"),
        ("Test/x/Training/Apple/Apple 10/r_0_100.jpg", "Training", "Apple 10"),
        ("Training/test/1.jpg", "Training", "test"),
        ("trainings/Banana/1.jpg", "", "Banana"),
        ("Banana/1.jpg", "", "Banana"),
        ("Training/1.jpg", "", "Training"),
        ("1.jpg", "", ""),
        (" Test/ Banana /1.jpg", "", " Banana "),
        ("Training/Pêche plate/1.jpg", "Training", "Pêche plate"),
    ],
)
def test_folders_name_split_and_label(path: str, split: str, label: str) -> None:
    assert split_and_label(path) == (split, label)
