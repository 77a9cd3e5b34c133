"""What is written where: results to stdout, everything else to stderr; and how an error ends a command."""

from __future__ import annotations

import functools
import traceback
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import typer
from rich.console import Console

from orchard.cli.settings import Settings
from orchard.errors import OrchardError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it

_P = ParamSpec("_P")


def results_console() -> Console:
    """Where a command's result goes: stdout."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def progress_console() -> Console:
    """Where everything else goes: stderr, so that a result can be piped."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def busy(console: Console, what: str) -> AbstractContextManager[object]:
    """Say that something takes a while: a spinner on a terminal, a line elsewhere."""
    if console.is_terminal:
        return console.status(f"{what} …")
    from contextlib import nullcontext

    console.print(f"{what} …")
    return nullcontext()


def ends_well(command: Callable[Concatenate[typer.Context, _P], None]) -> Callable[..., None]:
    """Make a command end with a message and an exit code, whatever happens in it.

    Args:
        command: A command that raises.

    Returns:
        The command, raising `typer.Exit` only: an `OrchardError` becomes its headline, cause and next command, Ctrl-C
        the shell's own exit code, and anything else a short apology. With `--debug` the traceback is shown too.
    """

    @functools.wraps(command)
    def run(ctx: typer.Context, *args: _P.args, **kwargs: _P.kwargs) -> None:
        settings = ctx.obj if isinstance(ctx.obj, Settings) else Settings()
        try:
            command(ctx, *args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None
        except OrchardError as error:
            _show_traceback(settings)
            if isinstance(error, UsageError) and not error.next_command:
                error.next_command = f"{ctx.command_path} --help"
            tell_error(error)
            raise typer.Exit(error.exit_code) from None
        except Exception as error:
            _show_traceback(settings)
            again = "" if settings.debug else f"orchard --debug {ctx.info_name} … shows where"
            tell_error(OrchardError("Something unexpected happened", f"{type(error).__name__}: {error}", again))
            raise typer.Exit(1) from None

    return run


def tell_error(error: OrchardError) -> None:
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
