"""What EMR says of a command that failed is no more than what it says on AWS: never what every process says."""

from pathlib import Path

import pytest

from orchard.local.emr.commands import Commands
from orchard.local.emr.logs import LogFolder

SHUTDOWN = "26/11/20 10:00:02 INFO ShutdownHookManager: Shutdown hook called"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (f'Exception in thread "main" java.io.IOException: gone\n\tat a.B(C.java:1)\n{SHUTDOWN}\n', "gone"),
        (f"{SHUTDOWN}\n26/11/20 10:00:02 INFO SparkContext: Successfully stopped SparkContext\n", ""),
        ("", ""),
    ],
)
def test_the_message_of_a_failed_command_is_never_a_line_of_its_shutdown(
    tmp_path: Path, said: str, message: str
) -> None:
    (tmp_path / "said").write_text(said)
    command = ["sh", "-c", "cat said >&2; exit 3"]
    ended = Commands().run("s-1", command, {"PATH": "/usr/bin:/bin"}, tmp_path, LogFolder(tmp_path / "logs", None))
    assert ended.code == 3
    assert ended.message.endswith(message)
    assert bool(ended.message) is bool(message)
