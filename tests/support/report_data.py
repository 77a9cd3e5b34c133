"""Reports about runs that never were: drawn fruits, any number of classes."""

import colorsys
import io
import math
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from orchard.components.neighbours import nearest_rows
from orchard.jobs.confusions import Confused
from orchard.report.data import (
    Copied,
    LabelCount,
    Likeness,
    Picture,
    Point,
    Prediction,
    Predictions,
    Rejection,
    Rejections,
    ReportData,
)
from orchard.report.sample import ImageRef, sample_points, thumbnail

KINDS = [
    "Apple",
    "Banana",
    "Cherry",
    "Fig",
    "Grape",
    "Kiwi",
    "Lemon",
    "Mango",
    "Orange",
    "Peach",
    "Pear",
    "Plum",
    "Tomato",
]
SORTS = ["Red", "Golden", "Braeburn", "White", "Wax", "Hass", "Black", "Early"]

SUMMARY: dict[str, Any] = {
    "run_id": "fruits-360-10k-3f9a1c0be772",
    "archive": {"uri": "s3://orchard-input/fruits-360-10k.zip", "size": 45_561_337},
    "created": "2026-05-09T07:31:22+00:00",
    "counts": {
        "entries": 9988,
        "directories": 63,
        "ignored": 4,
        "rejected_in_unzip": 12,
        "images": 9909,
        "rejected_in_featurize": 9,
        "features": 9900,
        "classes": 60,
    },
    "ignored": {"not an image: .heic": 3, "macOS folder settings": 1},
    "duplicates": {"copies": 72, "contents": 14, "between_splits": 60, "between_labels": 18, "test_in_training": 24},
    "stages": {
        "unzip": {"seconds": 11.2},
        "featurize": {"seconds": 83.7, "images_per_second": 118.3},
        "pca": {"seconds": 21.9},
    },
    "engine": "onnxruntime",
    "model": {
        "name": "MobileNetV2",
        "weights": "imagenet",
        "weights_sha256": "5b2a1f" + "0" * 58,
        "id": "c0ffee123456",
    },
    "parameters": {"components": None, "variance": 0.9, "fit_split": "Training", "kept": 54, "cumulative": 0.9013},
    "versions": {"orchard": "0.1.0", "spark": "3.5.6", "python": "3.11.7", "onnxruntime": "1.20.1", "numpy": "1.26.4"},
    "cost": {"total_usd": 0.418, "price_date": "2026-04-30", "region": "eu-west-1"},
}


def labels(classes: int) -> list[str]:
    """Class names like those of Fruits-360."""
    kinds = [f"{kind} {sort} {n}" if n else f"{kind} {sort}" for n in range(9) for sort in SORTS for kind in KINDS]
    return sorted(kinds[:classes])


