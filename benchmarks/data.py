"""What is measured on: any number of real pictures, or of drawn ones, in one zip."""

from __future__ import annotations

import itertools
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.isolated import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "out" / "benchmarks"
"""Where benchmarks keep their files; `make clean` removes it."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_CLASSES = 131  # as in Fruits-360 of the published runs


@dataclass(frozen=True)
class Data:
    """What the user gave to measure on.

    Attributes:
        zip: A zip of images; None to draw some.
        weights: What `orchard run --weights` takes.
    """

    zip: Path | None
    weights: str

    def model(self) -> Path:
        """The folder of the model with these weights, exported once for this account."""
        from orchard.cache import models_dir
        from orchard.features.export import model_for
        from orchard.features.weights import resolve_weights

        return model_for(resolve_weights(self.weights), models_dir()).path

    def pictures(self, count: int) -> Path:
        """A zip of that many images in the layout of Fruits-360, made at the first call.

        Args:
            count: How many; the pictures are repeated under other names when there are fewer.
        """
        kind = "drawn" if self.zip is None else f"{self.zip.stem}-{self.zip.stat().st_size}"
        path = FOLDER / f"{kind}-{count}.zip"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            with zipfile.ZipFile(self._source()) as source, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as target:
                names = [name for name in source.namelist() if name.lower().endswith((".jpg", ".jpeg"))]
                for number, name in enumerate(itertools.islice(itertools.cycle(names), count)):
                    target.writestr(zipfile.ZipInfo(_name(number), _EPOCH), source.read(name), zipfile.ZIP_DEFLATED)
            part.rename(path)
        return path

    def _source(self) -> Path:
        from orchard.demo.fruit import draw_zip

        return self.zip or draw_zip(FOLDER / "drawn.zip")


def _name(number: int) -> str:
    split = "Test" if number % 4 == 3 else "Training"
    return f"fruits-360/{split}/Fruit {number // 4 % _CLASSES}/{number}_100.jpg"
