"""An S3 that misbehaves: requests to the local cloud's server that are refused, or that something else happens at."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from werkzeug.wrappers import Request, Response

from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


@dataclass(frozen=True)
class Asked:
    """One request to S3.

    Attributes:
        method: Of HTTP.
        path: `/bucket/key`; a list of objects has its prefix for a key.
    """

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


Trouble = Callable[[Asked], "Refusal | None"]
"""What happens at a request; with a refusal for an answer, S3 never hears of it."""


@dataclass(frozen=True)
class Refusal:
    """An error as S3 answers it."""

    status: int
    code: str
    message: str

    def response(self, method: str) -> Response:
        body = f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>"
        return Response("" if method == "HEAD" else body, self.status, content_type="application/xml")


DENIED = Refusal(403, "AccessDenied", "Access Denied")
SLOW_DOWN = Refusal(503, "SlowDown", "Please reduce your request rate.")


def always(pattern: str, refusal: Refusal) -> Trouble:
    """Refuse every request like `PUT /bucket/key` that the pattern is found in."""
    return lambda asked: refusal if re.search(pattern, str(asked)) else None


class Once:
    """Do something when a request is the n-th that the pattern is found in; S3 answers it afterwards.

    Attributes:
        done: Whether it happened.
    """

    def __init__(self, pattern: str, action: Callable[[], object], number: int = 1) -> None:
        self._pattern = pattern
        self._action = action
        self._left = number
        self._lock = threading.Lock()
        self.done = False

    def __call__(self, asked: Asked) -> None:
        if not re.search(self._pattern, str(asked)):
            return
        with self._lock:
            self._left -= 1
            if self._left:
                return
        self._action()
        self.done = True


class ForAWhile:
    """Refuse the first requests of each method in each folder.

    Attributes:
        refused: How many were, by method and folder.
    """

    def __init__(self, pattern: str, refusal: Refusal, times: int) -> None:
        self._pattern = pattern
        self._refusal = refusal
        self._times = times
        self._lock = threading.Lock()
        self.refused: Counter[str] = Counter()

    def __call__(self, asked: Asked) -> Refusal | None:
        found = re.search(self._pattern, str(asked))
        if found is None:
            return None
        with self._lock:
            if self.refused[found[0]] >= self._times:
                return None
            self.refused[found[0]] += 1
        return self._refusal


@contextmanager
def trouble(*troubles: Trouble) -> Iterator[None]:
    """Have these troubles while the context lasts."""
    answer = DomainDispatcherApplication.__call__

    def call(
        self: DomainDispatcherApplication, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        request = Request(environ)
        if not environ.get("HTTP_AUTHORIZATION", "").count("/s3/"):
            return answer(self, environ, start_response)
        asked = Asked(request.method, request.path + request.args.get("prefix", ""))
        for one in troubles:
            refusal = one(asked)
            if refusal is not None:
                request.get_data()  # an answer before the end of the request would look like a broken connection
                return refusal.response(request.method)(environ, start_response)
        return answer(self, environ, start_response)

    with replaced(DomainDispatcherApplication, __call__=call):
        yield
