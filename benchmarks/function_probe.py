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


class Ranges(io.RawIOBase):
    """A ranged source as a file that can be read from anywhere."""

    def __init__(self, source: Any) -> None:  # noqa: ANN401 (of a package that is only here at run time)
        self._source = source
        self._place = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._source.size}[whence]
        return self._place

    def tell(self) -> int:
        """The place."""
        return self._place

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (any writable buffer)
        """Read one range, as long as the buffer if there is as much."""
        content = self._source.read(self._place, max(0, min(len(buffer), self._source.size - self._place)))
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)


def ours(source: Any) -> int:  # noqa: ANN401
    """Inspect an archive as the function does; how many images it has."""
    return len(importlib.import_module("orchard.archive.checks").inspect(source).images)


def by_zipfile(source: Any) -> int:  # noqa: ANN401
    """Have Python's own module read the list of members; how many there are, none of them judged."""
    with zipfile.ZipFile(io.BufferedReader(Ranges(source), 1 << 16)) as archive:
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
    find = importlib.import_module("orchard.archive.source").open_source
    client = importlib.import_module("orchard.clients").s3() if archive.startswith("s3:") else None
    began = time.perf_counter()
    members = {"inspect": ours, "zipfile": by_zipfile}[what](find(archive, s3_client=client))
    return {"seconds": time.perf_counter() - began, "peak": peak(), "members": members}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])))
