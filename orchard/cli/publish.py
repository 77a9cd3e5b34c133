"""`make publish`: send jobs, bootstrap, wheels and a model to a deployed stack, and make them the current ones."""

from __future__ import annotations

from typing import Annotated

import typer

from orchard.cli.run import exported_model
from orchard.cli.settings import Settings
from orchard.cli.telling import ends_well, progress_console
from orchard.options import ENGINES


@ends_well
def publish(
    ctx: typer.Context,
    weights: Annotated[
        str, typer.Option(metavar="imagenet|random|PATH", help="The weights of the network that runs use.")
    ] = "imagenet",
    stack: Annotated[str, typer.Option(envvar="ORCHARD_STACK", help="The CloudFormation stack.")] = Settings.stack,
    region: Annotated[str | None, typer.Option(help="An AWS region of the EU.")] = None,
    profile: Annotated[str | None, typer.Option(help="A profile of the AWS CLI.")] = None,
) -> None:
    """Send jobs, bootstrap, wheels and a model to a deployed stack, and make them the current ones."""
    from orchard import home
    from orchard.cli.places import in_aws
    from orchard.release import publish as release
    from orchard.release.build import build

    console = progress_console()
    model = exported_model(weights, console)
    with in_aws(Settings(region=region, profile=profile, stack=stack)) as place:
        built = build(home.project_dir(), home.wheelhouse_dir(), engines=ENGINES)
        bucket = place.stack.artefacts_bucket
        told = lambda key: console.print(f"s3://{bucket}/{key}", soft_wrap=True)  # noqa: E731
        model_id = release.publish(place.s3, bucket, built, model, told)
        console.print(f"Runs now use release {built.id} and model {model_id}.")


if __name__ == "__main__":
    typer.run(publish)
