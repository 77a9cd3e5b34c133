"""Which images are shown: fair to labels and splits, and the same on every run."""

import io
import os
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from orchard.report.sample import (
    COMPARED,
    MAX_THUMBNAIL_BYTES,
    SAMPLE_SIZE,
    THUMBNAIL_SIDE,
    Draw,
    ImageRef,
    sample_points,
    thumbnail,
)
from tests.support.pictures.drawn import draw_fruit


def images_of(sizes: dict[tuple[str, str], int]) -> list[ImageRef]:
    return [
        ImageRef(f"{split}/{label}/{number}.jpg", split, label)
        for (split, label), count in sizes.items()
        for number in range(count)
    ]


SIZES = {
    ("Training", "apple"): 500,
    ("Test", "apple"): 100,
    ("Training", "fig"): 20,
    ("Test", "fig"): 20,
    ("Training", "kiwi"): 3,
}


def test_labels_take_turns_and_small_ones_are_shown_whole() -> None:
    chosen = sample_points(images_of(SIZES), 63)
    assert Counter(image.label for image in chosen) == {"apple": 30, "fig": 30, "kiwi": 3}


def test_splits_take_turns_within_a_label() -> None:
    chosen = sample_points(images_of(SIZES), 63)
    assert Counter((image.label, image.split) for image in chosen) == {
        ("apple", "Training"): 15,
        ("apple", "Test"): 15,
        ("fig", "Training"): 15,
        ("fig", "Test"): 15,
        ("kiwi", "Training"): 3,
    }


def test_the_order_of_the_images_is_of_no_consequence() -> None:
    images = images_of(SIZES)
    shuffled = random.Random(1).sample(images, len(images))  # noqa: S311 (not cryptography)
    assert sample_points(shuffled, 50) == sample_points(images, 50)


LARGE = {
    **{("Training", f"class {n}"): 1_000 for n in range(20)},
    ("Test", "class 3"): 400,
    ("Training", "rare"): 3,
    ("Test", "rarer"): 1,
}


def test_of_a_large_collection_a_share_is_drawn_and_the_same_are_shown_as_of_all() -> None:
    images = images_of(LARGE)
    draw = Draw.of(LARGE, compared=2_000, points=500)
    drawn = [image for image in images if draw.takes(image)]
    assert sample_points(drawn, 500) == sample_points(images, 500)
    assert {image.label for image in drawn} >= {"rare", "rarer"}
    assert len(drawn) < 4_000
    compared = [image for image in drawn if draw.compares(image)]
    assert len(compared) == pytest.approx(2_000, rel=0.1)
    assert compared == [image for image in images if draw.compares(image)], "they are all brought"


def test_of_a_small_collection_all_are_drawn_and_compared() -> None:
    draw = Draw.of(SIZES)
    assert draw == Draw(1.0, {})
    assert all(draw.takes(image) and draw.compares(image) for image in images_of(SIZES))


@given(
    sizes=st.dictionaries(
        st.tuples(st.sampled_from(["Training", "Test", ""]), st.integers(0, 50_000).map(str)),
        st.integers(1, 10**7),
        max_size=60,
    )
)
def test_few_are_drawn_whatever_the_labels_are(sizes: dict[tuple[str, str], int]) -> None:
    draw = Draw.of(sizes)
    expected = sum(count * draw.rare.get(group, draw.compared) for group, count in sizes.items())
    assert expected <= COMPARED + 3 * 2 * (SAMPLE_SIZE + len(sizes))


def test_the_choice_does_not_follow_the_names() -> None:
    chosen = {
        int(image.path.split("/")[-1][:-4]) for image in sample_points(images_of({("Training", "apple"): 500}), 50)
    }
    assert max(chosen) > 250
    assert len(chosen) == 50


def test_with_more_labels_than_room_each_label_has_one_image_at_most() -> None:
    chosen = sample_points(images_of({("Training", f"class {n}"): 4 for n in range(300)}), 100)
    assert max(Counter(image.label for image in chosen).values()) == 1
    assert len(chosen) == 100


def test_few_images_are_all_shown() -> None:
    images = images_of({("", "apple"): 3, ("Test", "fig"): 2})
    assert sample_points(images, 100) == sorted(images)
    assert sample_points([], 100) == []


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "GIF"])
def test_a_thumbnail_is_a_small_webp(image_format: str) -> None:
    content = thumbnail(draw_fruit("Banana", 1, side=300, image_format=image_format))
    with Image.open(io.BytesIO(content)) as little:
        assert (little.format, little.size) == ("WEBP", (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        red, green, blue = little.convert("RGB").getpixel((32, 50))  # type: ignore[misc]
    assert red > 150
    assert green > 120
    assert blue < 120
    assert len(content) <= MAX_THUMBNAIL_BYTES


def test_even_noise_stays_within_the_budget() -> None:
    buffer = io.BytesIO()
    Image.frombytes("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE), os.urandom(THUMBNAIL_SIDE**2 * 3)).save(buffer, "PNG")
    assert 0 < len(thumbnail(buffer.getvalue())) <= MAX_THUMBNAIL_BYTES


def test_a_thumbnail_carries_none_of_the_metadata() -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "taken in my garden " * 100
    Image.new("RGB", (50, 20), "red").save(buffer, "JPEG", exif=exif, icc_profile=b"x" * 5000)
    content = thumbnail(buffer.getvalue())
    assert b"garden" not in content
    assert len(content) < 300
    assert Image.open(io.BytesIO(content)).size == (50, 20)


@pytest.mark.parametrize(
    "content", [b"", b"not an image", draw_fruit("Banana", 1)[:200], draw_fruit("Banana", 1, image_format="PNG")[:40]]
)
def test_what_cannot_be_decoded_has_no_thumbnail(content: bytes) -> None:
    assert thumbnail(content) == b""


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_of_a_picture_that_is_cut_off_what_there_is_is_shown(image_format: str) -> None:
    content = draw_fruit("Banana", 1, image_format=image_format)
    assert thumbnail(content[: len(content) * 2 // 3])
    assert not ImageFile.LOAD_TRUNCATED_IMAGES, "featurize must go on rejecting such pictures"
