"""The programs that a node, or a worker of a job run, finds on its PATH: those of its image, and no others.

What this machine has beside them (another Python, a tool of the user's) is not there.
"""

from __future__ import annotations

import shlex
import shutil
import sys
import venv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = (
    *("awk", "base64", "basename", "bash", "cat", "chgrp", "chmod", "chown", "comm", "cp", "cut", "date", "dd", "df"),
    *("diff", "dirname", "du", "echo", "env", "expr", "false", "find", "getconf", "grep", "groups", "gunzip", "gzip"),
    *("head", "hostname", "id", "join", "kill", "ln", "ls", "md5sum", "mkdir", "mktemp", "mv", "nice", "nohup"),
    *("nproc", "od", "paste", "printf", "ps", "pwd", "readlink", "realpath", "rm", "rmdir", "sed", "seq", "setsid"),
    *("sh", "sha256sum", "sleep", "sort", "split", "stat", "stty", "tail", "tar", "tee", "test", "timeout", "touch"),
    *("tr", "true", "tty", "uname", "uniq", "wc", "which", "whoami", "xargs", "zcat"),
)
"""Of what Amazon Linux 2023 has in bash, coreutils, diffutils, findutils, gawk, grep, gzip, procps-ng, sed, tar and
util-linux, what scripts use. There is no `python` and no `python3`: on a node these are 3.9, of the system's tools."""

_SUDO = """\
#!/bin/sh
# A node's user may become root; here everything belongs to one user, who stays who he is.
while :; do
  case "$1" in
    -u | -g | -h | -p) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
exec env "$@"
"""

_SUBMIT = """\
#!/bin/sh
# As on EMR, only Spark's own programs have what spark-env exports.
. "$SPARK_CONF_DIR/spark-env"
exec "$SPARK_HOME/bin/spark-submit" "$@"
"""


def bare_python(folder: Path) -> Path | None:
    """A Python 3.11 with nothing but its standard library, as a fresh image has it.

    Returns:
        Its program; None where this machine's Python is another version.
    """
    if sys.version_info[:2] != (3, 11):
        return None
    venv.create(folder, symlinks=True, with_pip=False)
    return folder / "bin" / "python3.11"


def write_tools(folder: Path, python: Path | None, *, node: bool) -> None:
    """Lay out the programs of an image.

    Args:
        python: Its python3.11; None if it has none.
        node: Whether it is a node's, with `sudo` and the AWS CLI.
    """
    folder.mkdir(parents=True)
    for name in COMMANDS:
        found = shutil.which(name)
        if found is not None:
            (folder / name).symlink_to(found)
    if python is not None:
        _write(folder / "python3.11", f'#!/bin/sh\nexec {shlex.quote(str(python))} "$@"\n')
    if node:
        _write(folder / "sudo", _SUDO)
        _write(folder / "aws", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m awscli "$@"\n')


def write_submit(folder: Path) -> None:
    """Lay out `spark-submit`.

    Args:
        folder: Where; it comes with Spark, after the image's own programs.
    """
    folder.mkdir(parents=True)
    _write(folder / "spark-submit", _SUBMIT)


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
