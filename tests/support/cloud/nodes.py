"""A node's Python environment as the bootstrap script would make it, from what is installed here."""

import venv
from pathlib import Path

import boto3


def write_environment(folder: Path) -> None:
    """Make one.

    Args:
        folder: Where. The project itself is not in it: a node has that from `--py-files` alone.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "here.pth").write_text(f"{Path(boto3.__file__).parents[1]}\n")
