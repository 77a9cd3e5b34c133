"""moto's server inside this process: quiet, for this machine only, with an empty AWS behind it.

Written for moto 5.2.5. Takes the place of `moto.server.ThreadedMotoServer`, which prints a line for each request,
leaves its socket open when it stops, and waits forever when its port is taken.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, cast

from orchard.aws.endpoint import ANSWER, KNOCK
from orchard.errors import EnvironmentNotReadyError
from orchard.local.emr.instance_metadata import with_instance_metadata
from orchard.local.moto.patching import entries, replaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"
LOG = logging.getLogger(__name__)


@contextmanager
def moto_server(port: int = 0) -> Iterator[str]:
    """Run moto's server, its interpreter of state machines on.

    Args:
        port: The port to listen on; 0 for any free one.

    Yields:
        Its address, `http://127.0.0.1:4566` say.

    Raises:
        EnvironmentNotReadyError: The port is taken.
    """
    from moto.core.config import default_user_config
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    class Quiet(MotoRequestHandler):
        """Says nothing about requests that went well."""

        def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  # werkzeug's own name
            """Pass on errors only."""
            if type == "error":
                LOG.error(message, *args)

    check_free(port)
    application = not_for_pages(with_instance_metadata(DomainDispatcherApplication(create_backend_app)))
    server = make_server(HOST, port, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="moto", daemon=True)
    interpreter = {"stepfunctions": {"execute_state_machine": True}}
    _forget()
    thread.start()
    try:
        with (
            entries(cast("dict[str, Any]", default_user_config), interpreter),
            # the interpreter is a client of its own server, and this is how it finds it
            entries(os.environ, {"MOTO_PORT": str(server.server_port)}),
            # it logs each failed task as an error of its own; the execution's history tells better
            replaced(logging.getLogger("moto.stepfunctions"), level=logging.CRITICAL),
        ):
            yield f"http://{HOST}:{server.server_port}"
    finally:
        _stop_executions()
        server.shutdown()
        thread.join()
        server.server_close()
        _forget()


def not_for_pages(application: WSGIApplication) -> WSGIApplication:
    """Refuse what a web page in this machine's browser asks for: moto asks nobody for a key, and a step is a command.

    A page's own requests say where it is from (`Origin`, `Sec-Fetch-Site`: Fetch Metadata, W3C), and one whose name
    was pointed at this machine afterwards has that name in `Host`. AWS clients send none of these.

    Returns:
        An application that answers those with 403, and whoever asks whether this is a local cloud.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "").partition(":")[0].lower()
        foreign = host not in (HOST, "localhost") and not host.endswith(".localhost")
        if foreign or "HTTP_ORIGIN" in environ or environ.get("HTTP_SEC_FETCH_SITE", "none") != "none":
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"The local cloud does not answer web pages.\n"]
        if environ.get("PATH_INFO") == KNOCK:
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [ANSWER]
        return application(environ, start_response)

    return answer


def check_free(port: int) -> None:
    """Make sure that nobody listens on a port of this machine; 0 for any that is free.

    Raises:
        EnvironmentNotReadyError: Somebody does, or nobody may.
    """
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            raise EnvironmentNotReadyError(
                f"The local cloud cannot listen on port {port}",
                "another program, perhaps another local cloud, listens there" if taken else str(error),
                "orchard local up --port 0",
            ) from error


def _stop_executions() -> None:
    """An execution is a thread that asks this server; without the server it would only log errors."""
    from moto.core.utils import utcnow
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    for account in stepfunctions_parser_backends.values():
        for backend in account.values():
            executions: list[Any] = [one for machine in backend.state_machines for one in machine.executions]
            for execution in executions:
                if execution.status == "RUNNING" and execution.exec_worker.env is not None:
                    execution.stop(stop_date=utcnow(), error=None, cause="The local cloud has ended")


def _forget() -> None:
    """Empty all of moto's accounts: they belong to the process, not to a server."""
    from moto.moto_api._internal.models import moto_api_backend

    moto_api_backend.reset()
