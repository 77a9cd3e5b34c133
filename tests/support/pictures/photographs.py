"""An archive that three tasks read, in which not everything is as it should be."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.pictures.drawn import write_zip

TASKS = (1, 2, 3)
IMAGES = 15 * len(TASKS)
REJECTED = [("a/Training/0/3-cut.jpg", "featurize"), ("a/Training/1/1-5.jpg", "unzip")]
"""What no run of it can use, and the stage that finds out."""

_VIDEO = bytes(9 << 20)
"""What no task reads: so long that one begins before it and another after it."""


def photograph(seed: int) -> bytes:
    """A picture that is as large as photographs are."""
    pixels = np.random.default_rng(seed).integers(0, 256, (220, 220, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def write_photographs(path: Path) -> Path:
    """Write the zip. In what the first task reads, a checksum is wrong; in the last one's, a picture is cut in half."""
    members: dict[str, bytes] = {}
    for task in TASKS:
        members |= {f"a/Training/{n % 4}/{task}-{n}.jpg": photograph(100 * task + n) for n in range(14)}
        members |= {f"a/Test/1/{task}.jpg": photograph(task), f"a/{task}.mp4": _VIDEO}
    members["a/Training/0/3-cut.jpg"] = members.pop("a/Test/1/3.jpg")[:20_000]
    write_zip(path, members, zipfile.ZIP_STORED)
    whole = bytearray(path.read_bytes())
    whole[whole.index(members["a/Training/1/1-5.jpg"]) + 5_000] ^= 1
    path.write_bytes(whole)
    return path
