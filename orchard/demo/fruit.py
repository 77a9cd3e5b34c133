"""Pictures of fruit for the demonstration, drawn by a program: nothing to download, and no licence to mind."""

from __future__ import annotations

import io
import math
import random
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.ImageDraw import ImageDraw

_SIDE = 100
_SCALE = 3  # drawn larger, then shrunk: smooth edges
_TRAINING, _TEST = 24, 8
_EPOCH = (1980, 1, 1, 0, 0, 0)

Colour = tuple[int, int, int]

_FRUIT: dict[str, tuple[str, Colour, Colour]] = {
    "Apple Golden 1": ("round", (222, 200, 80), (120, 90, 40)),
    "Apple Red 2": ("round", (178, 34, 46), (110, 70, 30)),
    "Banana": ("crescent", (240, 208, 60), (120, 90, 30)),
    "Blueberry": ("round", (66, 78, 140), (40, 46, 90)),
    "Grape White": ("bunch", (190, 205, 120), (110, 90, 50)),
    "Kiwi": ("oval", (124, 98, 58), (80, 60, 36)),
    "Lemon": ("oval", (245, 222, 70), (140, 150, 50)),
    "Strawberry": ("heart", (205, 40, 52), (70, 140, 60)),
}
"""Class → shape, colour, and the colour of stalk or leaves."""


def draw_zip(path: Path) -> Path:
    """Draw a data set as people really have them: two splits, classes with spaces, and one file that is no image.

    Args:
        path: The zip to write; the same bytes each time.

    Returns:
        The same path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for label in _FRUIT:
            for number in range(_TRAINING + _TEST):
                split = "Training" if number < _TRAINING else "Test"
                _add(archive, f"fruits-demo/{split}/{label}/{number}_100.jpg", _picture(label, number))
        _add(archive, "fruits-demo/README.txt", b"Pictures drawn by a program.\n")
    return path


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)


def _picture(label: str, number: int) -> bytes:
    """One fruit on white, turned and lit a little differently each time, as a JPEG."""
    from PIL import Image, ImageDraw

    rng = random.Random(f"{label}/{number}")  # noqa: S311 (a picture, not a secret)
    shape, colour, stalk = _FRUIT[label]
    side = _SIDE * _SCALE
    image = Image.new("RGB", (side, side), "white")
    shade = rng.uniform(0.88, 1.1)
    _SHAPES[shape](ImageDraw.Draw(image), side, rng, _lit(colour, shade), _lit(stalk, shade))
    turned = image.rotate(rng.uniform(-40, 40), fillcolor="white")
    buffer = io.BytesIO()
    turned.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _lit(colour: Colour, factor: float) -> Colour:
    red, green, blue = (max(0, min(255, round(part * factor))) for part in colour)
    return red, green, blue


def _ball(draw: ImageDraw, centre: tuple[float, float], radii: tuple[float, float], colour: Colour) -> None:
    """An ellipse that is brighter towards the upper left."""
    steps = 12
    for step in range(steps):
        left = 1 - step / steps
        (x, y), (rx, ry) = centre, radii
        x, y = x - rx * 0.35 * (1 - left), y - ry * 0.35 * (1 - left)
        box = (x - rx * left, y - ry * left, x + rx * left, y + ry * left)
        draw.ellipse(box, fill=_lit(colour, 0.72 + 0.5 * step / steps))


def _round(draw: ImageDraw, side: int, rng: random.Random, colour: Colour, stalk: Colour) -> None:
    size = side * rng.uniform(0.36, 0.44)
    _ball(draw, (side / 2, side / 2), (size, size * rng.uniform(0.9, 1)), colour)
    draw.line((side / 2, side * 0.2, side * 0.55, side * 0.08), fill=stalk, width=side // 28)


def _oval(draw: ImageDraw, side: int, rng: random.Random, colour: Colour, stalk: Colour) -> None:
    wide = side * rng.uniform(0.4, 0.46)
    _ball(draw, (side / 2, side / 2), (wide, wide * rng.uniform(0.66, 0.76)), colour)
    draw.ellipse((side * 0.9, side * 0.46, side * 0.96, side * 0.54), fill=stalk)


def _crescent(draw: ImageDraw, side: int, rng: random.Random, colour: Colour, stalk: Colour) -> None:
    _ball(draw, (side / 2, side * 0.45), (side * 0.46, side * 0.4), colour)
    bite = side * rng.uniform(0.16, 0.22)
    draw.ellipse((-side * 0.05, -side * 0.5, side * 1.05, side * 0.45 + bite * 0.4), fill="white")
    draw.rectangle((side * 0.04, side * 0.42, side * 0.1, side * 0.52), fill=stalk)


def _bunch(draw: ImageDraw, side: int, rng: random.Random, colour: Colour, stalk: Colour) -> None:
    draw.line((side / 2, side * 0.25, side * 0.52, side * 0.04), fill=stalk, width=side // 30)
    for row, count in enumerate((4, 3, 3, 2, 1)):
        for place in range(count):
            x = side * (0.5 + (place - (count - 1) / 2) * 0.19 + rng.uniform(-0.02, 0.02))
            _ball(draw, (x, side * (0.26 + row * 0.15)), (side * 0.11, side * 0.11), colour)


def _heart(draw: ImageDraw, side: int, rng: random.Random, colour: Colour, stalk: Colour) -> None:
    wide, deep = side * rng.uniform(0.36, 0.42), side * rng.uniform(0.62, 0.7)
    _ball(draw, (side / 2, side * 0.42), (wide, side * 0.24), colour)
    tip = side * 0.25 + deep
    draw.polygon(
        [(side / 2 - wide, side * 0.45), (side / 2 + wide, side * 0.45), (side / 2, tip)], fill=_lit(colour, 0.9)
    )
    for leaf in range(5):
        angle = math.pi * (0.15 + 0.175 * leaf)
        end = (side / 2 + math.cos(angle) * wide * 0.8, side * 0.2 + math.sin(angle) * side * 0.12)
        draw.line((side / 2, side * 0.18, *end), fill=stalk, width=side // 20)
    for _ in range(14):
        x, y = side / 2 + rng.uniform(-0.6, 0.6) * wide, side * rng.uniform(0.36, 0.66)
        draw.ellipse((x, y, x + side * 0.02, y + side * 0.03), fill=(245, 220, 130))


_SHAPES = {"round": _round, "oval": _oval, "crescent": _crescent, "bunch": _bunch, "heart": _heart}
