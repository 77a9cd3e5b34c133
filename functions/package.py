"""Make one function's package: its app.py, the modules of `orchard` that it can reach, and the pinned libraries.

    python functions/package.py start_pipeline <folder>

A library that Lambda's runtime brings along is left out: two botocores in one process would be one too many. All have
the libraries of requirements/lambda.txt; what one function needs beside them is in the lock file of its name.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from io import BytesIO
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RUNTIME = "3.13"
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux2014_x86_64")
"""What Lambda's Amazon Linux 2023 (glibc 2.34) on x86_64 can load; the template names runtime and architecture."""

IN_RUNTIME = frozenset({"boto3", "botocore", "python-dateutil", "s3transfer", "six", "urllib3"})
"""boto3 and what it stands on."""


class _Finder(ModuleFinder):
    """Finds what a program imports when it runs, and not what only a type checker reads."""

    def load_module(self, fqname: str, fp: Any, pathname: str, file_info: tuple[str, str, str]) -> Any:  # noqa: ANN401
        source = BytesIO(fp.read().replace(b"if TYPE_CHECKING:", b"if False:")) if fp else None
        return super().load_module(fqname, source, pathname, file_info)  # type: ignore[arg-type]


def reachable_modules(app: Path) -> list[Path]:
    """Find the modules of `orchard` that a program imports, directly or not, at once or later.

    Returns:
        Their files, relative to the repository's root.
    """
    finder = _Finder(path=[str(ROOT)])
    finder.run_script(str(app))
    files = [
        Path(vars(module)["__file__"]) for name, module in finder.modules.items() if re.match(r"orchard(\.|$)", name)
    ]
    return sorted(file.relative_to(ROOT) for file in files)


def pinned_libraries(requirements: str) -> str:
    """Drop from a lock file what the runtime brings along.

    Args:
        requirements: The lock file's text: a pin a line, its hashes indented below it.

    Returns:
        The same, without the pins of `IN_RUNTIME`.
    """
    pins = re.split(r"^(?=\S)", requirements, flags=re.MULTILINE)
    return "".join(pin for pin in pins if pin.partition("==")[0] not in IN_RUNTIME)


def install(requirements: str, target: Path) -> None:
    """Install a lock file's wheels for Lambda, whatever Python and machine this is."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        command += ["--no-deps", "--require-hashes", "--only-binary=:all:", f"--python-version={RUNTIME}"]
        command += [f"--platform={platform}" for platform in PLATFORMS]
        subprocess.run([*command, f"--target={target}", f"--requirement={file.name}"], check=True)


def main(function: str, target: Path) -> None:
    """Fill a folder with a function's package."""
    app = ROOT / "functions" / function / "app.py"
    locks = [ROOT / "requirements" / name for name in ("lambda.txt", f"lambda-{function}.txt")]
    libraries = "".join(lock.read_text(encoding="utf-8") for lock in locks if lock.exists())
    install(pinned_libraries(libraries), target)
    for tests in [*target.glob("numpy/**/tests")]:
        shutil.rmtree(tests)
    for module in reachable_modules(app):
        (target / module).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / module, target / module)
    shutil.copyfile(app, target / "app.py")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
