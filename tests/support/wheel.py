"""The wheel, as whoever installs it has it: nothing of this clone beside it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.stack.template import ROOT

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def build(folder: Path) -> Path:
    """Build the wheel.

    Args:
        folder: Where to put it.
    """
    command = [*_PIP, "wheel", "--quiet", "--no-deps", "--no-build-isolation", f"--wheel-dir={folder}", str(ROOT)]
    subprocess.run(command, check=True)
    [wheel] = folder.glob("*.whl")
    return wheel


def pins(names: Iterable[str], extra: str = "") -> str:
    """The part of requirements/dev.txt that packages need, and what these need, with its hashes.

    Args:
        names: As a wheel has them in its metadata.
        extra: What is asked for beside.
    """
    extras = [{"extra": one} for one in ("", extra)]
    locked = re.split(r"^(?=\S)", (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: dict[str, str] = {}
    waiting = [Requirement(name) for name in names]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        if name in found or (one.marker is not None and not any(map(one.marker.evaluate, extras))):
            continue
        [found[name]] = [pin for pin in locked if pin.partition("==")[0] == name]
        waiting += [Requirement(line) for line in requires(name) or ()]
    return "".join(found.values())


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel and what it asks for, and nothing else.

    Attributes:
        folder: The environment.
    """

    folder: Path

    @classmethod
    def below(cls, folder: Path, wheel: Path, extra: str = "") -> Installed:
        """Install a wheel, with an extra or none, at the versions that are pinned for this clone."""
        with zipfile.ZipFile(wheel) as archive:
            [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            lines = archive.read(metadata).decode().splitlines()
        asked = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
        venv.create(folder / "env", symlinks=True, with_pip=False)
        (folder / "pins.txt").write_text(pins(asked, extra), encoding="utf-8")
        pip = [*_PIP, "--python", str(folder / "env" / "bin" / "python"), "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--require-hashes", "--requirement", str(folder / "pins.txt")], check=True)
        subprocess.run([*pip, str(wheel)], check=True)
        return cls(folder / "env")

    def run(self, *arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the command.

        Args:
            arguments: Its own.
            cwd: Where.
            variables: Variables beside the few that this process has in any case.
        """
        command = [str(self.folder / "bin" / "orchard"), *arguments]
        return subprocess.run(command, cwd=cwd, env=bare(variables), capture_output=True, encoding="utf-8", check=False)


def bare(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of a terminal that nobody has set anything in, and these."""
    return {**{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}, **variables}
