"""Reading the images of one span."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.archive.end_record import LOCAL_SIGNATURE
from orchard.archive.labels import split_and_label
from orchard.archive.methods import UnpackingError, unpack
from orchard.archive.records import ENCRYPTED_FLAG, LOCAL_HEADER, Member
from orchard.archive.rejection import UNZIP, Rejection
from orchard.layout import image_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from orchard.archive.sources.base import RangedSource
    from orchard.archive.spans import Span


@dataclass(frozen=True, slots=True)
class Picture:
    """One image out of an archive, whole and with the right checksum; whether it can be decoded is not known yet.

    Attributes:
        path: The member's path; below the name of its source, where there are several.
        address: Its own address: `s3://bucket/key#member`, say.
        split: Training, Test, Validation or empty.
        label: The folder that it is in.
        filename: The last part of the path.
        modification_time: In UTC; see `Member.modified`.
    """

    path: str
    address: str
    split: str
    label: str
    filename: str
    modification_time: datetime
    content: bytes


class _MemberFaultError(Exception):
    """What is wrong with one member."""


def read_span(source: RangedSource, span: Span) -> Iterator[Picture | Rejection]:
    """Read one span with one ranged read, and inflate its images one by one.

    A member that does not match the directory, does not inflate to its declared size or has another checksum is a
    `Rejection`; the others go on. No member can take more memory than the directory declares, plus one byte.

    Args:
        span: One of `orchard.archive.spans.plan_spans`.

    Yields:
        One picture or rejection for each member of the span, in their order.

    Raises:
        TruncatedArchiveError: The archive ends before the span does.
        SourceError: It has changed or cannot be read.
    """
    content = memoryview(source.read(span.start, span.length))
    for member in span.members():
        raw = content[member.header_offset - span.start : member.end_offset - span.start]
        path = span.below + member.path
        try:
            whole = _inflate(member, _compressed(member, raw))
        except _MemberFaultError as fault:
            yield Rejection(path, UNZIP, str(fault))
        else:
            yield picture(path, image_address(source.uri, member.path), member, whole)


def picture(path: str, address: str, member: Member, content: bytes) -> Picture:
    """A picture of this path and address, and what they and the directory say of it."""
    split, label = split_and_label(path)
    return Picture(path, address, split, label, path.rsplit("/", 1)[-1], member.modified, content)


def _compressed(member: Member, raw: memoryview) -> memoryview:
    """The member's data, once its local header is found to agree with the directory.

    Sizes and checksum are not compared: they are zero there when a data descriptor follows, and the data must match the
    directory's anyway.
    """
    if len(raw) < LOCAL_HEADER.size or raw[:4] != LOCAL_SIGNATURE:
        raise _MemberFaultError("there is no local header where the directory says")
    _, _, flags, method, _, _, _, _, _, name_length, extra_length = LOCAL_HEADER.unpack_from(raw)
    start = LOCAL_HEADER.size + name_length
    if raw[LOCAL_HEADER.size : start] != member.name:
        raise _MemberFaultError("its local header has another name than the directory")
    if method != member.method or (flags ^ member.flags) & ENCRYPTED_FLAG:
        raise _MemberFaultError("its local header and the directory differ in how it is packed")
    start += extra_length
    if start + member.compressed_size > len(raw):
        raise _MemberFaultError("it does not end before the next member")
    return raw[start : start + member.compressed_size]


def _inflate(member: Member, data: memoryview) -> bytes:
    """The member's content, of the declared size and checksum."""
    try:
        content = unpack(member.method, member.flags, data, member.size)
    except UnpackingError as error:
        raise _MemberFaultError(str(error)) from error
    if len(content) != member.size:
        verb = "more than" if len(content) > member.size else f"{len(content):,} instead of"
        raise _MemberFaultError(f"it unpacks to {verb} the declared {member.size:,} bytes")
    if zlib.crc32(content) != member.crc32:
        raise _MemberFaultError("its checksum (CRC-32) is wrong")
    return content
