"""A cloud that misbehaves: faults at its server, so that everything that is ours runs as it is.

Written for moto 5.2.5. `BaseResponse.call_action` answers every call of every service; `Functions.invoke` is where
every invocation of a function passes; `LiveCluster.start` is where every cluster begins.
"""

# ruff: noqa: ANN401 (what is moto's has moto's types, or none)

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from orchard.layout import STAGES
from orchard.local.emr.cluster import Ending, LiveCluster
from orchard.local.iam.roles import key_of
from orchard.local.lambda_.functions import Functions, Result
from orchard.local.moto.patching import replaced
from tests.support.waiting import PATIENCE, eventually

MACHINE, EVERYBODY = f"Credential={key_of('orchard-PipelineRole-')}", "Credential="
"""Who calls: the tasks of the state machine sign with the key of its role."""

NO_CAPACITY = Ending("INSTANCE_FLEET_TIMEOUT", "Provisioning timed out: not enough Spot or On-Demand capacity", True)
EMR_IS_ILL = Ending("INTERNAL_ERROR", "An internal error occurred", failed=True)


Invocation = Callable[[], Result]


class Count:
    """How often a fault has struck, of how often it may."""

    def __init__(self, times: int | None) -> None:
        self._left = times
        self._lock = threading.Lock()
        self.struck = 0

    def strikes(self) -> bool:
        with self._lock:
            if self._left is not None and self.struck >= self._left:
                return False
            self.struck += 1
            return True


@contextmanager
def _calls(action: str, answer: Callable[[Any, Callable[[], Any]], Any], count: Count, by: str) -> Iterator[Count]:
    from moto.core.responses import BaseResponse

    call = BaseResponse.call_action

    def call_action(self: Any) -> Any:
        meant = self._get_action() == action and by in self.headers.get("Authorization", "")
        return answer(self, lambda: call(self)) if meant and count.strikes() else call(self)

    with replaced(BaseResponse, call_action=call_action):
        yield count


def refused(
    action: str, code: str, message: str = "said the server", *, times: int | None = None, by: str = EVERYBODY
) -> AbstractContextManager[Count]:
    """Calls of an action fail, for a while or for good, and do nothing.

    Args:
        action: The API's name of it.
        code: The error's.
        message: The error's.
        times: How many calls; None for all.
        by: Whose calls.
    """
    from moto.core.exceptions import JsonRESTError
    from moto.core.utils import camelcase_to_underscores
    from moto.sns.exceptions import SNSException

    kind = SNSException if action == "Publish" else JsonRESTError

    def answer(response: Any, call: Callable[[], Any]) -> Any:
        def fail() -> Any:
            raise kind(code, message)

        setattr(response, camelcase_to_underscores(action), fail)
        return call()

    return _calls(action, answer, Count(times), by)


def throttled(action: str, *, times: int | None = None, by: str = EVERYBODY) -> AbstractContextManager[Count]:
    return refused(action, "ThrottlingException", "Rate exceeded", times=times, by=by)


def answer_lost(action: str, *, times: int) -> AbstractContextManager[Count]:
    """Calls of an action do their work, and the connection closes before the answer."""

    def answer(response: Any, call: Callable[[], Any]) -> Any:
        import flask

        answered = call()
        flask.request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return answered

    return _calls(action, answer, Count(times), EVERYBODY)


@contextmanager
def writes_refused(name: str) -> Iterator[None]:
    """No object whose key ends like this can be written. S3's calls have a way of their own in moto."""
    import flask
    from moto.s3.exceptions import S3AccessDeniedError
    from moto.s3.responses import S3Response

    put = S3Response.put_object

    def put_object(self: Any) -> Any:
        if flask.request.path.endswith(name):
            raise S3AccessDeniedError
        return put(self)

    with replaced(S3Response, put_object=put_object):
        yield


class Gate:
    """Where a call waits, so that a test can do something meanwhile."""

    def __init__(self) -> None:
        self._reached, self._open = threading.Event(), threading.Event()

    def await_call(self) -> None:
        assert self._reached.wait(PATIENCE), "nobody called"

    def open(self) -> None:
        self._open.set()

    def pass_through(self) -> None:
        self._reached.set()
        assert self._open.wait(PATIENCE), "nobody opened"


@contextmanager
def held(action: str, *, by: str = EVERYBODY) -> Iterator[Gate]:
    """The first call of an action waits; opened at the end at the latest."""
    gate = Gate()

    def answer(_response: Any, call: Callable[[], Any]) -> Any:
        gate.pass_through()
        return call()

    with _calls(action, answer, Count(1), by):
        try:
            yield gate
        finally:
            gate.open()


@contextmanager
def function(name: str, behave: Callable[[Invocation], Result], *, times: int | None = None) -> Iterator[Count]:
    """A function behaves otherwise: it is given what it would have done.

    Args:
        name: What its name in the cloud has in it.
        behave: Called in place of it.
        times: For how many invocations; None for all.
    """
    count, invoke = Count(times), Functions.invoke

    def invoke_otherwise(self: Functions, invoked: Any, event: bytes) -> Result:
        if name not in invoked.function_name or not count.strikes():
            return invoke(self, invoked, event)
        return behave(lambda: invoke(self, invoked, event))

    with replaced(Functions, invoke=invoke_otherwise):
        yield count


def raising(
    name: str, kind: str = "LookupError", message: str = "no such fruit", *, times: int | None = None
) -> AbstractContextManager[Count]:
    return function(name, lambda _: Result.of_error(kind, message), times=times)


def returning(name: str, payload: bytes) -> AbstractContextManager[Count]:
    return function(name, lambda _: Result(payload))


@contextmanager
def clusters_die(ending: Ending, *, times: int | None = None, queued: int = len(STAGES)) -> Iterator[Count]:
    """EMR accepts clusters that end while they start, as soon as so many steps are queued."""
    count, start = Count(times), LiveCluster.start

    def die(self: LiveCluster) -> None:
        eventually(lambda: len(self._cluster.steps) >= queued, "the queueing of steps")
        self.terminate(ending)
        start(self)

    def start_dying(self: LiveCluster) -> None:
        if count.strikes():
            threading.Thread(target=die, args=(self,), name="cluster j-dying", daemon=True).start()
        else:
            start(self)

    with replaced(LiveCluster, start=start_dying):
        yield count


@contextmanager
def seen_clusters() -> Iterator[list[LiveCluster]]:
    """What makes clusters live, for who wants to end one as only EMR can."""
    found: list[LiveCluster] = []
    start = LiveCluster.start

    def start_seen(self: LiveCluster) -> None:
        found.append(self)
        start(self)

    with replaced(LiveCluster, start=start_seen):
        yield found


def first(clusters: list[LiveCluster]) -> LiveCluster:
    return eventually(lambda: clusters[0] if clusters else None, "a cluster")
