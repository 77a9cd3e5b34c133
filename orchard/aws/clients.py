"""One client a service for the life of a process, as making one takes longer than a small request.

Region and endpoint are the environment's.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3

from orchard.aws.sessions import client_config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_stepfunctions import SFNClient


@cache
def client(service: str) -> Any:  # noqa: ANN401 (whatever that service has)
    """The client of a service, by boto3's name for it."""
    session: Any = boto3
    return session.client(service, config=client_config())


@cache
def s3() -> S3Client:
    return boto3.client("s3", config=client_config())


@cache
def step_functions() -> SFNClient:
    return boto3.client("stepfunctions", config=client_config())


@cache
def sns() -> SNSClient:
    return boto3.client("sns", config=client_config())
