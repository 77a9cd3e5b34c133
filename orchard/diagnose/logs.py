"""Reading logs from S3 within bounds: so many bytes of each, so long for all, and every look remembered."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from orchard.aws.errors import code_of, is_absent
from orchard.layout import ObjectAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3 import S3Client

_MAX_BYTES = 4 << 20
"""Only the end of a longer log is looked at, which is where the failure is: the memory of a Lambda is small."""

_MAX_LINES = 100_000
"""As many lines as so many bytes of a real log have at most."""

_HEAD_BYTES = 1 << 18
"""Of a longer log the beginning is kept too: Spark names its YARN application there."""

_CHUNK_BYTES = 1 << 20
_SLICE_BYTES = 4096  # what is lost before a damaged place
_SECONDS = 90.0
"""For all logs of a run together: the function that describes it has five minutes, and says more by then than late."""

_MAX_KEYS = 1000
_Found = TypeVar("_Found")
_GZIP = 32 + zlib.MAX_WBITS  # zlib's own recognition of gzip


@dataclass(frozen=True)
class LogEnd:
    """The end of a log.

    Attributes:
        text: Its last lines, or all of them.
        skipped: How many lines are before them.
        head: Its first lines; "" if `text` has them.
    """

    text: str
    skipped: int = 0
    head: str = ""


@dataclass(frozen=True)
class Look:
    """One look at a log or a folder of logs.

    Attributes:
        outcome: What came of it, in a few words.
    """

    uri: str
    outcome: str


class LogReader:
    """Reads and lists logs.

    Args:
        seconds: How long all reading together may take; what is asked for later is not read.
        clock: Seconds that only go up.

    Attributes:
        looks: Every look, in order.
    """

    def __init__(self, s3: S3Client, *, seconds: float = _SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._s3 = s3
        self._clock = clock
        self._until = clock() + seconds
        self.looks: list[Look] = []

    def read(self, uri: str) -> LogEnd | None:
        """Read the end of a gzipped log.

        Returns:
            The end, or what there is of a log that is still being written; None if nothing can be read.
        """
        if self._clock() >= self._until:
            return self._looked(uri, "not read, for want of time", None)
        try:
            address = ObjectAddress.parse(uri)
            body = self._s3.get_object(Bucket=address.bucket, Key=address.key)["Body"]
            end = _end_of(_inflated(iter(lambda: body.read(_CHUNK_BYTES), b""), lambda: self._clock() >= self._until))
        except ClientError as error:
            return self._looked(uri, "not there" if is_absent(error) else f"cannot be read ({code_of(error)})", None)
        except (BotoCoreError, OSError, ValueError) as error:
            return self._looked(uri, f"cannot be read ({type(error).__name__})", None)
        if end is None:
            return self._looked(uri, "cannot be read (not gzip)", None)
        return self._looked(uri, "read" if end.text.strip() else "empty", end)

    def list(self, folder: str) -> tuple[str, ...]:
        """List the logs below a folder, at most some hundred.

        Returns:
            Their URIs; none if it is empty or cannot be listed.
        """
        if self._clock() >= self._until:
            return self._looked(folder, "not listed, for want of time", ())
        try:
            address = ObjectAddress.parse(f"{folder.rstrip('/')}/")
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=address.bucket, Prefix=address.key)
            keys = tuple(islice((item["Key"] for page in pages for item in page.get("Contents", [])), _MAX_KEYS))
        except ClientError as error:
            return self._looked(folder, f"cannot be listed ({code_of(error)})", ())
        except (BotoCoreError, ValueError) as error:
            return self._looked(folder, f"cannot be listed ({type(error).__name__})", ())
        plural = "" if len(keys) == 1 else "s"
        found = tuple(ObjectAddress(address.bucket, key).uri for key in keys)
        return self._looked(folder, f"{len(keys)} file{plural}" if keys else "nothing there", found)

    def _looked(self, uri: str, outcome: str, found: _Found) -> _Found:
        self.looks.append(Look(uri, outcome))
        return found


def _inflated(chunks: Iterator[bytes], late: Callable[[], bool]) -> Iterator[bytes]:
    """Inflate a gzip bit by bit, however much it holds; a damaged or cut end ends it."""
    inflater = zlib.decompressobj(_GZIP)
    slices = (chunk[at : at + _SLICE_BYTES] for chunk in chunks for at in range(0, len(chunk), _SLICE_BYTES))
    for left in slices:
        while left and not late():
            try:
                yield inflater.decompress(left, _CHUNK_BYTES)
            except zlib.error:
                return
            left = inflater.unconsumed_tail
            if inflater.eof:
                left, inflater = inflater.unused_data, zlib.decompressobj(_GZIP)
        if late():
            return


def _end_of(chunks: Iterator[bytes]) -> LogEnd | None:
    kept, head, skipped, anything = b"", b"", 0, False
    for chunk in chunks:
        anything = True
        kept += chunk
        if len(kept) > 2 * _MAX_BYTES:
            head = head or kept[:_HEAD_BYTES]
            cut = kept.rfind(b"\n", 0, len(kept) - _MAX_BYTES) + 1 or len(kept) - _MAX_BYTES
            skipped += kept.count(b"\n", 0, cut)
            kept = kept[cut:]
    if not anything:
        return None
    last = kept.rsplit(b"\n", _MAX_LINES)
    if len(last) > _MAX_LINES:
        skipped += last[0].count(b"\n") + 1
        kept = b"\n".join(last[1:])
    return LogEnd(kept.decode(errors="replace"), skipped, head.decode(errors="replace"))
