"""Pictures and zips that the tests draw themselves: coloured discs on white, one colour a class, no two alike."""

import io
import random
import zipfile
from pathlib import Path

from PIL import Image, ImageDraw

CLASSES = {"Apple Braeburn 1": (180, 30, 40), "Banana": (235, 205, 60), "Kiwi": (110, 130, 60), "Plum 2": (90, 40, 100)}


def draw_fruit(label: str, seed: int, side: int = 100, image_format: str = "JPEG") -> bytes:
    """One picture of a fruit, as the bytes of an image file."""
    rng = random.Random(f"{label}/{seed}")  # noqa: S311 (not cryptography)
    image = Image.new("RGB", (side, side), (255, 255, 255))
    colour = tuple(max(0, min(255, c + rng.randint(-15, 15))) for c in CLASSES[label])
    margin = side // 10
    left, top = rng.randint(0, margin), rng.randint(0, margin)
    draw = ImageDraw.Draw(image)
    draw.ellipse((left, top, side - rng.randint(1, margin), side - rng.randint(1, margin)), fill=colour)
    spot = rng.randint(side // 4, side // 2)
    draw.ellipse((spot, spot, spot + side // 5, spot + side // 5), fill=tuple(c // 2 for c in colour))
    buffer = io.BytesIO()
    image.save(buffer, image_format)
    return buffer.getvalue()


def fruit_members(training: int = 6, test: int = 2, root: str = "fruits") -> dict[str, bytes]:
    """Member path → content of a small data set with both splits, class names with spaces and digits."""
    return {
        f"{root}/{split}/{label}/{number}_100.jpg": draw_fruit(label, number + (1000 if split == "Test" else 0))
        for split, count in (("Training", training), ("Test", test))
        for label in CLASSES
        for number in range(count)
    }


def write_zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip with directory-less members, in the order given."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
