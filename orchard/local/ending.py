"""An execution that is stopped is stopped, whatever its states say afterwards.

Written for moto 5.2.5, where a state that is just ending when the execution is stopped, or times out, cannot name the
next one, and this error takes the place of the stop: the execution would be FAILED, not ABORTED or TIMED_OUT. Wrapped
is `Environment.set_error` of the interpreter.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def first_endings_hold() -> Iterator[None]:
    """Have an execution end as it was first said to."""
    from moto.stepfunctions.parser.asl.eval.environment import Environment
    from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped, ProgramTimedOut

    fail = Environment.set_error

    def set_error(self: Any, error: Any) -> None:
        if not isinstance(self.program_state(), ProgramStopped | ProgramTimedOut):
            fail(self, error)

    with replaced(Environment, set_error=set_error):
        yield
