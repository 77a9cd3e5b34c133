"""The Python environment of workers that no bootstrap script reaches: one archive, unpacked by Spark, made of wheels.

`spark.archives=<uri>#environment` has Spark unpack it into a worker's folder, where `./environment/bin/python` is the
interpreter. The archive holds no interpreter: its `bin/python` finds itself, wherever it is unpacked, and runs the
image's python3.11 with the wheels' packages before it. That keeps it independent of the system that makes it, a Lambda
function say; nothing here needs more than the standard library.
"""

from __future__ import annotations

import gzip
import io
import json
import shlex
import tarfile
import zipfile
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING

from orchard.compute.images import RELEASE_LABEL
from orchard.errors import ERROR_MARK

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PACKAGES = "lib/site-packages"
_LIBRARIES = ("purelib", "platlib")
"""What below `<name>.data/` belongs beside the packages (binary distribution format, PyPA specifications)."""

_FOUND = "FOUND"
_MISSING = {
    "headline": "There is no python3.11 here",
    "cause": f"the jobs run on Python 3.11, and this image has {_FOUND}",
    "next": f"sam deploy --parameter-overrides ServerlessReleaseLabel={RELEASE_LABEL} "
    f"EksReleaseLabel={RELEASE_LABEL}-latest",
}
_BEFORE, _AFTER = (ERROR_MARK + json.dumps(_MISSING)).split(_FOUND)

_PYTHON = f"""\
#!/bin/sh
# Runs the image's Python 3.11 with the packages beside this script, wherever they were unpacked.
here=$(cd "$(dirname "$0")/.." && pwd) || exit 1
if ! command -v python3.11 >/dev/null; then
  ask='import platform; print("Python", platform.python_version())'
  found=$(python3 -c "$ask" 2>/dev/null) || found="no other Python"
  echo {shlex.quote(_BEFORE)}"$found"{shlex.quote(_AFTER)} >&2
  exit 127
fi
PYTHONPATH=$here/{_PACKAGES}${{PYTHONPATH:+:$PYTHONPATH}}
export PYTHONPATH
exec python3.11 "$@"
"""


def pack_environment(wheels: Iterable[Path], target: Path) -> None:
    """Make the archive.

    Equal wheels give equal bytes: files are sorted, and have neither times nor owners.

    Args:
        wheels: `.whl` files, for the workers' Python and system. Their scripts and data files are left out; where two
            have the same file, that of the later name counts.
        target: The `.tar.gz` to write.

    Raises:
        OSError: A file cannot be read or written.
        zipfile.BadZipFile: A wheel is none.
    """
    with ExitStack() as exits:
        sources: dict[str, tuple[zipfile.ZipFile, zipfile.ZipInfo]] = {}
        for wheel in sorted(wheels, key=lambda path: path.name):
            archive = exits.enter_context(zipfile.ZipFile(wheel))
            for member in archive.infolist():
                place = _place(member.filename)
                if place is not None:
                    sources[f"{_PACKAGES}/{place}"] = archive, member
        # level 1: what is saved beyond it is less than the time that packing takes
        packed = exits.enter_context(target.open("wb"))
        squeezed = exits.enter_context(gzip.GzipFile("", "wb", 1, packed, mtime=0))
        tar = exits.enter_context(tarfile.open(fileobj=squeezed, mode="w|", format=tarfile.PAX_FORMAT))
        script = _PYTHON.encode()
        _add(tar, "bin/python", io.BytesIO(script), len(script), 0o755)
        for place in sorted(sources):
            archive, member = sources[place]
            with archive.open(member) as content:  # a library of TensorFlow's has a gigabyte: never a whole file
                _add(tar, place, content, member.file_size, 0o644)


def _place(member: str) -> str | None:
    """Where a wheel's file belongs below the packages; None for folders, scripts and data files."""
    if member.endswith("/"):
        return None
    first, _, rest = member.partition("/")
    if not first.endswith(".data"):
        return member
    kind, _, inner = rest.partition("/")
    return inner if kind in _LIBRARIES else None


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, mode
    tar.addfile(entry, content)
