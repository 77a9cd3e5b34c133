"""What `sam build` calls: assemble jobs, bootstrap, wheels and a model into the layer that a deployment publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchard.cli.output import ends_well, progress_console
from orchard.cli.run import exported_model
from orchard.options import ENGINES


@ends_well
def assemble(
    ctx: typer.Context,
    layer: Annotated[Path, typer.Argument(help="The layer's folder.")],
    weights: Annotated[
        str,
        typer.Option(
            envvar="WEIGHTS", metavar="imagenet|random|PATH", help="The weights of the network that runs use."
        ),
    ] = "imagenet",
) -> None:
    """Assemble jobs, bootstrap, wheels and a model."""
    from orchard import cache
    from orchard.errors import EnvironmentNotReadyError, UsageError, WeightsUnavailableError
    from orchard.release.assemble import assemble_bundle
    from orchard.release.bundle import IN_LAYER, MAX_LAYER_BYTES

    console = progress_console()
    try:
        model = exported_model(weights, console)
    except (UsageError, WeightsUnavailableError) as error:
        cause = f"{error.cause}. With sam build, write WEIGHTS=PATH in front of the command instead of --weights PATH"
        fix = error.next_command or "WEIGHTS=path/to/weights.h5 sam build"
        raise EnvironmentNotReadyError(error.headline, cause, fix) from error
    bundle = assemble_bundle(
        layer / IN_LAYER, cache.project_dir(), cache.package_dir(), cache.wheelhouse_dir(), model, engines=[ENGINES[0]]
    )
    size = sum(file.size for file in bundle.files.values())
    if size > MAX_LAYER_BYTES:
        raise EnvironmentNotReadyError(
            "The artefacts are too large for a layer", f"{size:,} bytes of {MAX_LAYER_BYTES:,}", "pin smaller wheels"
        )
    console.print(f"release {bundle.release} and model {bundle.model}: {size:,} bytes")


if __name__ == "__main__":
    typer.run(assemble)
