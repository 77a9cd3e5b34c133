"""The folder that holds a model: one file for each engine, and a manifest that says what they are.

The manifest is written as canonical JSON, so the model's id is simply the beginning of the SHA-256 of `manifest.json`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orchard.errors import UsageError
from orchard.features.errors import ModelDamagedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FEATURES = 1280
"""Length of MobileNetV2's last layer before the classifier, at width 1.0 (Sandler et al. 2018, table 2)."""

SIDE = 224
"""Height and width in pixels of the pictures that the network was trained on (Sandler et al. 2018, section 6.1)."""

MANIFEST = "manifest.json"
ENGINE_FILES = {"onnxruntime": "model.onnx", "tensorflow": "model.keras"}

_ID_DIGITS = 12


@dataclass(frozen=True)
class ModelManifest:
    """What a model is.

    Attributes:
        name: The network, `MobileNetV2`.
        weights: `imagenet`, `random`, or the name of the file that the weights came from.
        weights_sha256: SHA-256 of the weights (of their recipe, when they are random).
        features: Length of the vector for one picture.
        side: Height and width in pixels of the pictures that it takes.
        files: File name → SHA-256 of its content.
    """

    name: str
    weights: str
    weights_sha256: str
    files: Mapping[str, str]
    features: int = FEATURES
    side: int = SIDE

    def to_json(self) -> str:
        """The manifest as canonical JSON: the same manifest always gives the same text."""
        return json.dumps({**asdict(self), "files": dict(self.files)}, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelManifest:
        """Read what `to_json` wrote.

        Raises:
            ValueError: The text is not a manifest.
        """
        given = json.loads(text)
        expected = {field.name: field.type for field in fields(cls)}
        if not isinstance(given, dict) or set(given) != set(expected):
            raise ValueError(f"a manifest holds exactly {', '.join(sorted(expected))}")
        files = given["files"]
        if not isinstance(files, dict) or not set(files) <= set(ENGINE_FILES.values()):
            raise ValueError(f"a model's files are {', '.join(sorted(ENGINE_FILES.values()))}")
        return cls(**given)

    @property
    def id(self) -> str:
        """The model's id: the first 12 hex digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:_ID_DIGITS]


def called(model: Mapping[str, Any]) -> str:
    """What a model is, for people, by which another one has another name: its network, and its weights.

    Args:
        model: `name`, `weights` and `weights_sha256`, as in `ModelManifest` and in the records of runs.
    """
    return f"{model['name']} with {model['weights']} weights ({model['weights_sha256'][:_ID_DIGITS]})"


def is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two models compute the same features, by either engine, though they may have been exported twice.

    Args:
        one: As `called` takes it.
        other: Likewise.
    """
    return all(one[name] == other[name] for name in ("name", "weights_sha256"))


@dataclass(frozen=True)
class ModelFolder:
    """A model on this machine's disk."""

    path: Path

    @cached_property
    def manifest(self) -> ModelManifest:
        """What the folder says that it holds.

        Raises:
            ModelDamagedError: There is no manifest, or it cannot be read.
        """
        try:
            return ModelManifest.from_json((self.path / MANIFEST).read_text("utf-8"))
        except OSError as error:
            raise self._damaged(f"its {MANIFEST} cannot be read ({error.strerror or error})") from error
        except (ValueError, TypeError) as error:
            raise self._damaged(f"its {MANIFEST} makes no sense: {error}") from error

    def file(self, engine: str) -> Path:
        """The file that an engine loads.

        Raises:
            UsageError: There is no such engine.
        """
        if engine not in ENGINE_FILES:
            raise UsageError(f"There is no engine {engine!r}", f"choose {' or '.join(ENGINE_FILES)}")
        return self.path / ENGINE_FILES[engine]

    def check(self, engine: str | None = None) -> None:
        """Verify the files against the manifest.

        Args:
            engine: Verify the file of this engine only; None for every file.

        Raises:
            ModelDamagedError: A file is missing or is not the one that was exported.
            UsageError: There is no such engine.
        """
        for name in self.manifest.files if engine is None else [self.file(engine).name]:
            recorded = self.manifest.files.get(name)
            if recorded is None:
                raise self._damaged(f"its {MANIFEST} does not list {name}")
            try:
                found = sha256_of(self.path / name)
            except OSError as error:
                raise self._damaged(f"{name} cannot be read ({error.strerror or error})") from error
            if found != recorded:
                raise self._damaged(f"{name} has the SHA-256 {found}, the {MANIFEST} says {recorded}")

    def _damaged(self, cause: str) -> ModelDamagedError:
        return ModelDamagedError(
            f"The model in {self.path} cannot be used",
            cause,
            f"python -m orchard.features.export --weights imagenet --out {self.path}",
        )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hex.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
