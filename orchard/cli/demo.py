"""`make demo`: draw a small zip of fruit, and run the whole pipeline on it in the local cloud.

Only here may random weights stand in for the real ones, since a demonstration must work on a machine that cannot
download any; the terminal, `summary.json` and the report then all say so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchard.cli.output import ends_well, progress_console
from orchard.cli.run import run_sources
from orchard.errors import WeightsUnavailableError
from orchard.options import RunOptions


@ends_well
def demo(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="The folder for the results.")] = Path("out/demo"),
) -> None:
    """Draw a small zip of fruit, and run the whole pipeline on it in the local cloud."""
    from orchard.demo.fruit import draw_zip
    from orchard.runs.folder import check_folder

    check_folder(out)
    archive = draw_zip(out.with_name(f"{out.name}.zip"))
    run_sources([archive], RunOptions(), local=True, weights=_weights(), out=out)


def _weights() -> str:
    from orchard.features.weights import IMAGENET, RANDOM, resolve_weights

    try:
        resolve_weights(IMAGENET)
    except WeightsUnavailableError as error:
        progress_console().print(f"{error.headline}: the demonstration goes on with random ones.", soft_wrap=True)
        return RANDOM
    return IMAGENET


if __name__ == "__main__":
    typer.run(demo)
