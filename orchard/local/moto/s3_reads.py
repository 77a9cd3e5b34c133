"""Reads of a part of an object that cost a part of it.

Written for moto 5.2.5, which reads the whole object into memory for each range that is asked for: an archive of 800 MB,
read by two tasks in spans, would cost 1.6 GB and a second for each span. `S3Response.get_object` is wrapped to answer
a request for a range with the object itself, of which `_handle_range_header` then takes that range.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator


class Stored:
    """An object's content, read when it is asked for."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def __len__(self) -> int:
        return int(self._key.contentsize)

    def __getitem__(self, part: slice) -> bytes:
        begin, end, _ = part.indices(len(self))
        with self._key.lock:
            self._key._value_buffer.seek(begin)
            return bytes(self._key._value_buffer.read(max(0, end - begin)))


class _Unread:
    """An object of moto's but for its content, which is not read yet."""

    def __init__(self, key: Any) -> None:
        self._key = key
        self.value = Stored(key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._key, name)


def _with_stored_value(key: Any, not_modified: bool) -> tuple[_Unread, bool]:
    return _Unread(key), not_modified


@contextmanager
def partial_reads() -> Iterator[None]:
    """Have requests for ranges read no more than these."""
    from moto.s3.responses import S3Response

    get_object, take_range = S3Response.get_object, S3Response._handle_range_header

    def get(self: Any) -> Any:
        if not self.headers.get("range"):
            return get_object(self)
        answering = copy.copy(self)
        answering._get_key = lambda: _with_stored_value(*self._get_key())
        return get_object(answering)

    def take(self: Any, request: Any, response_headers: Any, response_content: Any) -> Any:
        status, headers, content = take_range(self, request, response_headers, response_content)
        return status, headers, content[:] if isinstance(content, Stored) else content

    with replaced(S3Response, get_object=get, _handle_range_header=take):
        yield
