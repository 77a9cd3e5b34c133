"""An S3 that answers about one object as S3 does: status, headers and body as they come over the wire."""

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from mypy_boto3_s3 import S3Client

ROLE = "arn:aws:sts::123456789012:assumed-role/orchard-InspectArchiveRole-1A/orchard-InspectArchive"
KEY = "arn:aws:kms:eu-west-1:210987654321:key/0ca3fbd4-1111-2222-3333-444455556666"


class Body(BytesIO):
    """A body as urllib3 has it."""

    def stream(self, **_: object) -> Any:  # noqa: ANN401
        yield self.read()


@dataclass(frozen=True)
class Answer:
    """One answer of S3's.

    Attributes:
        status: Of HTTP.
        headers: Of HTTP.
        code: The error's, which a HEAD is never told.
        message: Likewise.
        more: Further elements of the error.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    more: str = ""

    def over_the_wire(self, request: AWSPreparedRequest) -> AWSResponse:
        body = ""
        if self.code and request.method != "HEAD":
            body = (
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<Error><Code>{self.code}</Code><Message>{self.message}</Message>{self.more}"
                "<RequestId>F3A9C1CDC51BCDBA</RequestId><HostId>4w5TxhKt9AXLA7nIQ8zk</HostId></Error>"
            )
        headers: Any = {"Content-Type": "application/xml", **self.headers}
        return AWSResponse(request.url, self.status, headers, Body(body.encode()))


def there(**headers: str) -> Answer:
    """HEAD's answer about an object of a hundred bytes that is there."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(headers={"Content-Length": "100", "ETag": '"9b2cf535f27731c974343645a3985328"', **named})


def denied(what: str) -> Answer:
    """A refusal as IAM words it."""
    return Answer(403, code="AccessDenied", message=f"User: {ROLE} is not authorized to perform: {what}")


SSE_C = Answer(
    400,
    code="InvalidRequest",
    message="The object was stored using a form of Server Side Encryption. "
    "The correct parameters must be provided to retrieve the object.",
)
ACCESS_DENIED = Answer(403, code="AccessDenied", message="Access Denied")
IN_DEEP_ARCHIVE = Answer(
    403,
    code="InvalidObjectState",
    message="The operation is not valid for the object's storage class",
    more="<StorageClass>DEEP_ARCHIVE</StorageClass>",
)
IN_A_TIER = Answer(
    403,
    code="InvalidObjectState",
    message="The operation is not valid for the object's access tier",
    more="<StorageClass>INTELLIGENT_TIERING</StorageClass><AccessTier>ARCHIVE_ACCESS</AccessTier>",
)


def answering(client: S3Client, head: Answer, get: Answer) -> list[str]:
    """Have a client hear these answers, whatever object it asks for.

    Args:
        client: The client.
        head: To HeadObject.
        get: To GetObject.

    Returns:
        The requests that it makes from now on, as `HEAD /key?versionId=v`.
    """
    asked: list[str] = []

    def answer(request: AWSPreparedRequest, **_: object) -> Any:  # noqa: ANN401 (an event that returns something)
        parts = urlsplit(request.url)
        asked.append(f"{request.method} {parts.path}{'?' * bool(parts.query)}{parts.query}")
        return (head if request.method == "HEAD" else get).over_the_wire(request)

    client.meta.events.register("before-send.s3", answer)
    return asked
