"""IAM, enforced: a role may do what the policies of the stack say, and is told `AccessDenied` otherwise, as in AWS.

Written for moto 5.2.5, whose own check (`moto.iam.access_control`) knows neither resources nor conditions. It asks
`ActionAuthenticatorMixin._authenticate_and_authorize_action` before it does anything; that method is replaced.
The policies are those of the roles as the stack was created. Policies of buckets, topics, queues and functions are not
looked at: in the template they let AWS's own services in, and keep out what is not encrypted.

So is the way to S3: a role reaches S3 of the stack's region and no other, as from a network with a gateway for S3.
There, what is signed for another region is sent where nobody answers; here the answer says so at once.
"""

from __future__ import annotations

import html
import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from orchard.local.iam.policy import Request, decide
from orchard.local.iam.requests import Call, of_absence, requests_of
from orchard.local.iam.roles import signed
from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Statement = Mapping[str, Any]

_REST_JSON = ("emr-serverless", "emr-containers")
"""The services whose parameters are in a body of JSON and that name no target."""

_READS = ("s3:GetObject", "s3:GetObjectVersion")
_S3_ARN = "arn:aws:s3:::"


@contextmanager
def enforced_permissions(region: str, record: Callable[[Request], None]) -> Iterator[None]:
    """Have moto refuse what a role may not do.

    Args:
        record: Called with each request of a role, before it is judged.
    """
    from moto.core.authorization import ActionAuthenticatorMixin

    def authorize(self: Any, _: type, resource: str = "*") -> None:
        role, meant, service = signed(self.headers.get("Authorization", ""))
        if role is None:
            return
        call = _call(self, role, meant, service, resource)
        if service == "s3" and meant != region:  # no code that has clients ask where the bucket is, and sign again
            raise _refusal(self, call, f"There is no way from here to S3 of {meant}, only to that of {region}")
        _judge(self, call, requests_of(call, lambda cluster: _cluster_tags(self, cluster)), record)
        if service == "s3" and f"s3:{call.operation}" in _READS and _is_absent(self, call):
            _judge(self, call, [of_absence(call)], record)

    with replaced(ActionAuthenticatorMixin, _authenticate_and_authorize_action=authorize):
        yield


def statements_of(role: str, account: str) -> list[Statement]:
    """The statements of all policies that a role has, its own and those attached to it.

    Returns:
        The statements; none if there is no such role.
    """
    from moto.iam.models import iam_backends

    for found in iam_backends[account]["aws"].get_roles():
        if found.name == role:
            versions = [version for policy in found.managed_policies.values() for version in policy.versions]
            attached = [version.document for version in versions if version.is_default]
            documents = [*found.policies.values(), *attached]
            return [statement for document in documents for statement in _statements(document)]
    return []


def _statements(document: str | Mapping[str, Any]) -> list[Statement]:
    """A document's statements; moto keeps it as text, and one that CloudFormation gave it as it was."""
    parsed = json.loads(document) if isinstance(document, str) else document
    found = parsed["Statement"]
    return found if isinstance(found, list) else [found]


def _judge(response: Any, call: Call, requests: Iterable[Request], record: Callable[[Request], None]) -> None:
    for request in requests:
        record(request)
        decision = decide(statements_of(call.role, call.account), request)
        if not decision.allowed:
            raise _refusal(response, call, decision.denial(request, call.account))


def _refusal(response: Any, call: Call, message: str) -> Exception:
    """The error as the protocol of the call has it; of the query protocol always with one code, `AccessDenied`."""
    from moto.core.exceptions import AccessDeniedError, JsonRESTError
    from moto.s3.exceptions import BucketAccessDeniedError

    if call.service == "s3":
        refusal = BucketAccessDeniedError(call.parameters.get("Bucket", ""))
        refusal.message = message
        return refusal
    if response.headers.get("X-Amz-Target") or "Action" not in response.querystring:
        described = JsonRESTError("AccessDeniedException", message)
        described.code = 400 if response.headers.get("X-Amz-Target") else 403
        return described
    caller, _, what = message.removeprefix("User: ").partition(" is not authorized to perform: ")
    return AccessDeniedError(caller, what)


def _call(response: Any, role: str, region: str, service: str, resource: str) -> Call:
    """A call, from what moto has parsed of it."""
    operation = response._get_action() or ""
    path = unquote(response.path)
    if service == "s3":
        parameters = _s3_parameters(response, resource)
    elif response.headers.get("X-Amz-Target") or service in _REST_JSON:
        parameters = json.loads(response.body or "{}")
    else:
        parameters = {name: values[0] for name, values in response.querystring.items() if isinstance(values, list)}
    return Call(role, service, operation, region, response.current_account, path, parameters)


def _s3_parameters(response: Any, resource: str) -> dict[str, Any]:
    bucket, has_key, key = resource.removeprefix(_S3_ARN).partition("/")
    found: dict[str, Any] = {"Bucket": bucket}
    if has_key:
        found["Objects"] = [(key, response.querystring.get("versionId", [""])[0])]
    elif response._get_action() == "DeleteObject":  # of many
        found["Objects"] = [_named(one) for one in re.findall(rb"<Object>(.*?)</Object>", response.body, re.DOTALL)]
    if "x-amz-copy-source" in response.headers:
        found["CopySource"] = unquote(response.headers["x-amz-copy-source"])
    return found


def _named(element: bytes) -> tuple[str, str]:
    """The key and the version in an element of DeleteObjects."""
    found = dict(re.findall(r"<(Key|VersionId)>(.*?)</", element.decode(), re.DOTALL))
    return html.unescape(found["Key"]), found.get("VersionId", "")


def _is_absent(response: Any, call: Call) -> bool:
    from moto.s3.exceptions import S3ClientError

    [(key, version)] = call.parameters["Objects"]
    try:
        return response.backend.get_object(call.parameters["Bucket"], key, version or None) is None
    except S3ClientError:
        return True


def _cluster_tags(response: Any, cluster: str) -> Mapping[str, str]:
    found = response.backend.clusters.get(cluster)
    return {} if found is None else {tag["Key"]: tag["Value"] for tag in found.tags}
