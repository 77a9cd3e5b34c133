"""A proxy that nobody should ask for anything."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Listener:
    """A proxy that only counts who comes, and sends them away."""

    def __init__(self) -> None:
        self.came = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._count)
        self._thread.start()

    def _count(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if connection.recv(1) == b"!":
                    return
                self.came += 1

    def end(self) -> None:
        with socket.create_connection(self._socket.getsockname()) as farewell:
            farewell.sendall(b"!")
        self._thread.join()
        self._socket.close()


@contextmanager
def listening() -> Iterator[Listener]:
    """One that listens meanwhile."""
    found = Listener()
    try:
        yield found
    finally:
        found.end()
