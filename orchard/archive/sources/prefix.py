"""What is under a prefix of S3: listed once, and read object by object, each by the ETag that the list has."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from orchard.archive.checks import DEFAULT_LIMITS, check_memory
from orchard.archive.errors import (
    LongListError,
    NoImagesError,
    SourceError,
    SourceMissingError,
    SourceUnreachableError,
)
from orchard.archive.members import Picture, picture
from orchard.archive.rejection import UNZIP, Rejection
from orchard.archive.sources.base import SourceReference
from orchard.archive.sources.listing import Entries, Listing, ListingText
from orchard.archive.sources.s3 import S3Source
from orchard.archive.sources.s3_refusals import Asked, source_error
from orchard.aws import clients
from orchard.errors import quoted
from orchard.layout import ObjectAddress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from mypy_boto3_s3 import S3Client

    from orchard.archive.checks import Limits
    from orchard.archive.records import Member
    from orchard.archive.spans import Span

OBJECTS_A_TASK = 2000
"""About so many are read by one task, at some tens of milliseconds each."""

_AT_ONCE = 8
_MOST_WAITING = 64 * 2**20


def list_prefix(uri: str, limits: Limits, client: S3Client | None = None) -> Listing:
    """List what is under a prefix now.

    Args:
        uri: `s3://bucket/key/`, or `s3://bucket/` for all of a bucket.
        limits: What is left of what a run may hold; asked again and again while the list grows.
        client: A boto3 S3 client to use; made when needed otherwise.

    Raises:
        NoImagesError: There is nothing.
        LongListError: There are too many objects.
        SourceError: Listing is not allowed, there is no such bucket, or S3 cannot be reached.
    """
    address = ObjectAddress.parse(uri)
    client = client or clients.s3()
    entries, text = Entries(), ListingText()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=address.bucket, Prefix=address.key)
    try:
        for page in pages:
            found = [
                (name, one["Size"], one["ETag"].strip('"'), int(one["LastModified"].timestamp()))
                for one in page.get("Contents", [])
                if (name := one["Key"].removeprefix(address.key))  # and not what consoles make of the prefix itself
            ]
            for name, size, etag, modified in found:
                entries.add(name.encode(), size, modified, etag)
            text.add(found)
            size, count = entries.raw_bytes + text.length, len(entries)
            check_memory(uri, limits, limits.needed_bytes(size, count), size, count)
            if count > limits.keys:
                raise LongListError.at(
                    uri, _long(limits.keys), f"aws s3 ls {quoted(uri)}  # a run for some of its folders"
                )
    except (BotoCoreError, ClientError) as error:
        raise source_error(Asked(address, {}, client), error, missing=SourceMissingError) from error
    if not entries:
        raise NoImagesError.at(uri, "there is nothing under this prefix", f"aws s3 ls {quoted(uri)}")
    return Listing(uri, entries, text.done())


def _long(most: int) -> str:
    whole = f"{DEFAULT_LIMITS.keys:,} of all its prefixes, some 5,000 in a second, in the 900 s that planning may take"
    return f"more than {most:,} objects are there; a run lists {whole}"


def read_objects(prefix: SourceReference, span: Span) -> Iterator[Picture | Rejection]:
    """Read the objects of a span, some at a time, each only if it has the ETag of the list.

    An object that was replaced, deleted or may not be read is a `Rejection`; the others go on.

    Args:
        span: Some of the prefix's objects, of `orchard.archive.spans.plan_spans`.

    Yields:
        One picture or rejection for each, in their order.

    Raises:
        SourceUnreachableError: S3 cannot be reached.
    """
    client = clients.s3()
    waiting: deque[tuple[Member, Future[Picture | Rejection]]] = deque()
    filled = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for member in span.members():
            while waiting and (len(waiting) > 2 * _AT_ONCE or filled + member.size > _MOST_WAITING):
                first, outcome = waiting.popleft()
                filled -= first.size
                yield outcome.result()
            waiting.append((member, pool.submit(_read, prefix.uri, span.below, member, client)))
            filled += member.size
        for _, outcome in waiting:
            yield outcome.result()


def _read(prefix: str, below: str, member: Member, client: S3Client) -> Picture | Rejection:
    address, path = prefix + member.name.decode(), below + member.path
    try:
        if not member.size:  # nothing of it is read, which would tell that it is another one now
            S3Source.find(address, version_id=None, etag=member.etag, client=client)
        content = S3Source(SourceReference(address, member.size, etag=member.etag), client).read(0, member.size)
    except SourceUnreachableError:
        raise
    except SourceError as error:
        return Rejection(path, UNZIP, f"it {type(error).summary}: {error.cause}")
    return picture(path, address, member, content)
