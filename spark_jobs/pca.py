"""Fit and apply principal components, and write the report: `spark-submit spark_jobs/pca.py --run URI`."""

import argparse
import sys

from pyspark.sql import SparkSession

from orchard.errors import OptionsError
from orchard.jobs.entry import JobParser, add_origin, origin_of, run_job
from orchard.jobs.pca import pca
from orchard.layout import RunFiles
from orchard.options import DEFAULT_VARIANCE, RunOptions


def _parser() -> JobParser:
    parser = JobParser(prog="orchard-pca", description=__doc__)
    parser.add_argument("--run", required=True, metavar="URI", help="the folder that holds the run's files")
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument("--components", type=int, metavar="K", help="keep K components")
    kept.add_argument(
        "--variance",
        type=float,
        metavar="V",
        help=f"keep the fewest components that explain this share of the variance (default: {DEFAULT_VARIANCE})",
    )
    parser.add_argument("--fit-split", metavar="S", help="fit on one split only, such as Training; all are projected")
    add_origin(parser, "images", "features", "components")
    return parser


def _work(spark: SparkSession, options: argparse.Namespace) -> None:
    origin = origin_of(options)
    if origin.components and (options.components, options.variance, options.fit_split) != (None, None, None):
        cause = "what is kept, and of what, was decided by that run: leave out --components, --variance and --fit-split"
        raise OptionsError("--components-of takes the components as they are", cause, "orchard run --help")
    chosen = RunOptions(components=options.components, variance=options.variance, fit_split=options.fit_split)
    record = pca(spark, RunFiles(options.run), chosen, origin)
    print(f"pca: {record.counts} in {record.seconds} s")


if __name__ == "__main__":
    sys.exit(run_job(_parser(), _work))
