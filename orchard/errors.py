"""What a user is told: errors, what is to be installed, commands to paste, and text of unknown origin.

Every error that a user can cause or mend is an `OrchardError`: a headline, the cause, and the next command to type.
Whatever else is raised is a defect of ours, and keeps its traceback.

    OrchardError                     exit 1   the run failed
    ├── RunFailedError               exit 1   an execution ended FAILED, TIMED_OUT or ABORTED
    ├── UsageError                   exit 2   a wrong argument
    │   └── OptionsError             exit 2   run options that contradict each other or the archive
    ├── ArchiveError                 exit 2   something about the zip; see orchard/archive/errors.py
    │   └── TooManyRejectedError     exit 2   too many of its images were rejected; see orchard/archive/too_many.py
    └── EnvironmentNotReadyError     exit 3   a tool, a credential, a stack or an artefact is missing
        └── WeightsUnavailableError  exit 3   the network's weights are neither cached nor downloadable

A key of S3 and a name in a zip may hold anything: escapes that move a terminal's cursor or rewrite its title, line
breaks that forge a line of a log, marks that turn the direction of writing, halves of characters that no encoding has.
What is shown of them is escaped.
"""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

ERROR_MARK = "ORCHARD-ERROR "
"""Begins the one line by which `orchard.diagnose` finds what a job itself says of its failure. It is written to stderr,
which `spark-submit` sends on to the step's stdout."""

_EXPORT = ("keras", "numpy", "onnx", "onnxruntime", "tensorflow", "tf2onnx")
_SIMILAR = ("PIL", "jinja2", "numpy", "onnxruntime", "pyarrow")
_SPARK = ("PIL", "backports", "inflate64", "jinja2", "numpy", "onnxruntime", "plotly", "pyarrow", "pyspark")
_LOCAL = ("aws_lambda_powertools", "awscli", "awslambdaric", "jsonata", "moto", "samcli", "samtranslator")

EXTRAS = {"similar": _SIMILAR, "spark": _SPARK, "export": _EXPORT, "local": (*_LOCAL, *_SPARK, *_EXPORT)}
"""What each extra brings along, by the names under which it is imported; the smaller ones first. Not pip: setuptools
warns of whoever looks for it."""

_HEADLINE = "A part of Orchard is not installed"
_NAMED = 3

_MAX_IN_A_SENTENCE = 120
_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_FOR_A_SHELL = {"\\": r"\\", "'": r"\'"}


class OrchardError(Exception):
    """An error with a message for the user.

    Attributes:
        headline: What happened, one sentence without a full stop. What is not printable in it is escaped.
        cause: Why, in plain words; likewise, but for its line breaks.
        next_command: What to type next; empty when there is nothing to type.
        exit_code: What the command line exits with.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, headline: str, cause: str = "", next_command: str = "") -> None:
        super().__init__(headline, cause, next_command)
        self.headline = shown(headline)
        self.cause = shown_lines(cause)
        self.next_command = next_command

    def __str__(self) -> str:
        return f"{self.headline}: {self.cause}" if self.cause else self.headline


class RunFailedError(OrchardError):
    """An execution ended without results."""


class UsageError(OrchardError):
    """The user asked for something that cannot be."""

    exit_code = 2


class OptionsError(UsageError):
    """Run options that contradict each other, or the archive they are meant for."""


class ArchiveError(OrchardError):
    """The archive cannot be used."""

    exit_code = 2


class TooManyRejectedError(ArchiveError):
    """More of the archive's images were rejected than the run may lose."""


class EnvironmentNotReadyError(OrchardError):
    """Something that the command needs is not there yet."""

    exit_code = 3


class WeightsUnavailableError(EnvironmentNotReadyError):
    """The weights asked for are neither on this machine nor to be had."""


def installing(extra: str) -> str:
    """The command that installs an extra beside what is there."""
    return f"pip install 'orchard[{extra}]'"


def missing(extra: str) -> list[str]:
    """The modules of an extra that cannot be imported here; none is imported to find out."""
    return [name for name in dict.fromkeys(EXTRAS[extra]) if find_spec(name) is None]


def require_extra(extra: str, what: str) -> None:
    """Make sure that an extra is installed.

    Args:
        extra: Which.
        what: What needs it, as the subject of a sentence.

    Raises:
        EnvironmentNotReadyError: It is not, or not whole.
    """
    if absent := missing(extra):
        more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
        cause = f"{what} needs {', '.join(absent[:_NAMED])}{more}"
        raise EnvironmentNotReadyError(_HEADLINE, cause, installing(extra))


def explain_import(error: ImportError) -> EnvironmentNotReadyError | None:
    """What to tell about an import that failed; None if no extra would mend it."""
    name = (error.name or "").partition(".")[0]
    extra = next((extra for extra, modules in EXTRAS.items() if name in modules), None)
    if extra is None:
        return None
    return EnvironmentNotReadyError(_HEADLINE, f"this needs {name}", installing(extra))


def shown(text: str) -> str:
    r"""A text on one line: what is not printable (by `str.isprintable`) as Python would write it, `\x1b` say."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def shown_lines(text: str) -> str:
    """The same of a text that may have several lines: line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(char if char in "\n\t" else _escaped(char) for char in text)


def in_quotes(path: str) -> str:
    """A path in the middle of a sentence: in quotes, escaped, and cut where it would fill a page."""
    return repr(path if len(path) <= _MAX_IN_A_SENTENCE else f"{path[:_MAX_IN_A_SENTENCE]}…")


def quoted(word: str) -> str:
    r"""One word of a command, ready to paste.

    Args:
        word: Any text.

    Returns:
        It, quoted where a shell needs it; with what is not printable in the form `$'\033'`, which bash and zsh read.
    """
    if word.isprintable():
        return shlex.quote(word)
    return "$'{}'".format("".join(_FOR_A_SHELL.get(char) or _for_a_shell(char) for char in word))


def command_line(words: Iterable[str]) -> str:
    """A command, ready to paste."""
    return " ".join(map(quoted, words))


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x100:
        return _ESCAPES.get(char) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _for_a_shell(char: str) -> str:
    r"""A character in `$'…'`, byte by byte: three octal digits, so that a digit behind them is not one of theirs."""
    if char.isprintable():
        return char
    # Python keeps a byte of a file's name that is no UTF-8 as one of these
    errors = "surrogateescape" if "\udc80" <= char <= "\udcff" else "surrogatepass"
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", errors))
