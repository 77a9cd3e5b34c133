"""Ask whether a pinned package has a known vulnerability: `python -m security.audit .venv-scan/bin`, as `make audit`.

Not part of `make check`, which needs no network: the answer depends on the day, and not on the code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchard.errors import EnvironmentNotReadyError, OrchardError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"


def audit(tools: Path, requirements: Sequence[Path]) -> list[str]:
    """Ask the OSV database about every pin.

    Args:
        tools: The folder with `pip-audit`.
        requirements: Lock files.

    Returns:
        `name version: vulnerability, mended in …`; none if nothing is known.

    Raises:
        EnvironmentNotReadyError: The database did not answer, or not about all of them.
    """
    command = [str(tools / "pip-audit"), "--vulnerability-service", "osv", "--disable-pip", "--require-hashes"]
    command += ["--progress-spinner", "off", "--format", "json"]
    for file in requirements:
        command += ["--requirement", str(file)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    try:
        return known(json.loads(done.stdout))
    except (ValueError, LookupError) as error:
        said = (done.stderr.strip().splitlines() or [str(error)])[-1]
        raise EnvironmentNotReadyError(
            "The packages could not be audited", said, "make audit, where api.osv.dev can be reached"
        ) from error


def known(report: Mapping[str, Any]) -> list[str]:
    """Read pip-audit's report.

    Raises:
        ValueError: It audited nothing, or left some out.
        LookupError: It is no report.
    """
    packages = report["dependencies"]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped or not packages:
        raise ValueError(f"{len(skipped)} of {len(packages)} packages were left out: {', '.join(skipped[:5])}")
    return sorted(
        f"{package['name']} {package['version']}: {one['id']}, mended in {' '.join(one['fix_versions']) or 'none'}"
        for package in packages
        for one in package["vulns"]
    )


def main(tools: Path) -> int:
    """Audit all lock files and print what is known; 0 if nothing is, 1 if something is, 3 if nobody knows."""
    try:
        found = audit(tools, sorted(REQUIREMENTS.glob("*.txt")))
    except OrchardError as error:
        print(error.headline, error.cause, f"Next: {error.next_command}", sep="\n", file=sys.stderr)
        return error.exit_code
    print(*found or ["No package is known to be vulnerable."], sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
