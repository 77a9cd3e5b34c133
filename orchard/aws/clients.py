"""One client a service for the life of a process, as making one takes longer than a small request.

Region and endpoint are the environment's.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3

from orchard.aws.sessions import client_config

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_stepfunctions import SFNClient


@cache
def s3() -> S3Client:
    return boto3.client("s3", config=client_config())


@cache
def emr() -> EMRClient:
    return boto3.client("emr", config=client_config())


@cache
def emr_serverless() -> EMRServerlessClient:
    return boto3.client("emr-serverless", config=client_config())


@cache
def step_functions() -> SFNClient:
    return boto3.client("stepfunctions", config=client_config())


@cache
def sns() -> SNSClient:
    return boto3.client("sns", config=client_config())
