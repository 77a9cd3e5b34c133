"""What goes to an S3 and comes back: a relay that passes bytes on as they are, and counts requests while they pass.

It answers one request itself: S3A writes an empty object `folder/` for a folder, and the server of `benchmarks.s3`
makes a file of that name, below which there can be nothing any more. Nobody misses these objects.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

READS, WRITES = ("GET", "HEAD"), ("LIST", "PUT", "COPY", "POST")
"""What is charged as a GET, and what as a PUT; a DELETE is free."""

KINDS = (*READS, *WRITES, "DELETE")
"""POST begins and completes uploads in parts, and deletes many objects at once; a PUT is an object or a part of one."""

_CHUNK = 1 << 18
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_DONE = b'HTTP/1.1 200 OK\r\nETag: "d41d8cd98f00b204e9800998ecf8427e"\r\nContent-Length: 0\r\n\r\n'
"""The ETag is that of nothing (MD5); S3A compares."""


@dataclass
class Traffic:
    """What passed.

    Attributes:
        requests: How many requests there were, by kind (one of `KINDS`) and path (`/bucket/key`, decoded).
        sent: Bytes from the client to the server, heads and bodies.
        received: Bytes from the server to the client.
    """

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    sent: int = 0
    received: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def by_kind(self) -> Counter[str]:
        """How many requests there were of each kind."""
        kinds: Counter[str] = Counter()
        for (kind, _), count in self.requests.items():
            kinds[kind] += count
        return kinds

    def count(self, kinds: Iterable[str]) -> int:
        """How many requests there were of these kinds."""
        return sum(self.by_kind()[kind] for kind in kinds)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False  # a client that keeps its connection open is nobody to wait for
    request_queue_size = 128

    def __init__(self, port: int, traffic: Traffic) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.port = port
        self.traffic = traffic


class _Relay(socketserver.BaseRequestHandler):
    """One connection of a client."""

    server: _Server

    def handle(self) -> None:
        """Pass on what comes from either side until one of them ends."""
        client: socket.socket = self.request
        with socket.create_connection(("127.0.0.1", self.server.port)) as upstream:
            for end in (client, upstream):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=self._answers, args=(upstream, client), daemon=True)
            back.start()
            with suppress(OSError), client.makefile("rb") as asked:
                while head := _head(asked):
                    self._request(head, asked, upstream, client)
            with suppress(OSError):
                upstream.shutdown(socket.SHUT_WR)
            back.join()

    def _request(self, head: bytes, asked: BinaryIO, upstream: socket.socket, client: socket.socket) -> None:
        kind, path, length = understood(head)
        traffic = self.server.traffic
        with traffic.lock:
            traffic.requests[kind, path] += 1
            traffic.sent += len(head) + length
        if kind == "PUT" and path.endswith("/"):
            if b"100-continue" in head.lower():
                client.sendall(_GO_ON)
            asked.read(length)  # of nothing, there is only a signature
            client.sendall(_DONE)
            return
        upstream.sendall(head)
        while length:
            piece = asked.read1(min(length, _CHUNK))  # type: ignore[attr-defined]
            if not piece:
                raise ConnectionError("the client went away in the middle of a body")
            upstream.sendall(piece)
            length -= len(piece)

    def _answers(self, upstream: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while piece := upstream.recv(_CHUNK):
                with self.server.traffic.lock:
                    self.server.traffic.received += len(piece)
                client.sendall(piece)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)  # the server closes connections that were idle


@contextmanager
def counted(endpoint: str) -> Iterator[tuple[str, Traffic]]:
    """Count what passes.

    Args:
        endpoint: The address of an S3 on this machine.

    Yields:
        Another address of it, and what has passed through that.
    """
    traffic = Traffic()
    port = urlsplit(endpoint).port
    if port is None:
        raise ValueError(f"{endpoint} names no port")
    with _Server(port, traffic) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", traffic
        finally:
            server.shutdown()
            thread.join()


def understood(head: bytes) -> tuple[str, str, int]:
    """What a request is.

    Args:
        head: Its line and its headers.

    Returns:
        Its kind, the decoded path, and the length of its body in bytes.

    Raises:
        ValueError: It has a body whose length it does not tell; AWS clients tell it.
    """
    line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
    if "transfer-encoding" in headers:
        raise ValueError(f"the length of the body is not told: {line}")
    address = urlsplit(target)
    path = unquote(address.path)
    return _kind(method, path, address.query, headers), path, int(headers.get("content-length", 0))


def _kind(method: str, path: str, query: str, headers: Mapping[str, str]) -> str:
    if method == "GET" and (not path.strip("/").partition("/")[2] or "list-type" in parse_qs(query)):
        return "LIST"
    if method == "PUT" and "x-amz-copy-source" in headers:
        return "COPY"
    return method


def _head(asked: BinaryIO) -> bytes:
    lines = []
    while line := asked.readline():
        lines.append(line)
        if line == b"\r\n":
            return b"".join(lines)
    return b""
