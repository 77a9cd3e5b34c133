"""What an instance asks at 169.254.169.254: here, at a path of the local cloud that names the instance's role.

Only the second version ("Use IMDSv2", Amazon EC2 User Guide), as the template's security configuration demands of
nodes, and of it only the role's credentials: who wants to know where he is has to have been told.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from orchard.local.iam.roles import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_PLACE = "/_instance/"
"""No bucket has such a name."""

_TOKEN = uuid.uuid4().hex
_CREDENTIALS = "latest/meta-data/iam/security-credentials/"
_LIFETIME = timedelta(hours=6)


def metadata_endpoint(address: str, key: str) -> str:
    """Where a process asks that stands for one of an instance.

    Args:
        key: The id of the key of the instance's role.
    """
    return f"{address}{_PLACE}{key}/"


def with_instance_metadata(application: WSGIApplication) -> WSGIApplication:
    """Answer instances."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(_PLACE):
            return application(environ, start_response)
        key, _, asked = path.removeprefix(_PLACE).partition("/")
        token = environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN")
        status, body = _answer(environ["REQUEST_METHOD"], key, asked, token)
        start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    return answer


def _answer(method: str, key: str, asked: str, token: str | None) -> tuple[str, bytes]:
    if (method, asked) == ("PUT", "latest/api/token"):
        return "200 OK", _TOKEN.encode()
    if token != _TOKEN:
        return "401 Unauthorized", b""
    if asked == _CREDENTIALS:
        return "200 OK", key.encode()
    if asked == _CREDENTIALS + key:
        return "200 OK", json.dumps(_credentials(key)).encode()
    return "404 Not Found", b""


def _credentials(key: str) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "Code": "Success",
        "LastUpdated": _stamp(now),
        "Type": "AWS-HMAC",
        "AccessKeyId": key,
        "SecretAccessKey": SECRET,
        "Token": "local",
        "Expiration": _stamp(now + _LIFETIME),
    }


def _stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
