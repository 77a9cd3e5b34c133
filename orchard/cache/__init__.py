"""Where Orchard keeps what it can make again: models, wheels, jars, node environments, runs to look in, local clouds.

Nothing in here is anybody's work: the whole folder may be deleted at any time, and the next command makes it anew.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from orchard.cache.held import LOCK, UNFINISHED, in_use, left_over
from orchard.cache.writable import why_unwritable
from orchard.errors import EnvironmentNotReadyError


def cache_dir() -> Path:
    """The folder of everything that can be made again; it need not exist yet.

    Returns:
        `$ORCHARD_HOME`, else `orchard` in `$XDG_CACHE_HOME`, else `~/.cache/orchard`
        (XDG Base Directory Specification: the variable counts only when it is absolute).
    """
    own = os.environ.get("ORCHARD_HOME")
    if own:
        return Path(own).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME", "")
    caches = Path(shared) if Path(shared).is_absolute() else Path.home() / ".cache"
    return caches / "orchard"


def check_cache() -> None:
    """Make sure that the folder can be written.

    Raises:
        EnvironmentNotReadyError: It cannot.
    """
    if reason := why_unwritable(cache_dir()):
        named = "ORCHARD_HOME, " if os.environ.get("ORCHARD_HOME") else ""
        raise EnvironmentNotReadyError(
            f"Nothing can be written to {named}{cache_dir()}",
            f"{reason}. Models, wheels and a local cloud's files are kept there",
            "export ORCHARD_HOME=/another/folder",
        )


def models_dir() -> Path:
    """Exported models, a folder each."""
    return cache_dir() / "models"


def wheelhouse_dir() -> Path:
    """Wheels for the nodes, a folder for each environment."""
    return cache_dir() / "wheelhouse"


def jars_dir() -> Path:
    """The jars that let a local Spark read `s3://`."""
    return cache_dir() / "jars"


def environments_dir() -> Path:
    """Node environments that the bootstrap script made on this machine."""
    return cache_dir() / "environments"


def local_dir() -> Path:
    """What the local cloud writes while it runs."""
    return cache_dir() / "local"


def similar_dir() -> Path:
    """What `orchard similar` looks for images in, a folder for each run."""
    return cache_dir() / "similar"


PACKED = "_project"
"""The folder of a wheel's package for what is beside the package in a clone (pyproject.toml, force-include)."""

PARTS = {
    "clouds": local_dir,
    "environments": environments_dir,
    "jars": jars_dir,
    "models": models_dir,
    "similar": similar_dir,
    "wheels": wheelhouse_dir,
}
"""What is kept, by the names under which a user knows it."""


CLOUD, LAYER = "cloud-", "layer-"
"""What the folders in `local_dir` begin with: a cloud's own files, and what it publishes."""

_CLOUDS_KEPT = 3
"""Clouds whose logs stay, for whoever wants to know what went wrong."""


def living_clouds() -> list[Path]:
    """The folders of the local clouds that run now."""
    return [folder for folder in sorted(local_dir().glob(f"{CLOUD}*")) if in_use(folder)]


def remove_left_over() -> None:
    """Remove what commands left behind that could not put it away, killed ones say. What is in use stays."""
    unfinished = [path for part in PARTS.values() for path in part().glob(f"{UNFINISHED}*")]
    for path in (*unfinished, *local_dir().glob(f"{LAYER}*")):
        if left_over(path):
            shutil.rmtree(path, ignore_errors=True)
    if not living_clouds():
        for path in environments_dir().glob("*"):  # only the nodes of a cloud make any
            if not any(path.glob(".complete-*")):
                shutil.rmtree(path, ignore_errors=True)
    forget_clouds(local_dir())


def forget_clouds(folder: Path) -> None:
    """Of clouds that have ended keep only the logs, and only those of the last few.

    Args:
        folder: Where clouds keep their files.
    """
    ended = sorted(path for path in folder.glob(f"{CLOUD}*") if left_over(path))
    for path in ended[:-_CLOUDS_KEPT]:
        shutil.rmtree(path, ignore_errors=True)
    for path in ended[-_CLOUDS_KEPT:]:
        keep_logs(path)


def keep_logs(cloud: Path) -> None:
    """Leave the logs of a cloud's functions and clusters, and nothing else of its folder."""
    for path in (*cloud.glob("*"), *cloud.glob("clusters/*/*")):
        if path.name not in (LOCK, "logs", "clusters"):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in cloud.glob("clusters/*"):
        if not any(path.iterdir()):  # it held what nodes share, their programs say
            path.rmdir()


def package_dir() -> Path:
    """The folder of this package, `orchard`."""
    return Path(__file__).resolve().parent.parent


def project_dir() -> Path:
    """The folder with the template, the functions, the jobs and the bootstrap script.

    Returns:
        The clone that holds this package; or in an installed wheel, what was packed into it from one.

    Raises:
        EnvironmentNotReadyError: They are in neither place.
    """
    package = package_dir()
    places = (package / PACKED, package.parent)
    found = next((folder for folder in places if (folder / "template.yaml").exists()), None)
    if found is None:
        raise EnvironmentNotReadyError(
            "This needs the whole project, not the package alone",
            f"there is no template.yaml in {' or '.join(map(str, places))}",
            "pip install --editable . (in a clone of the project)",
        )
    return found
