"""`orchard report`: a run's report, in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchard.cli.output import ends_well, progress_console, results_console
from orchard.cli.params import LatestRun
from orchard.cli.rescue import unwritable_is_an_error
from orchard.errors import RunFailedError, UsageError, command_line

if TYPE_CHECKING:
    from orchard.cli.target import Place

_REPORT = "report.html"


@ends_well
def report(
    ctx: typer.Context,
    run: LatestRun = "",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write. Default: out/<run id>/report.html.")
    ] = None,
    show: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
) -> None:
    """Fetch a run's report, and open it in the browser."""
    import webbrowser

    from orchard.cli.results import fetch, find_results
    from orchard.cli.target import in_aws

    if out is not None and out.is_dir():
        raise UsageError(f"{out} is a folder", "the report is one file", f"choose --out {out / _REPORT}")
    with in_aws(ctx.obj) as place:
        run_id = find_results(place, run)
        if out is None:
            folder = Path("out") / run_id
            fetch(place, run_id, folder, [_REPORT], partial=False)
            out = folder / _REPORT
        else:
            with unwritable_is_an_error(out, command_line(["orchard", "report", run_id, "--out", "FILE"])):
                _download(place, run_id, out)
    results_console().print(str(out))
    if show and not webbrowser.open(out.resolve().as_uri()):
        progress_console().print("No browser was found here to open it with.")


def _download(place: Place, run: str, path: Path) -> None:
    from botocore.exceptions import ClientError

    from orchard.aws.errors import is_absent
    from orchard.layout import ObjectAddress, run_files

    address = ObjectAddress.parse(run_files(place.stack.results_bucket, run).report)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.s3.download_file(address.bucket, address.key, str(path))
    except ClientError as error:
        if not is_absent(error):
            raise
        cause = f"{address.uri} does not exist: the run goes on, failed or was stopped"
        raise RunFailedError(f"The run {run} has no report", cause, f"orchard status {run}") from None
