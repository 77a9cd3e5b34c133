"""How most people get a zip of images into Spark: unpack it, one object an image, read the prefix as `binaryFile`."""

from __future__ import annotations

import shutil
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from orchard.jobs.entry import open_session
from orchard.layout import ObjectAddress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_AT_ONCE = 10
"""Requests under way, as of `aws s3 sync` (AWS CLI topic "s3-config", max_concurrent_requests)."""


def unzip(archive: str, base: str) -> dict[str, float]:
    """Download, extract, upload each image, and have Spark read them.

    The clock starts when the session is up and stops when Spark has every image's bytes in a row. The archive is read
    in parts and ten at once, as the CLI does it; so are images uploaded, without the CLI's walk through both sides.

    Args:
        archive: The zip's `s3://` URI.
        base: The `s3://` URI to put the images under.

    Returns:
        `seconds`, and the number of `images` and of their `bytes` that Spark has read.
    """
    spark = open_session("student")
    began = time.monotonic()
    client = _client()
    folder = Path(tempfile.mkdtemp(prefix="student-"))
    try:
        source, target = ObjectAddress.parse(archive), ObjectAddress.parse(base)
        client.download_file(source.bucket, source.key, str(folder / "archive.zip"))
        with zipfile.ZipFile(folder / "archive.zip") as opened:
            opened.extractall(folder / "images")
        files = [file for file in (folder / "images").rglob("*") if file.is_file()]

        def put(file: Path) -> None:
            key = f"{target.key}/{file.relative_to(folder / 'images')}"
            client.put_object(Bucket=target.bucket, Key=key, Body=file.read_bytes())

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(put, files))
        read = (
            spark.read.format("binaryFile")
            .option("recursiveFileLookup", "true")
            .option("pathGlobFilter", "*.jpg")
            .load(base)
            .selectExpr("count(*)", "sum(length(content))")
            .collect()[0]
        )
        seconds = time.monotonic() - began
    finally:
        shutil.rmtree(folder)
        spark.stop()
    return {"seconds": seconds, "images": read[0], "bytes": read[1]}


def _client() -> S3Client:
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(max_pool_connections=_AT_ONCE))
