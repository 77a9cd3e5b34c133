"""Spoilt files by the thousand, in a process of its own, which may crash, hang or run out of memory.

`python -m tests.support.zips.fuzzing archives 1000000` for an evening; the tests take a few
hundred. What fails has its seed named.
"""

import argparse
import faulthandler
import io
import os
import random
import re
import resource
import subprocess
import sys
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable

from orchard.errors import ArchiveError
from tests.support.limited import limit_memory, peak_mb
from tests.support.paths import ROOT

SECONDS_A_CASE = 60
"""Longer than any case takes on any machine: one that takes so long hangs."""


def run_fuzzing(kind: str, cases: int) -> str:
    """Run so many cases in another process; more when the environment asks for them.

    Returns:
        What it printed: one line.
    """
    cases = int(os.environ.get("ORCHARD_FUZZ_CASES", cases))
    command = [sys.executable, "-m", "tests.support.zips.fuzzing", kind, str(cases)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def archive_case() -> Callable[[random.Random], str]:
    """A case: one spoilt zip; the answer says what became of it."""
    from tests.support.zips.mutations import forge_zip, spoil_bytes, spoil_zip
    from tests.support.zips.verdicts import judge
    from tests.support.zips.whole import CONTENTS, ENTRIES, WHOLE

    def case(rng: random.Random) -> str:
        whole = rng.choice(WHOLE)
        match rng.randrange(3):
            case 0:
                archive = spoil_bytes(whole, WHOLE, rng)
            case 1:
                archive = spoil_zip(whole, rng)
            case _:
                archive = forge_zip(ENTRIES, rng)
        try:
            verdict = judge(archive, target_bytes=rng.randint(1, 2000))
        except ArchiveError as error:
            return _checked_error(error)
        assert set(verdict.pictures.values()) <= set(CONTENTS.values())
        assert verdict.inventory.entries == _members_by_zipfile(archive, verdict.inventory.entries)
        return "read whole" if verdict.pictures == CONTENTS else "read in part"

    return case


def _checked_error(error: ArchiveError) -> str:
    assert error.headline
    assert error.next_command
    assert 0 < len(error.cause) < 400, error.cause
    return type(error).__name__


def _members_by_zipfile(archive: bytes, unless: int) -> int:
    """How many members Python finds, which may refuse what we read."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as other:
            return len(other.infolist())
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError):
        return unless


def picture_case() -> Callable[[random.Random], str]:
    """A case: one spoilt picture."""
    import numpy as np

    from orchard.features.pixels import UndecodableImageError, decode
    from tests.support.pictures.hostile import whole_pictures
    from tests.support.zips.mutations import mend_png, spoil_bytes

    pictures = whole_pictures()

    def case(rng: random.Random) -> str:
        content = spoil_bytes(rng.choice(pictures), pictures, rng)
        if content.startswith(b"\x89PNG") and rng.random() < 0.7:
            content = mend_png(content)
        try:
            pixels = decode(content, keep_truncated=rng.random() < 0.5)
        except UndecodableImageError as error:
            return _checked_reason(error.reason)
        assert (pixels.shape, pixels.dtype) == ((224, 224, 3), np.dtype(np.uint8))
        return "decoded"

    return case


def _checked_reason(reason: str) -> str:
    assert 0 < len(reason) < 200, reason
    assert reason.isprintable(), reason
    assert not re.search(r"\b0x[0-9a-f]{4,}", reason), reason  # a memory address: no two runs would say the same
    return re.sub(r"\d+", "N", reason)[:40]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["archives", "pictures"])
    parser.add_argument("cases", type=int)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    warnings.simplefilter("error")
    case = archive_case() if options.kind == "archives" else picture_case()
    limit_memory(256 if options.kind == "archives" else 700)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    outcomes: Counter[str] = Counter()
    for seed in range(options.first, options.first + options.cases):
        faulthandler.dump_traceback_later(SECONDS_A_CASE, exit=True)
        try:
            outcomes[case(random.Random(seed))] += 1  # noqa: S311 (not cryptography)
        except BaseException:
            print("seed", seed, flush=True)
            raise
    print(options.cases, "cases,", peak_mb(), "MB:", dict(outcomes.most_common()))


if __name__ == "__main__":
    faulthandler.enable()
    main()