def draw(label_number: int, classes: int, seed: int) -> bytes:
    """A picture of a fruit in a colour of its class."""
    rng = random.Random(f"{label_number}/{seed}")  # noqa: S311 (not cryptography)
    hue = label_number / classes * 0.45 + rng.uniform(-0.01, 0.01)
    colour, darker, light = (
        tuple(int(255 * c) for c in colorsys.hsv_to_rgb(hue % 1, saturation, value))
        for saturation, value in ((0.8, 0.85), (0.85, 0.55), (0.4, 0.97))
    )
    image = Image.new("RGB", (100, 100), "white")
    pen = ImageDraw.Draw(image)
    squeeze, turn = (label_number * 37 % 23), rng.randint(-6, 6)
    pen.ellipse((8 + squeeze + turn, 18, 92 - squeeze + turn, 96), fill=darker)
    pen.ellipse((9 + squeeze + turn, 17, 86 - squeeze + turn, 92), fill=colour)
    pen.ellipse((24 + squeeze, 28 + turn, 40 + squeeze // 2, 46 + turn), fill=light)
    pen.line((50 + turn, 22, 56 + turn * 2, 4), fill=(90, 60, 30), width=4)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def report_data(
    classes: int = 24,
    images: int = 2400,
    banner: str = "",
    components: int = 10,
    dimensions: int = 1280,
    kept: int = 54,
) -> ReportData:
    """A report about `images` images of `classes` classes, two thirds Training."""
    rng = np.random.default_rng(classes)
    names = labels(classes)
    scale = 9 / (1 + np.arange(components)) ** 0.55
    centres = rng.normal(size=(classes, components)) * scale
    refs, values = [], {}
    sizes = rng.integers(images // classes // 2, images // classes * 3 // 2 + 1, size=classes)
    for i, name in enumerate(names):
        for number in range(int(sizes[i])):
            split = "Test" if number % 3 == 2 else "Training"
            ref = ImageRef(f"fruits-360/{split}/{name}/r_{number}_100.jpg", split, name)
            refs.append(ref)
            values[ref] = i
    chosen = sample_points(refs)
    on_map = set(chosen)
    beside = [ref for ref in refs if ref not in on_map][:336]

    def places(some: list[ImageRef]) -> NDArray[np.float64]:
        return (
            np.array([centres[values[ref]] for ref in some]) + rng.normal(size=(len(some), components)) * scale * 0.13
        )

    where = places(chosen)
    little = {i: [thumbnail(draw(i, classes, seed)) for seed in range(2)] for i in range(classes)}

    def shown_at(some: list[ImageRef], where: NDArray[np.float64]) -> tuple[Point, ...]:
        return tuple(
            Point(*ref, components=tuple(map(float, place)), thumbnail=little[values[ref]][n % 2])
            for n, (ref, place) in enumerate(zip(some, where, strict=True))
        )

    points = shown_at(chosen, where)
    confused = Confused.find(where[:, :4].astype(np.float32), chosen, np.ones(len(chosen), bool))
    counts: dict[tuple[str, str], int] = {}
    for ref in refs:
        counts[ref.split, ref.label] = counts.get((ref.split, ref.label), 0) + 1
    shares = 1 / (1 + np.arange(dimensions)) ** 1.15
    shares /= shares.sum()
    rejected = [Rejection(f"fruits-360/Test/Fig Red/{n}_100.jpg", "unzip", "the CRC does not match") for n in range(12)]
    rejected += [
        Rejection(f"fruits-360/Training/Kiwi/odd {n}.png", "featurize", "not an image that can be decoded")
        for n in range(9)
    ]
    summary = SUMMARY | {
        "parameters": SUMMARY["parameters"]
        | {
            "kept": kept,
            "cumulative": math.fsum(shares[:kept]),
            "variance": float(round(math.fsum(shares[:kept]) - 0.002, 2)),
        }
    }
    pictures = [Picture(point.path, point.split, point.label, point.thumbnail) for point in points]
    shown = [chosen.index(ref) for ref in sample_points(chosen, 12)]
    return ReportData(
        summary=summary,
        spectrum=shares.tolist(),
        kept=kept,
        counts=tuple(LabelCount(split, label, count) for (split, label), count in counts.items()),
        rejections=Rejections.of(rejected),
        points=points,
        accuracy=confused.accuracy,
        likenesses=tuple(
            Likeness(pictures[row], tuple(pictures[n] for n in nearest))
            for row, nearest in zip(shown, nearest_rows(where, shown, 5).tolist(), strict=True)
        ),
        rejected_pictures={"fruits-360/Training/Kiwi/odd 3.png": little[0][0]},
        banner=banner,
        more=shown_at(beside, places(beside)) if beside else (),
        confused=confused.paths(chosen),
        copied=tuple(
            Copied(6, (LabelCount("Training", names[n % classes], 4), LabelCount("Test", names[n % classes], 2)), some)
            for n, some in enumerate(zip(*[iter(pictures[:72])] * 6, strict=False))
        ),
    )


def among_known(data: ReportData) -> ReportData:
    """The same as a report on a run whose images are the Test images, placed among the others of an earlier run.

    The labels that they have are predicted, but for the first one that is shown, which is like nothing known.
    """
    new = [point for point in data.points if point.split == "Test"]
    known = [replace(point, known=True) for point in data.points if point.split != "Test"]
    counts = tuple(one for one in data.counts if one.split == "Test")
    assert data.accuracy is not None
    pictures = {point.path: Picture(point.path, point.split, point.label, point.thumbnail) for point in data.points}
    beside = {point.label: pictures[point.path] for point in known}
    other = next(label for label in sorted(beside) if label != new[0].label)
    shown = [Prediction(pictures[new[0].path], other, 2, 9.5, beside[other])]
    shown += [Prediction(pictures[one.path], one.label, 5, 1.25, beside[one.label]) for one in new[1:20]]
    voting: Counter[str] = Counter(point.label for point in known)
    predictions = Predictions(
        run="earlier-0123456789ab",
        labels=voting,
        known=voting.total(),
        drawn=None,
        total=sum(one.count for one in counts),
        nearest=5,
        voters=3,
        limit=8.0,
        unlike=1,
        copies=0,
        accuracy=data.accuracy,
        shown=tuple(shown),
    )
    summary = {**data.summary, "predictions": {"pictures": predictions.total}}
    points = (*new, *known)
    return replace(data, summary=summary, counts=counts, points=points, accuracy=None, more=(), confused={},
                   likenesses=(), predictions=predictions)  # fmt: skip
