"""Who was denied what: read off the messages with which IAM, S3, S3A and the AWS CLI refuse."""

from __future__ import annotations

import re

# "User: arn:aws:sts::123456789012:assumed-role/ROLE/SESSION is not authorized to perform: s3:GetObject on resource:
# \"arn:…\" because …" is how IAM tells it, whichever client prints it; S3 itself often says less.
_WHO = re.compile(r"\buser: ?\"?(arn:[\w:/.@+=,-]{1,400})", re.IGNORECASE)
_ROLE = re.compile(r"(?:assumed-role|role)/(?:[\w+=,.@-]{1,64}/){0,4}?([\w+=,.@-]{1,64})(?:/[^/]{1,200})?$")
_ACTION = re.compile(r"not authorized to perform:? ?([\w-]{1,60}:\w{1,80})", re.IGNORECASE)
_ON = re.compile(r"\bon resource:? ?\"?(arn:[^\s\"]{1,1024}|[^\s\"]{1,300})", re.IGNORECASE)
_OPERATION = re.compile(r"when calling the (\w{1,80}) operation", re.IGNORECASE)
_OBJECT = re.compile(r"\b(s3[an]?://[^\s:\"']{1,1024})")


def denial(text: str) -> str:
    """Tell who may not do what with what.

    Args:
        text: A message that a permission is missing.

    Returns:
        A clause such as `the role orchard-node may not s3:GetObject on arn:…`; "" if the message says none of it.
    """
    action, operation = _ACTION.search(text), _OPERATION.search(text)
    what = action[1] if action else operation[1] if operation else ""
    on, at = _ON.search(text), _OBJECT.search(text)
    where = (on[1] if on else at[1] if at else "").rstrip(".,;")
    if not what and not where:
        return ""
    return f"{_subject(text)} may not {what or 'reach it'}" + (f" on {where}" if where else "")


def _subject(text: str) -> str:
    who = _WHO.search(text)
    if who is None:
        return "the role of that process"
    arn = who[1].rstrip(".,:")
    role = _ROLE.search(arn)
    if ":assumed-role/" in arn:
        parts = arn.split(":assumed-role/", 1)[1].split("/")
        return f"the role {parts[0]}"
    return f"the role {role[1]}" if role else arn
