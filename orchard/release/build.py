"""A release as data: what it consists of, and the id that its content gives it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.cache import PACKED
from orchard.release.wheelhouse import gather_wheels, requirements_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

from orchard.options import ENGINES

_NOT_FOR_NODES = frozenset({"cli", "local", "release", PACKED})
_EPOCH = (1980, 1, 1, 0, 0, 0)
_ID_DIGITS = 12


@dataclass(frozen=True)
class Release:
    """What one version of the code needs on a cluster.

    Attributes:
        id: 12 hex digits of the SHA-256 of `files`; equal code and pins, equal id.
        files: Content by its path inside the release (`orchard.layout.ReleaseFiles.key`).
        wheels: Paths of wheels and of `requirements.txt`, likewise.
    """

    id: str
    files: Mapping[str, bytes]
    wheels: Mapping[str, Path]


def build_release(root: Path, package: Path, cache: Path, *, engines: Iterable[str]) -> Release:
    """Assemble a release from the project.

    Args:
        root: The project's folder (`orchard.cache.project_dir`).
        package: The folder of the package `orchard`.
        cache: Where downloaded wheels are kept.
        engines: The engines whose node environments the release shall contain.

    Raises:
        EnvironmentNotReadyError: Wheels could not be downloaded.
    """
    files = {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for path in (
            *sorted((root / "spark_jobs").glob("*.py")),
            *(root / "bootstrap" / name for name in ("install.sh", "driver-pod.yaml")),
        )
    }
    files["orchard.zip"] = zip_package(package)
    for engine in ENGINES:
        pinned = requirements_file(root, engine)
        files[str(pinned.relative_to(root))] = pinned.read_bytes()
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    wheels = {
        f"wheelhouse/{engine}/{path.name}": path
        for engine in engines
        for path in sorted(gather_wheels(requirements_file(root, engine), cache).iterdir())
    }
    return Release(digest.hexdigest()[:_ID_DIGITS], files, wheels)


def zip_package(package: Path) -> bytes:
    """The package as a zip for `--py-files`, less what no node runs; equal sources give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(package.rglob("*")):
            inner = path.relative_to(package)
            if path.is_file() and inner.parts[0] not in _NOT_FOR_NODES and "__pycache__" not in inner.parts:
                entry = zipfile.ZipInfo(f"{package.name}/{inner.as_posix()}", _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()
