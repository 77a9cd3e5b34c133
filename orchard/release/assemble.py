"""Assemble a bundle: a release, the wheels of its engines, and a model, each file under its key."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from orchard.features.model import MANIFEST
from orchard.layout import ReleaseFiles, model_prefix
from orchard.release.build import build_release
from orchard.release.bundle import Bundle, described

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from orchard.features.model import ModelFolder


def assemble_bundle(
    target: Path, root: Path, package: Path, cache: Path, model: ModelFolder | None, *, engines: Iterable[str]
) -> Bundle:
    """Put everything that a deployment publishes into a folder.

    Args:
        target: The folder; what it held is gone.
        root: The project's folder (`orchard.cache.project_dir`).
        package: The folder of the package `orchard`.
        cache: Where downloaded wheels are kept.
        model: The model that runs use unless they name another; None where no run computes features.

    Raises:
        EnvironmentNotReadyError: Wheels could not be downloaded.
    """
    engines = tuple(engines)
    release = build_release(root, package, cache, engines=engines)
    names = ReleaseFiles("any-bucket", release.id)
    shutil.rmtree(target, ignore_errors=True)
    for name, content in release.files.items():
        path = target / names.key(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name, wheel in release.wheels.items():
        _put(wheel, target / names.key(name))
    if model is not None:
        prefix = model_prefix(model.manifest.id)
        for name in (*model.manifest.files, MANIFEST):
            _put(model.path / name, target / prefix / name)
    files = {str(path.relative_to(target)): described(path) for path in sorted(target.rglob("*")) if path.is_file()}
    bundle = Bundle(release.id, "" if model is None else model.manifest.id, engines, files)
    bundle.save(target)
    return bundle


def _put(source: Path, target: Path) -> None:
    """Link a file from the cache, which never changes one, or copy it from another disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
