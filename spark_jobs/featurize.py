"""Compute the features of a run's images: `spark-submit spark_jobs/featurize.py --run URI --model PATH`."""

import argparse
import sys

from pyspark.sql import SparkSession

from orchard.jobs.entry import JobParser, add_max_rejected, add_origin, origin_of, run_job
from orchard.jobs.featurize import featurize
from orchard.layout import RunFiles
from orchard.options import ENGINES, REJECT, TRUNCATED


def _parser() -> JobParser:
    parser = JobParser(prog="orchard-featurize", description=__doc__)
    parser.add_argument("--run", required=True, metavar="URI", help="the folder that holds the run's files")
    parser.add_argument(
        "--model", required=True, metavar="PATH", help="the folder of an exported model: s3://, file:// or a path"
    )
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="what computes (default: %(default)s)")
    parser.add_argument(
        "--truncated", choices=TRUNCATED, default=REJECT, help="pictures that are cut short (default: %(default)s)"
    )
    add_max_rejected(parser)
    add_origin(parser, "images", "known")
    return parser


def _work(spark: SparkSession, options: argparse.Namespace) -> None:
    record = featurize(
        spark,
        RunFiles(options.run),
        options.model,
        options.engine,
        max_rejected=options.max_rejected,
        truncated=options.truncated,
        origin=origin_of(options),
    )
    print(f"featurize: {record.counts} in {record.seconds} s")


if __name__ == "__main__":
    sys.exit(run_job(_parser(), _work))
