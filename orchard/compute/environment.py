"""What the Python and the Java processes of a run are told, on clusters and on EMR Serverless alike.

A node tells a program neither its region nor its language, and answers for its credentials when it has time to.
"""

from __future__ import annotations


def process_variables(region: str) -> dict[str, str]:
    """The environment of the driver, of each executor and of the bootstrap action.

    Args:
        region: The stack's.

    Returns:
        Values by name.
    """
    return {
        # boto3 asks nothing else: without it, it signs for us-east-1, to which a gateway for S3 is no way
        "AWS_DEFAULT_REGION": region,
        # of the metadata service, which many workers ask at once: botocore asks once, and waits a second
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "5",
        "AWS_METADATA_SERVICE_TIMEOUT": "5",
        # a JVM that is told none takes arguments for ASCII, and a zip may have any name
        "LANG": "C.UTF-8",
    }


def s3a_settings(region: str) -> dict[str, str]:
    """What S3A is told, as Spark properties.

    Args:
        region: The stack's. S3A would ask us-east-2 where the bucket is, or take the region for that of the node
            (HADOOP-18908, HADOOP-19044).
    """
    return {"spark.hadoop.fs.s3a.endpoint.region": region}
