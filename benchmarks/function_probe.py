"""What a function costs, told by a process that is the function's: `python function_probe.py import`, say.

It is run by Lambda's Python and with nothing but the function's package and the runtime's libraries on its path.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import time
import zipfile
from pathlib import Path
from typing import Any


def peak() -> int:
    """The most memory that this process has had, in bytes (proc(5), VmHWM)."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def ours(source: Any) -> int:  # noqa: ANN401
    """Inspect an archive as the function does, and find its content's id; how many images it has."""
    collection = importlib.import_module("orchard.archive.collection")
    found = collection.collect([source.uri], lambda *_: source)
    collection.archive_facts(found)
    return int(found.images)


def by_zipfile(source: Any) -> int:  # noqa: ANN401
    """Have Python's own module read the list of members; how many there are, none of them judged."""
    file = importlib.import_module("orchard.archive.sources.base").SourceFile(source)
    with zipfile.ZipFile(io.BufferedReader(file, 1 << 16)) as archive:
        return len(archive.infolist())


def main(what: str, archive: str = "") -> dict[str, float]:
    """Import the function, and let it look at an archive if there is one.

    Args:
        what: `import`, `inspect` or `zipfile`.
        archive: The zip's URI.

    Returns:
        `seconds` of what was asked for, the `peak` of memory in bytes, and the number of `members` seen.
    """
    began = time.perf_counter()
    importlib.import_module("app")
    if what == "import":
        return {"seconds": time.perf_counter() - began, "peak": peak(), "members": 0}
    find = importlib.import_module("orchard.archive.sources.open").open_source
    client = importlib.import_module("orchard.aws.clients").s3() if archive.startswith("s3:") else None
    began = time.perf_counter()
    members = {"inspect": ours, "zipfile": by_zipfile}[what](find(archive, s3_client=client))
    return {"seconds": time.perf_counter() - began, "peak": peak(), "members": members}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
