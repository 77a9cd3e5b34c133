"""What the three entry points share: the session, and how an error leaves the process."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from orchard.compute.jobs import origin_argument
from orchard.errors import ERROR_MARK, EnvironmentNotReadyError, OptionsError, OrchardError, UsageError
from orchard.options import DEFAULT_MAX_REJECTED, RunOptions, parse_share
from orchard.pipeline.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyspark.sql import SparkSession

_PYTHON = (3, 11)

_TAKEN = {
    "images": "the folder of an earlier run, whose pictures are used and not unzipped again",
    "features": "the folder of an earlier run, whose features are used and not computed again",
    "known": "the folder of an earlier run, whose features of the same pictures are copied",
    "components": "the folder of an earlier run, onto whose components the features are projected",
}


class JobParser(argparse.ArgumentParser):
    """A job's parser, whose complaints leave the process as every other error does."""

    def error(self, message: str) -> NoReturn:
        """Complain of the arguments.

        Raises:
            UsageError: Always.
        """
        self.print_usage(sys.stderr)
        raise UsageError(f"{self.prog} was called with wrong arguments", message, f"{self.prog} --help")


def run_job(
    parser: JobParser,
    work: Callable[[SparkSession, argparse.Namespace], None],
    arguments: Sequence[str] | None = None,
) -> int:
    """Parse the arguments, open a Spark session, do the work.

    Args:
        parser: The job's own arguments; its `prog` names the Spark application.
        arguments: Instead of the process's own.

    Returns:
        The exit code: 0, or that of the error, which was printed on stderr as one marked line of JSON.
    """
    try:
        options = parser.parse_args(arguments)
        spark = open_session(parser.prog)
        try:
            work(spark, options)
        finally:
            spark.stop()
    except OrchardError as error:
        fields = {"headline": error.headline, "cause": error.cause, "next": error.next_command}
        print(ERROR_MARK + json.dumps(fields), file=sys.stderr)
        return error.exit_code
    return 0


def add_max_rejected(parser: argparse.ArgumentParser) -> None:
    """Add `--max-rejected`, which two jobs take."""
    parser.add_argument(
        "--max-rejected",
        type=_checked("max_rejected", parse_share),
        default=DEFAULT_MAX_REJECTED,
        metavar="SHARE",
        help="fail if more than this share of the images is rejected, as 5%% or 0.05 (default: %(default)s)",
    )


def add_encoding(parser: argparse.ArgumentParser) -> None:
    """Add `--encoding`, which one takes."""
    told = "what names in the zip are that are not UTF-8, as shift_jis (default: cp437)"
    parser.add_argument("--encoding", type=_checked("encoding", str), metavar="NAME", help=told)


def add_subset(parser: argparse.ArgumentParser) -> None:
    """Add `--limit` and `--only-label`, which one takes."""
    told = "take N of the images, spread over classes and splits (default: all)"
    parser.add_argument("--limit", type=_checked("limit", int), metavar="N", help=told)
    told = "take the images of this label only; may be given several times"
    label = _checked("only_label", lambda text: [text])
    parser.add_argument("--only-label", type=label, action="extend", metavar="NAME", help=told)


def add_origin(parser: argparse.ArgumentParser, *taken: str) -> None:
    """Add the arguments that say where earlier results are.

    Args:
        taken: Which ones, by the names of `orchard.pipeline.origin.Origin`.
    """
    for name in taken:
        told = f"{_TAKEN[name]} (default: none)"
        parser.add_argument(origin_argument(name), default="", metavar="URI", help=told)


def origin_of(options: argparse.Namespace) -> Origin:
    """What the arguments that `add_origin` has added say."""
    given = {f"--{name.replace('_', '-')}": value for name, value in vars(options).items()}
    return Origin(**{name: given.get(origin_argument(name), "") for name in _TAKEN})


def _checked(option: str, parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """What makes of an argument a value that the option of this name may have."""

    def read(text: str) -> Any:  # noqa: ANN401 (the option's)
        try:
            return getattr(RunOptions(**{option: parse(text)}), option)
        except OptionsError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def open_session(name: str) -> SparkSession:
    """A Spark session; its settings come from the cluster.

    The driver's Python is checked here; PySpark itself refuses a worker's that is not the driver's
    (PYTHON_VERSION_MISMATCH).

    Raises:
        EnvironmentNotReadyError: This is not the Python that the jobs are made for.
    """
    if sys.version_info[:2] != _PYTHON:
        found = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise EnvironmentNotReadyError(
            f"This job runs on Python {_PYTHON[0]}.{_PYTHON[1]}",
            f"{sys.executable} is {found}; EMR 7.11.0 takes 3.9 unless spark-env exports PYSPARK_PYTHON",
            "export PYSPARK_PYTHON=<a python3.11 with requirements/dev.txt>",
        )
    from pyspark.sql import SparkSession

    # workers run what the driver runs, unless the cluster says otherwise: "python3" may be another Python
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return SparkSession.builder.appName(name).getOrCreate()
