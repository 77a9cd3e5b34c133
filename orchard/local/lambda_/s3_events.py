"""S3 events as AWS sends them, by a bucket's notifications and on EventBridge, delivered when the object is there.

Written for moto 5.2.5, where `moto.s3.notifications` sends an event from inside PutObject: before the object has its
user metadata, to a function in Docker, with every exception swallowed, and with an incomplete body. Replaced are
`S3Response.get_bucket_notification`, which keeps to itself that a bucket tells EventBridge, and of the notifications
`_get_s3_event` (the body), `_invoke_awslambda` (the delivery) and `_send_event_bridge_message` (both, for EventBridge).
As before, moto sends two events for a multipart upload (Put, then CompleteMultipartUpload; AWS sends the second one
only). Both name the same version and the same sequencer, so that they have to collapse like any event that is delivered
twice.
"""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from orchard.local.lambda_.bridge_events import event_about, send_to_rules
from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchard.local.lambda_.functions import Functions

LOG = logging.getLogger(__name__)
_XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


@contextmanager
def delivered_events(functions: Functions, *, duplicates: bool = False) -> Iterator[None]:
    """Deliver the events of buckets to functions.

    Args:
        duplicates: Deliver each event twice: AWS promises at least once, not once.
    """
    import flask
    from moto.awslambda.utils import get_backend
    from moto.s3 import notifications
    from moto.s3.responses import S3Response

    configuration = S3Response.get_bucket_notification

    def deliver(account_id: str, event_body: Any, fn_arn: str, region_name: str) -> None:
        try:
            function = get_backend(account_id, region_name).get_function(fn_arn)
        except Exception:
            LOG.exception("An event of S3 is lost: there is no function %s", fn_arn)
            return
        body = json.dumps(event_body).encode()
        send(lambda: functions.invoke_later(function, body))

    def tell(_account_id: str, bucket: Any, event_name: str, key: Any) -> None:
        if event_name.startswith("s3:ObjectCreated:"):
            event = bridge_event(event_name, bucket, key)
            send(lambda: send_to_rules(event))

    def send(message: Callable[[], None]) -> None:
        def deliver_now(response: Any = None) -> Any:
            for _ in range(2 if duplicates else 1):
                message()
            return response

        if flask.has_request_context():
            flask.after_this_request(deliver_now)  # moto sends the event before the object has its metadata and tags
        else:
            deliver_now()

    def whole_configuration(self: Any) -> Any:
        status, headers, body = configuration(self)
        found = self.backend.get_bucket_notification_configuration(self.bucket_name)
        if found is not None and found.event_bridge is not None:
            inside = (body.decode() if isinstance(body, bytes) else body).rpartition("</")[
                0
            ] or f'<NotificationConfiguration xmlns="{_XMLNS}">'
            body = f"{inside}<EventBridgeConfiguration/></NotificationConfiguration>"
        return status, headers, body

    with (
        replaced(notifications, _get_s3_event=event_body, _invoke_awslambda=deliver, _send_event_bridge_message=tell),
        replaced(S3Response, get_bucket_notification=whole_configuration),
    ):
        yield


def bridge_event(event_name: str, bucket: Any, key: Any) -> dict[str, Any]:
    """The event "Object Created" of EventBridge (S3 user guide, "EventBridge event message structure").

    Args:
        event_name: `s3:ObjectCreated:Put`, say.

    Returns:
        The event; its key is not encoded.
    """
    stored: dict[str, Any] = {
        "key": key.name,
        "size": key.size,
        "etag": key.etag.strip('"'),
        "sequencer": sequencer(key.last_modified),
    }
    if bucket.is_versioned:
        stored["version-id"] = key.version_id
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": stored,
        "request-id": "LOCAL",
        "requester": bucket.account_id,
        "source-ip-address": "127.0.0.1",
        "reason": _REASONS.get(event_name.rpartition(":")[2], "PutObject"),
    }
    return event_about(bucket, bucket.arn, "aws.s3", "Object Created", detail)


_REASONS = {"CompleteMultipartUpload": "CompleteMultipartUpload", "Copy": "CopyObject", "Post": "POST Object"}


def event_body(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
    """The body of an event (S3 user guide, "Event message structure").

    Args:
        event_name: `s3:ObjectCreated:Put`, say.
    """
    stored: dict[str, Any] = {
        "key": quote_plus(key.name, safe="/"),
        "size": key.size,
        "eTag": key.etag.strip('"'),
        "sequencer": sequencer(key.last_modified),
    }
    if bucket.is_versioned:
        stored["versionId"] = key.version_id
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region_name,
        "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventName": event_name.removeprefix("s3:"),
        "userIdentity": {"principalId": "AWS:LOCAL"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "LOCAL", "x-amz-id-2": "LOCAL"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": notification_id,
            "bucket": {"name": bucket.name, "ownerIdentity": {"principalId": "LOCAL"}, "arn": bucket.arn},
            "object": stored,
        },
    }
    return {"Records": [record]}


def sequencer(stored: datetime) -> str:
    """The sequencer of an object that was stored at this time: increasing, and the same for each of its events.

    Args:
        stored: When, in UTC, to the microsecond.

    Returns:
        18 hexadecimal digits.
    """
    return f"{round(stored.replace(tzinfo=UTC).timestamp() * 1_000_000):018X}"
