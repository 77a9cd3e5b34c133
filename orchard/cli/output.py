"""What is written where and how: results to stdout, everything else to stderr; and how an error ends a command."""

from __future__ import annotations

import codecs
import functools
import io
import os
import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import typer
from rich.console import Console

from orchard.cli.settings import Settings
from orchard.errors import OrchardError, UsageError, explain_import, shown_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from rich.table import Table
    from rich.text import Text

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_PIPE_CLOSED = 141  # 128 + SIGPIPE

_ENDLESS = 100_000

_P = ParamSpec("_P")


class _Terminal(Console):
    """A console that no text of unknown origin can speak to: what is not printable is shown, not sent."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def render_str(self, text: str, **more: Any) -> Text:  # noqa: ANN401 (Rich's own options)
        """Make a text of a string, also of one in a table."""
        return super().render_str(shown_lines(text), **more)


def results_console() -> Console:
    """Where a command's result goes: stdout."""
    return _Terminal()


def progress_console() -> Console:
    """Where everything else goes: stderr, so that a result can be piped."""
    return _Terminal(stderr=True)


_IN_ASCII = str.maketrans({"…": "...", "→": "->"})


def write_anything() -> None:
    """Let stdout and stderr take any text: what their encoding lacks is written in ASCII, and ends no command."""
    codecs.register_error("orchard", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="orchard")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].translate(_IN_ASCII)
    return lacking.encode("ascii", "backslashreplace").decode(), error.end


def spinner(console: Console) -> str:
    """The name of a spinner that the console's encoding has."""
    return "dots" if console.encoding.startswith("utf") else "line"


def busy(console: Console, what: str) -> AbstractContextManager[object]:
    """Say that something takes a while: a spinner on a terminal, a line elsewhere."""
    if console.is_terminal:
        return console.status(f"{what} …", spinner=spinner(console))
    from contextlib import nullcontext

    console.print(f"{what} …")
    return nullcontext()


def confirm(question: str, yes: bool) -> bool:
    """Ask before something is done that cannot be undone.

    Args:
        question: What would be done, as a question.

    Raises:
        UsageError: There is nobody to ask.
    """
    if yes:
        return True
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise KeyboardInterrupt from None
        raise UsageError(
            "Nothing was done", "the question was not answered", "add --yes to do it without asking"
        ) from None


def delete_confirmed(amount: str, where: str, delete: Callable[[], None], *, yes: bool, dry_run: bool) -> bool:
    """Delete what was shown, if that is wanted.

    Args:
        amount: How much it is.
        where: The end of the question.
        delete: Does it.
        yes: Without asking.

    Returns:
        Whether it was deleted.
    """
    console = progress_console()
    if dry_run:
        console.print(f"This would delete {amount}.")
        return False
    deleted = confirm(f"Delete {amount} in {where}?", yes)
    if deleted:
        delete()
    console.print(f"Deleted {amount}." if deleted else "Nothing was deleted.")
    return deleted


def now() -> datetime:
    """The present."""
    return datetime.now(UTC)


def when(time: datetime) -> str:
    """A time as the user's clock shows it."""
    return f"{time.astimezone():%Y-%m-%d %H:%M}"


def table_of(*titles: str) -> Table:
    """An empty table without lines; a title that begins with `>` is that of a column of numbers, say."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        if title.startswith(">"):
            table.add_column(title[1:], justify="right", no_wrap=True)
        else:
            table.add_column(title, overflow="fold")
    return table


def facts_table(rows: Iterable[tuple[str, str]]) -> Table:
    """A table of facts, a title and a text in each row."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def show_table(table: Table, console: Console) -> None:
    """Write a table, no word of it broken: what is longer than a terminal is wide, the terminal itself breaks.

    Within a terminal's width if it can be, and in one line a row everywhere else, for `grep` and `cut`.
    """
    least, most = _widths(table, console)
    if console.is_terminal:
        console.width = max(console.width, least)
        console.print(table, soft_wrap=False)
        return
    console.width = most
    with console.capture() as written:
        console.print(table, soft_wrap=False)
    console.print("\n".join(line.rstrip() for line in written.get().splitlines()))


def fits(table: Table, console: Console) -> bool:
    """Whether a table has room, one line a row."""
    return not console.is_terminal or _widths(table, console)[1] <= console.width


def _widths(table: Table, console: Console) -> tuple[int, int]:
    from rich.measure import Measurement

    least, most = Measurement.get(console, console.options.update(width=_ENDLESS), table)
    return least, most


def ends_well(command: Callable[Concatenate[typer.Context, _P], None]) -> Callable[..., None]:
    """Make a command end with a message and an exit code, whatever happens in it.

    Returns:
        The command, raising `typer.Exit` only: an `OrchardError` becomes its headline, cause and next command, an
        import of what no extra has brought the command that installs it, Ctrl-C the shell's own exit code, and
        anything else a short apology. With `--debug` the traceback is shown too.
    """

    @functools.wraps(command)
    def run(ctx: typer.Context, *args: _P.args, **kwargs: _P.kwargs) -> None:
        write_anything()
        settings = ctx.obj if isinstance(ctx.obj, Settings) else Settings()
        try:
            command(ctx, *args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None
        except BrokenPipeError:  # whoever read the result has seen enough: `| head -1`
            _write_nothing_more()
            raise typer.Exit(_PIPE_CLOSED) from None
        except OrchardError as error:
            _show_traceback(settings)
            if isinstance(error, UsageError) and not error.next_command:
                error.next_command = f"{ctx.command_path} --help"
            show_error(error)
            raise typer.Exit(error.exit_code) from None
        except Exception as error:
            _show_traceback(settings)
            if isinstance(error, ImportError) and (absent := explain_import(error)):
                show_error(absent)
                raise typer.Exit(absent.exit_code) from None
            again = "" if settings.debug else f"orchard --debug {ctx.info_name} … shows the traceback"
            show_error(OrchardError("Something unexpected happened", f"{type(error).__name__}: {error}", again))
            raise typer.Exit(1) from None

    return run


def _write_nothing_more() -> None:
    """Send what is still to be flushed nowhere: Python would complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.__stdout__.fileno() if sys.__stdout__ else 1)
    os.close(nowhere)


def show_error(error: OrchardError) -> None:
    """Write an error to stderr: headline, cause, and what to type next."""
    console = progress_console()
    console.print(f"Error: {error.headline}", style="bold red")
    if error.cause:
        console.print(f"  {error.cause}")
    if error.next_command:
        console.print(f"  Next: {error.next_command}", style="cyan")


def _show_traceback(settings: Settings) -> None:
    if settings.debug:
        progress_console().print(traceback.format_exc())
