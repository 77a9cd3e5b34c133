"""Text of unknown origin as it may be shown: on a terminal, in a mail, in a log.

A key of S3 and a name in a zip may hold anything: escapes that move a terminal's cursor or rewrite its title, line
breaks that forge a line of a log, marks that turn the direction of writing, halves of characters that no encoding has.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_IN_A_SENTENCE = 120
_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_FOR_A_SHELL = {"\\": r"\\", "'": r"\'"}


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
