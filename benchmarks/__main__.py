"""The command line: `python -m benchmarks [NAME ...] [--quick]`."""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
from pathlib import Path

from benchmarks.data import Data
from benchmarks.isolated import ROOT
from benchmarks.machine import machine
from benchmarks.page import fill

NAMES = ("featurize", "pca", "unzip", "growth", "pipeline", "end_to_end", "startup", "functions", "costs")
_COMPUTED = ("costs",)
"""What no machine has a part in."""


_PAGE = ROOT / "docs" / "benchmarks.md"
_QUICK_PAGE = ROOT / "out" / "benchmarks.md"


def main(arguments: list[str] | None = None) -> int:
    """Measure, and write the tables into the page as each becomes known.

    Returns:
        The exit code: 0.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(NAMES)} (default: all)")
    parser.add_argument("--zip", type=Path, help="measure on the images of this zip (default: drawn ones)")
    parser.add_argument("--weights", default="random", help="as of `orchard run` (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="small, in minutes; leaves docs/benchmarks.md alone")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in NAMES]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    data = Data(options.zip, options.weights)
    page = _PAGE
    if options.quick:
        page = _QUICK_PAGE
        page.parent.mkdir(exist_ok=True)
        shutil.copy(_PAGE, page)
    for name in options.names or NAMES:
        print(f"{name}:", file=sys.stderr, flush=True)
        tables = importlib.import_module(f"benchmarks.{name}").measure(data, quick=options.quick)
        shown = tables if name in _COMPUTED else [*tables, machine()]
        filled = "\n\n".join(table.to_markdown() for table in shown)
        print(filled, flush=True)
        page.write_text(fill(page.read_text("utf-8"), name, filled), "utf-8")
    print(f"The tables are in {page.relative_to(ROOT)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
