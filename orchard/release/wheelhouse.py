"""The wheels from which a node installs its Python: gathered where an index is, for where there is none."""

from __future__ import annotations

import hashlib
import shutil
import sys
from typing import TYPE_CHECKING

from orchard.cache import lifeline
from orchard.cache.held import held_folder
from orchard.errors import EnvironmentNotReadyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
"""What glibc 2.34 of Amazon Linux 2023, the system of EMR 7.x, can load."""


def requirements_file(root: Path, environment: str) -> Path:
    """The pinned requirements of a node environment, by its engine's name, in the project's folder or a release's."""
    return root / "requirements" / f"node-{environment}.txt"


def gather_wheels(requirements: Path, cache: Path, *, pip: Sequence[str] = (sys.executable, "-m", "pip")) -> Path:
    """Download the wheels of a node environment, or find them where they were downloaded before.

    Args:
        requirements: The environment's pinned requirements, a file that `requirements_file` names.
        cache: Where wheelhouses are kept, one for each content of the requirements.
        pip: The command that downloads them; of any version of Python.

    Returns:
        A folder with the wheels and `requirements.txt`.

    Raises:
        EnvironmentNotReadyError: pip could not get them.
    """
    environment = requirements.stem.removeprefix("node-")
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    house = cache / f"{environment}-{digest}"
    if house.exists():
        return house
    with held_folder(cache) as folder:
        made = folder / "wheels"
        platforms = [part for platform in _PLATFORMS for part in ("--platform", platform)]
        command = [*pip, "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--no-cache-dir", "--require-hashes", "--python-version", "3.11", *platforms, "--dest", str(made)]
        result = lifeline.run([*command, "--requirement", str(requirements)])
        if result.returncode:
            raise EnvironmentNotReadyError(
                f"The wheels of the {environment} environment could not be downloaded",
                (result.stderr.strip().splitlines() or ["pip said nothing"])[-1],
                "check the network, then type the same command again",
            )
        shutil.copy(requirements, made / "requirements.txt")
        made.rename(house)
    return house
