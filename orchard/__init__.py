"""A zip of images becomes features and principal components, on a Spark cluster that exists only while it works.

Importing this package costs nothing: AWS, Spark, ONNX Runtime and TensorFlow are imported by the parts that use them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchard.version import __version__

if TYPE_CHECKING:
    from os import PathLike

    from orchard.runs.similar.nearest import Similar

__all__ = ["__version__", "similar"]


def similar(
    run: str | PathLike[str], *, region: str | None = None, profile: str | None = None, stack: str = "orchard"
) -> Similar:
    """The images of a run, to be asked which of them are most like a picture; as the command `orchard similar` does.

        >>> fruits = orchard.similar("out/fruits")
        >>> [answer] = fruits.nearest("mine.jpg", neighbours=3)
        >>> answer.label, answer.share, [one.s3_path for one in answer.neighbours]

    It needs `pip install 'orchard[similar]'`. What it has read of a run is kept in the cache, and mapped into memory.

    Args:
        run: The folder of a run's results on this machine, or a run's id in AWS.
        region: An AWS region in the EU; None for that of the AWS CLI, or eu-west-1.
        profile: A profile of the AWS CLI.
        stack: The CloudFormation stack that has the run.

    Raises:
        UsageError: There is no such run.
        RunFailedError: It has no results.
        EnvironmentNotReadyError: The extra, the credentials or the stack are missing, or the run's model is.
    """
    from importlib import import_module
    from pathlib import Path

    # by their names: a Lambda function's package has all that its modules import, and each of them imports this one
    import_module("orchard.errors").require_extra("similar", "orchard.similar")
    settings = import_module("orchard.cli.settings").Settings(region=region, profile=profile, stack=stack)
    opened = import_module("orchard.cli.similar").opened
    with opened(settings, Path(run) if Path(run).is_dir() else str(run), lambda _: None) as (_, known):
        found: Similar = known
    return found
