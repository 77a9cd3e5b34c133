"""Whether the local cloud is there that a terminal's variables lead to.

What `orchard local up` prints outlives it. Every request would then be refused, by nobody, and tried again for minutes.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import closing
from urllib.parse import urlsplit

from orchard.errors import EnvironmentNotReadyError, quoted

ENDPOINT = "AWS_ENDPOINT_URL"
VARIABLES = (
    ENDPOINT,
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
)
"""What leads an AWS client to a local cloud, and only there."""

KNOCK = "/orchard-local-cloud"
"""What is asked of a local cloud; no bucket is called so there."""

ANSWER = b"An Orchard local cloud.\n"

_PATIENCE = 2.0
"""Seconds for everything: a local cloud that is busy with Spark answers within some tenths of one."""

_LONGEST = 4096
_AWS = ("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws")


def check_endpoint() -> None:
    """Make sure that whoever `AWS_ENDPOINT_URL` names is a local cloud, or AWS. Without that variable it costs nothing.

    Raises:
        EnvironmentNotReadyError: It is neither.
    """
    address = os.environ.get(ENDPOINT, "")
    if not address:
        return
    host = urlsplit(address).hostname or ""
    if any(host == name or host.endswith(f".{name}") for name in _AWS):
        return
    if not (host == "localhost" or host.endswith(".localhost") or host.startswith("127.")):
        raise _stale(f"{address} is not a local cloud of Orchard", "one listens on this machine only, at 127.0.0.1")
    root = urlsplit(address)._replace(path="", query="", fragment="").geturl()
    if address.rstrip("/") != root:
        raise EnvironmentNotReadyError(
            f"{ENDPOINT} has more than a host and a port: {address}",
            "a local cloud would take the rest for the name of a bucket",
            f"export {ENDPOINT}={quoted(root)}",
        )
    try:
        answered = _knock(address)
    except ConnectionRefusedError as error:
        raise _stale(f"The local cloud at {address} has ended", "nothing listens there") from error
    except TimeoutError as error:
        cause = (
            f"nothing came within {_PATIENCE:.0f} seconds. A machine that has too much to do is one reason: try again"
        )
        raise _stale(f"The local cloud at {address} does not answer", cause) from error
    except (OSError, ValueError) as error:
        raise _stale(f"The local cloud at {address} does not answer", str(error)) from error
    if not answered:
        raise _stale(f"{address} is not a local cloud of Orchard", "another program answers there")


def _stale(headline: str, cause: str) -> EnvironmentNotReadyError:
    present = [name for name in VARIABLES if name in os.environ]
    return EnvironmentNotReadyError(
        headline,
        f"{cause}, and {ENDPOINT} of this terminal leads there. For a local cloud, type orchard local up in another"
        " terminal, and here what it prints; for AWS, unset these variables",
        f"unset {' '.join(present)}",
    )


def _knock(address: str) -> bool:
    """Whether a local cloud answers. No proxy is asked the way: it is on this machine."""
    parts = urlsplit(address)
    host = parts.hostname if parts.hostname and parts.hostname.startswith("127.") else "127.0.0.1"
    deadline = time.monotonic() + _PATIENCE
    said = b""
    with closing(socket.socket()) as connection:
        connection.settimeout(_PATIENCE)
        connection.connect((host, parts.port or 80))
        connection.sendall(f"GET {KNOCK} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        while ANSWER not in said and len(said) < _LONGEST:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            more = connection.recv(_LONGEST)
            if not more:
                break
            said += more
    return ANSWER in said
