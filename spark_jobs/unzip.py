"""Unzip an archive of images into packed Parquet: `spark-submit spark_jobs/unzip.py --archive URI --run URI`."""

import argparse
import sys

from pyspark.sql import SparkSession

from orchard.jobs.entry import JobParser, add_encoding, add_max_rejected, add_subset, run_job
from orchard.jobs.unzip import unzip
from orchard.layout import RunFiles


def _parser() -> JobParser:
    parser = JobParser(prog="orchard-unzip", description=__doc__)
    parser.add_argument("--archive", required=True, metavar="URI", help="the zip: s3://, file:// or a path")
    parser.add_argument("--run", required=True, metavar="URI", help="the folder that holds the run's files")
    parser.add_argument(
        "--version-id", metavar="ID", help="read this version of the S3 object, even if there is a newer one"
    )
    parser.add_argument("--etag", metavar="ETAG", help="refuse the S3 object if its ETag differs")
    add_encoding(parser)
    add_subset(parser)
    add_max_rejected(parser)
    return parser


def _work(spark: SparkSession, options: argparse.Namespace) -> None:
    record = unzip(
        spark,
        options.archive,
        RunFiles(options.run),
        version_id=options.version_id,
        etag=options.etag,
        encoding=options.encoding,
        limit=options.limit,
        only_label=options.only_label,
        max_rejected=options.max_rejected,
    )
    print(f"unzip: {record.counts}")


if __name__ == "__main__":
    sys.exit(run_job(_parser(), _work))
