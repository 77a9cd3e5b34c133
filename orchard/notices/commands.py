"""The commands that people are told to type next, as they work in the stack that a run belongs to."""

from __future__ import annotations

import re

from orchard.aws.stack import DEFAULT_STACK
from orchard.errors import command_line

# The names that template.yaml gives to its buckets: <stack>-<purpose>-<account>-<region>.
_BUCKET = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,127})-(?:input|results)-\d{12}-[a-z]{2}(?:-[a-z]{1,20}){1,3}-\d")


def command(bucket: str, *arguments: str) -> str:
    """A command of ours, with the stack's name where it is not the default one.

    Args:
        bucket: One of the stack's buckets for uploads or results; "" if none is known.
        arguments: The command's name and its arguments.

    Returns:
        What to type.
    """
    found = _BUCKET.fullmatch(bucket)
    options = ["--stack", found[1]] if found and found[1] != DEFAULT_STACK else []
    return command_line(["orchard", *options, *arguments])
