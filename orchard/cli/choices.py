"""The options that `plan` and `run` have in common."""

from __future__ import annotations

from typing import Annotated

import typer

from orchard.cluster.serverless import COMPUTES
from orchard.cluster.sizing import SHAPES
from orchard.options import DEFAULT_MAX_REJECTED, ENGINES

Engine = Annotated[str, typer.Option("--engine", help=f"What computes the features: {' or '.join(ENGINES)}.")]
MaxRejected = Annotated[
    str,
    typer.Option(
        "--max-rejected",
        metavar="SHARE",
        help="Fail if more than this share of the images is rejected; 100% for never.",
    ),
]
MAX_REJECTED = f"{DEFAULT_MAX_REJECTED:.0%}"
Compute = Annotated[
    str, typer.Option("--compute", metavar="|".join(COMPUTES), help="What the stack's runs work on: its Compute.")
]
NodeSize = Annotated[
    str | None, typer.Option("--node-size", metavar="|".join(SHAPES), help="The size of the nodes that work.")
]
CoreNodes = Annotated[
    int | None, typer.Option("--core-nodes", metavar="N", help="Core nodes, On-Demand; 0 for the primary node alone.")
]
SpotNodes = Annotated[
    int | None, typer.Option("--spot-nodes", metavar="N", help="Task nodes beside the core nodes, as Spot instances.")
]
