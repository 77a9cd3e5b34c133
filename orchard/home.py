"""Where Orchard keeps what it can make again: models, wheels, jars, node environments, the local cloud's files.

Nothing in here is anybody's work: the whole folder may be deleted at any time, and the next command makes it anew.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

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


def cloud_runs(folder: Path) -> bool:
    """Whether the local cloud that writes to this folder of `local_dir` still runs."""
    with suppress(OSError, ValueError):
        os.kill(int((folder / "pid").read_text(encoding="utf-8")), 0)
        return True
    return False


PARTS = {
    "clouds": local_dir,
    "environments": environments_dir,
    "jars": jars_dir,
    "models": models_dir,
    "wheels": wheelhouse_dir,
}
"""What is kept, by the names under which a user knows it."""


def project_dir() -> Path:
    """The project's folder, with the template, the jobs and the bootstrap script.

    Returns:
        The folder that holds this package.

    Raises:
        EnvironmentNotReadyError: The package was installed without its project.
    """
    folder = Path(__file__).resolve().parents[1]
    if not (folder / "template.yaml").exists():
        raise EnvironmentNotReadyError(
            "This needs the whole project, not the package alone",
            f"there is no template.yaml in {folder}",
            "pip install --editable . (in a clone of the project)",
        )
    return folder
