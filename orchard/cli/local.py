"""`orchard local up`: the local cloud in the foreground, for the AWS CLI, boto3 and every `orchard` command."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Annotated

import typer

from orchard.cli.one_run import follower
from orchard.cli.output import ends_well, progress_console, results_console
from orchard.options import ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from orchard.cli.target import LocalPlace, Place
    from orchard.runs.follow import Follower
    from orchard.runs.progress import Progress

app = typer.Typer(help="The local cloud.", no_args_is_help=True)

_LOOK_EVERY = 2.0


@app.callback()
def local() -> None:
    """Keep `up` a command of its own: a Typer application with a single command would be that command."""


@app.command("up")
@ends_well
def up(
    ctx: typer.Context,
    weights: Annotated[
        str, typer.Option(metavar="imagenet|random|PATH", help="The weights of the network that runs use.")
    ] = "imagenet",
    engine: Annotated[str, typer.Option(help=f"What computes the features: {' or '.join(ENGINES)}.")] = ENGINES[0],
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 for any free one.")] = 4566,
) -> None:
    """Keep a local cloud running until Ctrl-C, and print what happens in it."""
    from orchard.cli.run import exported_model
    from orchard.cli.target import check_local, in_local_cloud
    from orchard.options import RunOptions

    RunOptions(engine=engine)  # says what is wrong with it before anything is started
    check_local()
    from orchard.local.moto.server import check_free

    check_free(port)
    console = progress_console()
    model = exported_model(weights, console)
    with in_local_cloud(model, engine, lambda what: console.print(f"{what} …", style="dim"), port) as place:
        show_way_in(place, results_console())
        console.print("Waiting for uploads. Ctrl-C ends the local cloud.")
        try:
            watch(place, console)
        except KeyboardInterrupt:
            console.print("Ending the local cloud.")
            raise


def show_way_in(place: LocalPlace, console: Console) -> None:
    """Write what to type in another terminal to use the local cloud."""
    for name, value in sorted(place.environment.items()):
        console.print(f"export {name}={shlex.quote(value)}")
    for what, bucket in (("input", place.stack.input_bucket), ("results", place.stack.results_bucket)):
        console.print(f"# {what} bucket: {bucket}")
    console.print(f"# start a run: aws s3 cp fruits.zip s3://{place.stack.input_bucket}/")


def watch(place: Place, console: Console, sleep: Callable[[float], None] = time.sleep) -> None:
    """Tell what runs do and what notices say, until interrupted.

    Args:
        sleep: Waits for so many seconds.
    """
    watcher = Watcher(place)
    while True:
        for line in watcher.look():
            console.print(line)
        sleep(_LOOK_EVERY)


class Watcher:
    """Knows every run of a place, and what was told of it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._followers: dict[str, Follower] = {}
        self._seen: dict[str, Progress] = {}
        self._odd: set[str] = set()
        self._notices = 0

    def look(self) -> list[str]:
        """What has happened since the last look, a line each."""
        from orchard.cli.display import clock, news

        lines = []
        for run in self._runs():
            before = self._seen.get(run)
            if before is not None and before.ended:
                continue
            if run not in self._followers:
                self._followers[run] = follower(self._place, run)
            try:
                progress = self._followers[run].look()
            except Exception as error:  # one odd execution must not end the cloud of all others
                lines += [] if run in self._odd else [f"{run}  cannot be followed: {error}"]
                self._odd.add(run)
                continue
            if progress is not None:
                lines += [f"{run} {clock(progress.elapsed):>8}  {line}" for line in news(before, progress)]
                self._seen[run] = progress
        notices = self._place.notices()
        lines += notices[self._notices :]
        self._notices = len(notices)
        return lines

    def _runs(self) -> list[str]:
        from orchard.runs.listing import list_runs

        newest_first = list(list_runs(self._place.step_functions, self._place.stack.state_machine_arn))
        return [run.id for run in reversed(newest_first)]
