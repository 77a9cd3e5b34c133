"""Handlers whose processes end badly, to be deployed in the place of others."""

import os
import signal
import time


def hang(_event: object, _context: object) -> None:
    time.sleep(600)


def die(_event: object, _context: object) -> None:
    """As one that has used up its memory: the kernel ends it."""
    os.kill(os.getpid(), signal.SIGKILL)
